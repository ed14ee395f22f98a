import AppContainer
import ArgumentParser
import ImageTransfer
import Trust

#if canImport(Glibc)
  import Glibc
#endif

/// The command line of `kontor`.
@main
struct Kontor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kontor",
    abstract: "An image registry for Docker, OCI and every runtime.",
    discussion: """
      Start a registry with 'kontor serve', then push to it: docker push 127.0.0.1:5000/NAME:TAG, or \
      kontor push oci:DIR 127.0.0.1:5000/NAME:TAG
      """,
    version: "kontor 0.1.0",
    groupedSubcommands: [
      CommandGroup(
        name: "Registry", subcommands: [ServeCommand.self, GCCommand.self, ScrubCommand.self]),
      CommandGroup(
        name: "Images",
        subcommands: [
          PullCommand.self, PushCommand.self, CopyCommand.self, InspectCommand.self, TagsCommand.self,
          ReposCommand.self, ReferrersCommand.self, InventoryCommand.self, TagCommand.self,
          DeleteCommand.self,
        ]),
      CommandGroup(
        name: "Trust",
        subcommands: [
          VerifyCommand.self, TrustCommand.self, PolicyCommand.self, SignCommand.self,
          GenerateKeyPairCommand.self,
        ]),
      CommandGroup(name: "App Container images", subcommands: [ACICommand.self]),
      CommandGroup(
        name: "Access",
        subcommands: [
          LoginCommand.self, LogoutCommand.self, UserCommand.self, TokenCommand.self, AccessCommand.self,
        ]),
      CommandGroup(name: "Other registries", subcommands: [MirrorCommand.self, SyncCommand.self]),
    ])

  /// Exit codes are 0 for done, 1 for failed, 2 for wrong usage, 3 for not found, 4 for denied and 5 for not
  /// trusted. The answer goes to standard output, all
  /// else to standard error.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      end(error)
    }
  }

  private static func end(_ error: any Error) -> Never {
    switch error {
    case let failure as Failure:
      printError("kontor: \(failure.message)")
      Glibc.exit(failure.code)
    case let error as ConfigurationError:
      printError("kontor: \(error)")
      Glibc.exit(2)
    case let error as AppContainerError:
      printError("kontor: \(error)")
      Glibc.exit(1)
    case let error as TrustError:
      printError("kontor: \(error)")
      Glibc.exit(1)
    case let error as TransferError:
      printError("kontor: \(error)")
      Glibc.exit(error.exitCode)
    default:
      let code = exitCode(for: error)
      let text = fullMessage(for: error)
      if code.isSuccess {
        print(text)
      } else if !text.isEmpty {
        printError(text)
      }
      Glibc.exit(code == .validationFailure ? 2 : code.rawValue)
    }
  }
}

/// Why a command could not do its work, in words for its user.
struct Failure: Error {
  var message: String
  var code: CInt = 1
}

func printError(_ text: String) {
  _ = Array((text + "\n").utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

extension TransferError {
  fileprivate var exitCode: CInt {
    switch self {
    case .notFound: 3
    case .denied: 4
    case .notTrusted: 5
    case .wrongContent, .notAnImage, .exists, .failed, .cancelled: 1
    }
  }
}
