import Archive
import ContainerImage
import Foundation
import ImageTransfer
import Testing

@testable import Runtimes

/// Container engines that do not do what they should.
@Suite struct EngineTests {
  /// As the client does: a program that has closed its input is an error, no signal.
  init() { signal(SIGPIPE, SIG_IGN) }

  private let name = "docker.io/trade/hello:v1"

  private func reference() throws -> ImageReference { try ImageReference(parsing: name) }

  // MARK: Docker

  private func docker(_ socket: ScriptedSocket) -> EngineEnvironment {
    EngineEnvironment(variables: ["DOCKER_HOST": "unix://\(socket.path)"])
  }

  private func chunked(_ bytes: [UInt8], isWhole: Bool = true) -> [UInt8] {
    var answer = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    for start in stride(from: 0, to: bytes.count, by: 1000) {
      let piece = bytes[start..<min(start + 1000, bytes.count)]
      answer += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8)
    }
    return answer + (isWhole ? Array("0\r\n\r\n".utf8) : [])
  }

  @Test("an image of Docker's is read from the stream that its daemon sends")
  func fromDocker() async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      let archive = chunked(try TestArchive.bytes(sample.dockerArchive, .none))
      try withSocket(directory, [.init(bytes: archive)]) { socket in
        let source = try ImportSource(
          DockerDaemonImport(ImageReference(parsing: "trade/hello"), docker(socket)), cache: directory)
        let manifest = try source.root().manifest()
        #expect(manifest.config?.digest == Digest(hashing: sample.config))
        #expect(manifest.layers.map(\.digest) == [sample.diffID])
        let layer = try source.blob(manifest.layers[0], from: 0).contents(atMost: 1 << 20, of: "layer")
        #expect(layer == sample.tar)
        let request = String(decoding: socket.received[0], as: UTF8.self)
        #expect(request.hasPrefix("GET /images/docker.io/trade/hello:latest/get HTTP/1.1\r\n"))
      }
    }
  }

  @Test("what Docker does not give is an error in words, and nothing is left")
  func notFromDocker() async throws {
    try await withDirectory { directory in
      let archive = try TestArchive.bytes(try SampleImage().dockerArchive, .none)
      for (answer, words) in [
        (Array("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".utf8), "Docker has no image \(name)"),
        (Array("HTTP/1.1 500 No\r\n\r\n{\"message\":\"no disk\"}\r\n".utf8), "says 500: no disk"),
        (chunked(Array(archive[..<3000]), isWhole: false), "broke off"),
        (chunked(archive, isWhole: false), "broke off"),
        (chunked(Array(archive[..<3000])), "damaged"),
        ([], "broke off"),
      ] {
        try withSocket(directory, [.init(bytes: answer)]) { socket in
          let error = refusal {
            try ImportSource(DockerDaemonImport(reference(), docker(socket)), cache: directory)
          }
          #expect(error.contains(words), "\(error)")
        }
      }
      #expect(leftovers(directory) == [])
    }
  }

  @Test("Docker gets the whole archive, with its end")
  func toDocker() async throws {
    try await withDirectory { directory in
      let steps = [
        ScriptedSocket.Step.pong,
        .init(until: "\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n{\"stream\":\"Loaded image: x\\n\"}\r\n"),
      ]
      try withSocket(directory, steps) { socket in
        try export(DockerDaemonExport(reference(), docker(socket)), directory)
        let request = socket.received[1]
        #expect(request.starts(with: Data("POST /images/load?quiet=1 HTTP/1.1\r\n".utf8)))
        #expect(request.range(of: Data(#""RepoTags":["\#(name)"]"#.utf8)) != nil)
        #expect(request.suffix(7) == Data("\r\n0\r\n\r\n".utf8))
      }
      #expect(leftovers(directory) == [])
    }
  }

  @Test("what Docker says against an image is told, whenever it says it")
  func dockerRefuses() async throws {
    try await withDirectory { directory in
      let pong = ScriptedSocket.Step.pong
      let reason = #"{"errorDetail":{"message":"bad layer"},"error":"bad layer"}"#
      let atEnd = ScriptedSocket.Step(until: "\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n{}\r\n\(reason)\r\n")
      let atOnce = ScriptedSocket.Step("HTTP/1.1 500 No\r\n\r\n{\"message\":\"no disk\"}\r\n")
      for (steps, words) in [
        ([pong, atEnd], "did not take the image: bad layer"), ([pong, atOnce], "says 500: no disk"),
        ([pong, .init("")], "broke off"), ([.init("HTTP/1.1 404 No\r\n\r\nwhat?")], "says 404: what?"),
        ([.init("good day\r\n\r\n")], "is no HTTP"),
      ] {
        try withSocket(directory, steps) { socket in
          let error = refusal { try export(DockerDaemonExport(reference(), docker(socket)), directory) }
          #expect(error.contains(words), "\(error)")
        }
      }
      let absent = EngineEnvironment(variables: ["DOCKER_HOST": "unix://\(directory)/none"])
      let noOne = refusal { try export(DockerDaemonExport(reference(), absent), directory) }
      #expect(noOne.contains("\(directory)/none") && noOne.contains("systemctl start docker"), "\(noOne)")
      let far = EngineEnvironment(variables: ["DOCKER_HOST": "tcp://docker.example:2376"])
      let other = refusal { try DockerDaemonExport(reference(), far) }
      #expect(other.contains("tcp://docker.example:2376") && other.contains("unix:///PATH"), "\(other)")
    }
  }

  // MARK: Programs

  /// A program with a shell's script. A process of its own writes it: one that is open for writing cannot be started.
  private func program(_ name: String, _ script: String, _ directory: String) async throws
    -> EngineEnvironment
  {
    let (file, bin) = ("\(directory)/script", "\(directory)/bin")
    try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: file))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
    try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
    try await Program.cp.run(file, "\(bin)/\(name)")
    return EngineEnvironment(variables: ["PATH": "\(bin):/usr/bin:/bin"])
  }

  @Test("podman gets an archive with its name, whole")
  func toPodman() async throws {
    try await withDirectory { directory in
      let got = "\(directory)/got.tar"
      let podman = try await program("podman", "echo \"$@\" >&2; exec cat > \(got)", directory)
      try export(PodmanExport("hello:v1", podman), directory)
      let source = try ImportSource(OCIArchiveImport(file: got, name: "hello:v1"), cache: directory)
      #expect(try source.root().bytes == SampleImage().manifest)
    }
  }

  @Test("a program that fails is quoted")
  func programFails() async throws {
    try await withDirectory { directory in
      for (script, words) in [
        ("head -c 600 > /dev/null; echo no room >&2; exit 7", "podman failed (exit code 7): no room"),
        ("cat > /dev/null; printf 'too\\033 late\\n'; exit 1", "podman failed (exit code 1): too late"),
        ("kill -9 $$", "podman failed (signal 9): it did not say why"),
        ("exec cat > /dev/full", "No space left"),
      ] {
        let podman = try await program("podman", script, directory)
        let error = refusal { try export(PodmanExport("hello", podman), directory) }
        #expect(error.contains(words), "\(error)")
      }
      let nothing = EngineEnvironment(variables: ["PATH": directory])
      let missing = refusal { try export(PodmanExport("hello", nothing), directory) }
      #expect(missing.contains("the program podman") && missing.contains("package podman"), "\(missing)")
    }
  }

  @Test("a program that ends well before it has the whole image did not take it")
  func programEndsEarly() async throws {
    try await withDirectory { directory in
      let cat = try await program("cat", "exit 0", directory)
      let program = EngineProgram(name: "cat", package: "coreutils", environment: cat)
      let error = refusal {
        try program.feed([]) { sink in
          let writer = try TarWriter(to: sink)
          // More than a pipe takes without a reader.
          try writer.add(
            TarEntry(path: "x", kind: .file, mode: 0o644), data: [UInt8](repeating: 1, count: 1 << 20))
          try writer.finish()
        }
      }
      #expect(error == "cat ended before it had the whole image")
    }
  }

  @Test("podman's image is read from what it writes; what it breaks off, or takes back, is none")
  func fromPodman() async throws {
    try await withDirectory { directory in
      let sample = try SampleImage()
      let file = try TestArchive.make(directory, try sample.ociArchive)
      let exists = "[ \"$1\" = image ] && exit 0"
      let podman = try await program("podman", "\(exists)\ncat \(file)", directory)
      do {
        let source = try ImportSource(PodmanImport("hello", podman), cache: directory)
        #expect(try source.root().bytes == sample.manifest)
      }
      for (script, words) in [
        ("head -c 1500 \(file); echo oh no >&2; exit 5", "podman failed (exit code 5): oh no"),
        ("cat \(file); echo oh no >&2; exit 5", "podman failed (exit code 5): oh no"),
        ("head -c 1500 \(file)", "damaged"), ("exec yes", "not a tar archive"),
      ] {
        let podman = try await program("podman", "\(exists)\n\(script)", directory)
        let error = refusal { try ImportSource(PodmanImport("hello", podman), cache: directory) }
        #expect(error.contains(words), "\(error)")
      }
      let none = try await program("podman", "echo where >&2; exit 1", directory)
      #expect(throws: TransferError.self) { try ImportSource(PodmanImport("hello", none), cache: directory) }
      let error = refusal { try ImportSource(PodmanImport("hello", none), cache: directory) }
      #expect(error.contains("podman has no image hello") && error.contains("where"), "\(error)")
      #expect(leftovers(directory) == [])
    }
  }

  @Test(
    "when the user stops it, the program is ended, also one that pays no heed",
    arguments: ["", "trap '' TERM; "])
  func cancelled(heed: String) async throws {
    try await withDirectory { directory in
      let started = "\(directory)/started"
      let script =
        "\(heed)echo $$ > \(started).new; mv \(started).new \(started); while :; do sleep 0.1; done"
      let variables = try await program("podman", script, directory).variables
      let podman = EngineEnvironment(variables: variables) { access(started, F_OK) == 0 }
      #expect(refusal { try export(PodmanExport("hello", podman), directory) } == "stopped")
      let text = try String(contentsOfFile: started, encoding: .utf8).trimmingCharacters(in: .newlines)
      let process = try #require(pid_t(text))
      #expect(kill(process, 0) == -1 && errno == ESRCH)
    }
  }

  // MARK: Parts

  /// Brings a small image to the place.
  private func export(_ export: @autoclosure () throws -> any ImageExport, _ directory: String) throws {
    let file = try TestArchive.make(directory, try SampleImage().ociArchive)
    let source = try ImportSource(OCIArchiveImport(file: file, name: nil), cache: directory)
    let staging = try StagingArea(for: "test", cache: "\(directory)/out")
    let destination = try ExportDestination(try export(), staging: staging) { _ in }
    _ = try ImageCopier(from: source, to: destination).copy()
  }

  private func leftovers(_ directory: String) -> [String] {
    ["\(directory)/kontor/staging", "\(directory)/out/kontor/staging"].flatMap { path in
      (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    }
  }
}
