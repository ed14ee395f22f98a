import Foundation
import Testing

@testable import RegistryClient

/// `certs.d` directories mean what they mean for Docker and containers' tools.
@Suite struct SettingsCertificatesTests {
  private func certificates(_ machine: SettingsMachine, _ registry: String) throws -> RegistryCertificates {
    try CertificateDirectories(machine.environment).certificates(for: registry)
  }

  @Test func aDirectoryHasAuthoritiesAndClientsByTheirExtensions() throws {
    try withMachine { machine in
      let directory = machine.root + "/etc/docker/certs.d/a.example:5000/"
      for name in ["ca.crt", "b.crt", "client.cert", "client.key", "notes.txt", ".hidden.cert"] {
        try machine.write(directory + name, "")
      }
      let found = try certificates(machine, "a.example:5000")
      #expect(found.authorities == [directory + "b.crt", directory + "ca.crt"])
      #expect(found.clients == [.init(certificate: directory + "client.cert", key: directory + "client.key")])
      #expect(try certificates(machine, "a.example").isEmpty)
    }
  }

  @Test func onlyTheFirstDirectoryThatIsThereCounts() throws {
    try withMachine { machine in
      for directory in [
        machine.root + "/etc/docker", machine.root + "/etc/containers", machine.home + "/.config/containers",
      ] {
        let path = try machine.write(directory + "/certs.d/a.example/ca.crt", "")
        #expect(try certificates(machine, "a.example") == .init(authorities: [path]))
      }
    }
  }

  @Test func aCertificateWithoutAKeyIsAnErrorAndSoIsAKeyWithoutACertificate() throws {
    try withMachine { machine in
      let directory = machine.root + "/etc/docker/certs.d/"
      try machine.write(directory + "a/ca.cert", "")
      try machine.write(directory + "b/client.key", "")
      #expect(
        message { try certificates(machine, "a") }
          == "\(directory)a: the key ca.key for the client certificate ca.cert is missing; "
          + "the certificate of an authority has to be named *.crt")
      #expect(
        message { try certificates(machine, "b") }
          == "\(directory)b: the client certificate client.cert for the key client.key is missing")
    }
  }
}
