@testable import AppContainer

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Manifests, most of which break one rule of the specification.
enum ManifestSamples {
  struct Refused: Sendable {
    let document: String
    /// What the message has.
    let message: String

    init(_ document: String, _ message: String) {
      self.document = document
      self.message = message
    }
  }

  struct Isolator: Sendable {
    let document: String
    let setting: ACIsolator.Setting

    init(_ name: String, _ value: String, _ setting: ACIsolator.Setting) {
      document = #"{"name":"\#(name)","value":\#(value)}"#
      self.setting = setting
    }
  }

  /// The example of appc 0.8.11, aci.md, "Image Manifest Schema", with an image ID that is one.
  static let specification = """
    {
      "acKind": "ImageManifest", "acVersion": "0.8.11", "name": "example.com/reduce-worker",
      "labels": [
        {"name": "version", "value": "1.0.0"}, {"name": "arch", "value": "amd64"}, {"name": "os", "value": "linux"}
      ],
      "app": {
        "exec": ["/usr/bin/reduce-worker", "--quiet"], "user": "100", "group": "300", "supplementaryGids": [400, 500],
        "eventHandlers": [
          {"exec": ["/usr/bin/data-downloader"], "name": "pre-start"},
          {"exec": ["/usr/bin/deregister-worker", "--verbose"], "name": "post-stop"}
        ],
        "workingDirectory": "/opt/work",
        "environment": [{"name": "REDUCE_WORKER_DEBUG", "value": "true"}],
        "isolators": [
          {"name": "resource/cpu", "value": {"request": "250m", "limit": "500m"}},
          {"name": "resource/memory", "value": {"request": "1G", "limit": "2G"}},
          {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_NET_BIND_SERVICE"]}}
        ],
        "mountPoints": [{"name": "work", "path": "/var/lib/work", "readOnly": false}],
        "ports": [
          {"name": "health", "port": 4000, "protocol": "tcp", "socketActivated": true},
          {"name": "ftp-data", "port": 20000, "count": 1000, "protocol": "tcp"}
        ]
      },
      "dependencies": [
        {
          "imageName": "example.com/reduce-worker-base", "imageID": "sha512-\(String(repeating: "a", count: 128))",
          "labels": [{"name": "os", "value": "linux"}, {"name": "env", "value": "canary"}], "size": 22017258
        }
      ],
      "pathWhitelist": [
        "/etc/ca/example.com/crt", "/usr/bin/map-reduce-worker", "/opt/libs/reduce-toolkit.so",
        "/etc/reduce-worker.conf", "/etc/systemd/system/"
      ],
      "annotations": [
        {"name": "authors", "value": "Carly Container <carly@example.com>"},
        {"name": "created", "value": "2014-10-27T19:32:27.67021798Z"},
        {"name": "documentation", "value": "https://example.com/docs"},
        {"name": "homepage", "value": "https://example.com"},
        {"name": "appc.io/executor/supports-systemd-notify", "value": "false"}
      ]
    }
    """

  static func manifest(app: String) -> String {
    #"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a","app":\#(app)}"#
  }

