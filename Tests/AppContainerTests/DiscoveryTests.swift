import AppContainer
import Testing

@Suite("discovery pages and image names")
struct DiscoveryTests {
  private func endpoints(_ html: String, _ name: String = "example.com/app/hello:1.0,os=linux,arch=amd64")
    throws
    -> [String]
  {
    try DiscoveryPage(html: Array(html.utf8)).endpoints(for: ACImageName(parsing: name)).map(\.image)
  }

  @Test("names as rkt's users write them")
  func names() throws {
    for (text, labels) in [
      ("example.com/app", [:]), ("example.com/app:1.0", ["version": "1.0"]),
      ("example.com/app,channel=alpha,os=linux", ["channel": "alpha", "os": "linux"]),
      ("example.com/app:1.0.0+b,label=", ["version": "1.0.0+b", "label": ""]),
    ] as [(String, [String: String])] {
      let name = try ACImageName(parsing: text)
      let got = name.labels.labels.map { ($0.name.description, $0.value) }
      #expect(Dictionary(uniqueKeysWithValues: got) == labels)
      #expect(name.name.description == "example.com/app" && name.description == text)
    }
    for text in [
      "", "example.com/App", "a:1:2", "a,b=1:2", "a:", "a,b", "a,b=c=d", "a:1,version=2", "a,name=b",
      "a,os=plan9",
    ] {
      #expect(throws: AppContainerError.self, "\(text)") { try ACImageName(parsing: text) }
    }
  }

  @Test("a page with all that its author may write")
  func page() throws {
    let template = "https://example.com/{name}-{version}-{os}-{arch}.{ext}"
    let wanted = ["https://example.com/example.com/app/hello-1.0-linux-amd64.aci"]
    for html in [
      #"<meta name="ac-discovery" content="example.com \#(template)">"#,
      #"<META CONTENT='example.com/app   \#(template) ' NAME=ac-discovery />"#,
      "<html><head><meta\nname = \"ac-discovery\"\ncontent = \"example.com\n\(template)\"\n></head>",
      #"<meta charset=utf-8><p a=">"><meta name=ac&#45;dis&#x63;overy content="example&period; x">"#
        + #"<meta name=ac&#45;dis&#x63;overy content="example.com \#(template)">"#,
      #"< meta><!x><?y?></p><meta name="ac-discovery" content="example.com \#(template)"#,
    ] { #expect(try endpoints(html) == wanted, "\(html)") }
    for html in [
      "", "<", "<meta", "<meta name=", #"<meta name="ac-discovery">"#,
      #"<meta name="ac-discovery" content="example.com">"#,
      #"<meta name="description" content="example.com \#(template)">"#,
      #"<!-- <meta name="ac-discovery" content="example.com \#(template)"> -->"#,
      #"<script>"<meta name=ac-discovery content='example.com \#(template)'>"</SCRIPT>"#,
      #"<p title='<meta name="ac-discovery" content="example.com \#(template)">'>"#,
      #"<meta name="ac-discovery" content="example.org \#(template)">"#,
      #"<metadata name="ac-discovery" content="example.com \#(template)">"#,
    ] { #expect(try endpoints(html) == [], "\(html)") }
  }

  @Test("templates are filled with the labels, and those that stay unfilled are passed over")
  func templates() throws {
    let html = #"""
      <meta name="ac-discovery" content="example.com https://a.example/{channel}/{name}.{ext}">
      <meta name="ac-discovery" content="example.com/app/h https://b.example/?n={name}&amp;v={version}&amp;e={ext}">
      <meta name="ac-discovery-pubkeys" content="example.com https://example.com/keys.asc">
      """#
    #expect(
      try endpoints(html, "example.com/app/hello") == [
        "https://b.example/?n=example.com/app/hello&v=latest&e=aci"
      ])
    #expect(
      try endpoints(html, "example.com/app,channel=alpha") == ["https://a.example/alpha/example.com/app.aci"])
    let page = DiscoveryPage(html: Array(html.utf8))
    let hello = try ACImageName(parsing: "example.com/app/hello:2,channel={ext}")
    #expect(
      page.endpoints(for: hello).map(\.signature) == [
        "https://a.example/{ext}/example.com/app/hello.aci.asc",
        "https://b.example/?n=example.com/app/hello&v=2&e=aci.asc",
      ])
    #expect(page.keys(for: hello.name) == ["https://example.com/keys.asc"])
    #expect(page.keys(for: try ACIdentifier(parsing: "example.org/app")) == [])
  }
}