  static func manifest(isolators: String) -> String {
    manifest(app: #"{"user":"0","group":"0","isolators":[\#(isolators)]}"#)
  }

  private static func manifest(_ more: String) -> String {
    #"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a",\#(more)}"#
  }

  private static func labels(_ labels: (String, String)...) -> String {
    manifest(
      #""labels":[\#(labels.map { #"{"name":"\#($0.0)","value":"\#($0.1)"}"# }.joined(separator: ","))]"#)
  }

  private static func annotation(_ name: String, _ value: String) -> String {
    manifest(#""annotations":[{"name":"\#(name)","value":"\#(value)"}]"#)
  }

  static let refusedManifests = [
    Refused("", "not valid JSON"), Refused("[]", "not a JSON object"), Refused("{}", "acKind"),
    Refused("\u{feff}{}", "not valid JSON"),
    Refused(#"{"acKind":"PodManifest","acVersion":"0.8.11","name":"a"}"#, "acKind: expected ImageManifest"),
    Refused(#"{"acKind":"Foo","acVersion":"0.8.11","name":"a"}"#, "acKind"),
    Refused(#"{"acKind":"ImageManifest","name":"a"}"#, "acVersion: it is missing"),
    Refused(#"{"acKind":"ImageManifest","acVersion":"1","name":"a"}"#, "acVersion"),
    Refused(#"{"acKind":"ImageManifest","acVersion":"1.0.0","name":"a"}"#, "not compatible"),
    Refused(#"{"acKind":"ImageManifest","acVersion":"0.8.11"}"#, "name: it is missing"),
    Refused(#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"A"}"#, "name: \"A\""),
    Refused(#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":1}"#, "name: expected a string"),
    Refused(#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a","name":"b"}"#, "twice"),
    Refused(
      #"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a","Name":"b"}"#, "name: it is there twice"),
    Refused(manifest(#""labels":{}"#), "labels: expected a list"),
    Refused(manifest(#""labels":["x"]"#), "labels[0]: expected an object"),
    Refused(manifest(#""labels":[{"name":"version"}]"#), "labels[0].value: it is missing"),
    Refused(labels(("name", "x")), "labels: a label must not have the name"),
    Refused(labels(("Version", "x")), "labels[0].name"),
    Refused(labels(("a", "x"), ("a", "y")), "labels: the label a is there twice"),
    Refused(labels(("os", "linux"), ("arch", "arm64")), "arch has the value \"arm64\""),
    Refused(labels(("os", "linux"), ("arch", "arm")), "arch"),
    Refused(labels(("os", "linux"), ("arch", "S390x")), "arch"),
    Refused(labels(("os", "freebsd"), ("arch", "armv7b")), "arch"),
    Refused(labels(("os", "OS/360"), ("arch", "S/360")), "os has the value \"OS/360\""),
    Refused(annotation("created", "garbage"), "annotations: the annotation created"),
    Refused(annotation("homepage", "not-A$@#URL"), "annotations: the annotation homepage"),
    Refused(
      annotation("documentation", "ftp://isnotallowed.com"), "annotations: the annotation documentation"),
    Refused(
      manifest(#""annotations":[{"name":"a","value":"b"},{"name":"a","value":"b"}]"#),
      "annotation a is there twice"),
    Refused(manifest(#""dependencies":[{}]"#), "dependencies[0].imageName: it is missing"),
    Refused(manifest(#""dependencies":[{"imageName":"a","imageID":"sha512-"}]"#), "dependencies[0].imageID"),
    Refused(manifest(#""dependencies":[{"imageName":"a","size":-1}]"#), "dependencies[0].size"),
    Refused(
      manifest(#""dependencies":[{"imageName":"a","labels":[{"name":"A"}]}]"#),
      "dependencies[0].labels[0].name"),
    Refused(manifest(#""pathWhitelist":[1]"#), "pathWhitelist[0]: expected a string"),
    Refused(manifest(#""app":[]"#), "app: expected an object"),
  ]

  private static func app(_ more: String) -> String { #"{"user":"0","group":"0",\#(more)}"# }

  static let refusedApps = [
    Refused(#"{"exec":["/app"]}"#, "app.user: it is missing"),
    Refused(#"{"user":"0"}"#, "app.group: it is missing"),
    Refused(#"{"user":"","group":"0"}"#, "app.user: it must not be empty"),
    Refused(#"{"user":0,"group":"0"}"#, "app.user: expected a string"),
    Refused(app(#""exec":"sh""#), "app.exec: expected a list"),
    Refused(app(#""exec":["a",null]"#), "app.exec[1]: expected a string"),
    Refused(app(#""workingDirectory":"stuff""#), "app.workingDirectory: \"stuff\" is relative"),
    Refused(app(#""workingDirectory":"../home/fred""#), "app.workingDirectory"),
    Refused(app(#""supplementaryGIDs":[1,-1]"#), "app.supplementaryGIDs[1]"),
    Refused(app(#""supplementaryGIDs":[4294967296]"#), "app.supplementaryGIDs[0]"),
    Refused(
      app(#""supplementaryGIDs":[1],"supplementaryGids":[2]"#), "app.supplementaryGIDs: it is there twice"),
    Refused(app(#""eventHandlers":[{"name":"start"}]"#), "app.eventHandlers[0].name"),
    Refused(
      app(#""eventHandlers":[{"name":"pre-start"},{"name":"pre-start"}]"#), "app.eventHandlers[1].name"),
    Refused(
      app(#""environment":[{"name":"A","value":""},{"name":"A","value":""}]"#), "app.environment[1].name"),
    Refused(app(#""environment":[{"name":"","value":""}]"#), "app.environment[0].name"),
    Refused(app(#""environment":[{"name":"0DEBUG","value":""}]"#), "app.environment[0].name"),
    Refused(app(#""environment":[{"name":"VERBOSE|DEBUG","value":""}]"#), "app.environment[0].name"),
    Refused(app(#""environment":[{"name":"A"}]"#), "app.environment[0].value: it is missing"),
    Refused(app(#""mountPoints":[{"name":"foo#bar","path":"/tmp"}]"#), "app.mountPoints[0].name"),
    Refused(app(#""mountPoints":[{"name":"a"}]"#), "app.mountPoints[0].path"),
    Refused(app(#""mountPoints":[{"name":"a","path":""}]"#), "app.mountPoints[0].path"),
    Refused(
      app(#""mountPoints":[{"name":"a","path":"/","readOnly":"maybe"}]"#), "app.mountPoints[0].readOnly"),
    Refused(app(#""ports":[{"name":"a","protocol":"tcp"}]"#), "app.ports[0].port: it is missing"),
    Refused(app(#""ports":[{"name":"a","protocol":"tcp","port":88888}]"#), "app.ports[0].port"),
    Refused(app(#""ports":[{"name":"a","protocol":"tcp","port":0}]"#), "app.ports[0].port"),
    Refused(app(#""ports":[{"name":"a","protocol":"tcp","port":1.5}]"#), "app.ports[0].port"),
    Refused(
      app(#""ports":[{"name":"a","protocol":"tcp","port":32456,"count":45678}]"#), "app.ports[0].count"),
    Refused(app(#""ports":[{"name":"a","port":80}]"#), "app.ports[0].protocol: it is missing"),
    Refused(app(#""userLabels":{"a":1}"#), "app.userLabels.a: expected a string"),
    Refused(app(#""userAnnotations":[]"#), "app.userAnnotations: expected an object"),
  ]

  static let isolators = [
    Isolator(
      "os/linux/capabilities-remove-set", #"{"set":["CAP_KILL"]}"#, .capabilitiesRemoveSet(["CAP_KILL"])),
    Isolator("os/linux/no-new-privileges", "true", .noNewPrivileges(true)),
    Isolator(
      "os/linux/seccomp-retain-set", #"{"set":["@appc.io/all"]}"#,
      .seccompRetainSet(["@appc.io/all"], errno: "")),
    Isolator(
      "os/linux/seccomp-remove-set", #"{"errno":"ENOTSUP","set":["reboot"]}"#,
      .seccompRemoveSet(["reboot"], errno: "ENOTSUP")),
    Isolator("os/linux/cpu-shares", "2", .cpuShares(2)),
    Isolator("os/linux/oom-score-adj", "-1000", .oomScoreAdjustment(-1000)),
    Isolator(
      "os/linux/selinux-context", #"{"user":"u","role":"r","type":"t","level":"s0-s0:c0"}"#,
      .seLinuxContext(user: "u", role: "r", type: "t", level: "s0-s0:c0")),
    Isolator("os/linux/apparmor-profile", #"{"profile":"rkt-default"}"#, .appArmorProfile("rkt-default")),
    Isolator(
      "os/unix/sysctl", #"{"net.ipv4.tcp_mtu_probing":"1"}"#, .sysctl(["net.ipv4.tcp_mtu_probing": "1"])),
    Isolator("resource/memory", "{}", .resource(request: nil, limit: nil)),
  ]

  private static func isolator(_ name: String, _ value: String) -> String {
    #"{"name":"\#(name)","value":\#(value)}"#
  }

  static let refusedIsolators = [
    Refused(#"{"name":"resource/cpu"}"#, "app.isolators[0].value: it is missing"),
    Refused(#"{"name":"Resource","value":1}"#, "app.isolators[0].name"),
    Refused(isolator("resource/cpu", #"{"limit":"such garbage"}"#), "app.isolators[0].value.limit"),
    Refused(isolator("resource/cpu", #"{"request":""}"#), "app.isolators[0].value.request"),
    Refused(isolator("resource/cpu", #"{"default":true}"#), "app.isolators[0].value.default"),
    Refused(
      isolator("resource/block-iops", #"{"limit":"1000"}"#), "app.isolators[0].value.default: expected true"),
    Refused(
      isolator("resource/block-bandwidth", #"{"default":true,"request":"1","limit":"1"}"#),
      "app.isolators[0].value.request"),
    Refused(isolator("os/linux/capabilities-retain-set", #"{"set":[]}"#), "app.isolators[0].value.set"),
    Refused(
      isolator("os/linux/no-new-privileges", #""true""#), "app.isolators[0].value: expected true or false"),
    Refused(isolator("os/linux/seccomp-retain-set", #"{"errno":"EPERM"}"#), "app.isolators[0].value.set"),
    Refused(
      isolator("os/linux/seccomp-retain-set", #"{"set":["read"],"errno":"eperm"}"#),
      "app.isolators[0].value.errno"),
    Refused(isolator("os/linux/cpu-shares", "1"), "from 2 to 262144"),
    Refused(isolator("os/linux/oom-score-adj", "1001"), "from -1000 to 1000"),
    Refused(
      isolator("os/linux/selinux-context", #"{"user":"","role":"r","type":"t","level":"s0"}"#),
      "app.isolators[0].value.user"),
    Refused(
      isolator("os/linux/selinux-context", #"{"user":"u:t","role":"r","type":"t","level":"s0"}"#),
      "app.isolators[0].value.user: it must not have a colon"),
    Refused(isolator("os/linux/apparmor-profile", #"{"profile":""}"#), "app.isolators[0].value.profile"),
    Refused(isolator("os/linux/cpu-shares", "2") + "," + isolator("os/linux/cpu-shares", "3"), "there twice"),
    Refused(
      isolator("os/linux/seccomp-remove-set", #"{"set":["a"]}"#) + ","
        + isolator("os/linux/seccomp-retain-set", #"{"set":["b"]}"#), "exclude each other"),
    Refused(
      isolator("os/linux/capabilities-remove-set", #"{"set":["a"]}"#) + ","
        + isolator("os/linux/capabilities-retain-set", #"{"set":["b"]}"#), "exclude each other"),
  ]
}
