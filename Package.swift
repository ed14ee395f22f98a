// swift-tools-version: 6.2
import PackageDescription

/// CI sets the variable; a newer compiler's new warnings should not break a user's build.
let warningsAreErrors = Context.environment["KONTOR_WARNINGS_AS_ERRORS"] != nil
let strict: [SwiftSetting] =
  [.enableUpcomingFeature("ExistentialAny")] + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : [])

let package = Package(
  name: "kontor",
  products: [
    .executable(name: "kontor", targets: ["kontor"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-atomics", from: "1.3.0"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CArchive", pkgConfig: "libarchive",
      providers: [.apt(["libarchive-dev", "libdeflate-dev", "liblzma-dev", "zlib1g-dev"])]),
    .target(
      name: "Access",
      dependencies: [
        "CCrypt", "ContainerImage", "Trust",
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: strict),
    .target(
      name: "AppContainer",
      dependencies: ["Archive", "ContainerImage", "ImageTransfer"],
      swiftSettings: strict),
    .target(
      name: "Archive",
      dependencies: ["CArchive", "ContainerImage", "ImageTransfer"],
      swiftSettings: strict),
    .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CLibcrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .target(
      name: "ContainerImage",
      dependencies: ["CLibcrypto", .product(name: "Crypto", package: "swift-crypto")],
      swiftSettings: strict),
    .target(
      name: "HTTPServer",
      dependencies: [
        .product(name: "Atomics", package: "swift-atomics"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOExtras", package: "swift-nio-extras"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      swiftSettings: strict),
    .target(name: "CLocalPrograms"),
    .systemLibrary(name: "CLdap", providers: [.apt(["libldap-dev"])]),
    .target(name: "LDAP", dependencies: ["CLdap", "ContainerImage"], swiftSettings: strict),
    .target(
      name: "Mirroring",
      dependencies: [
        "Access", "ContainerImage", "ImageTransfer", "Registry", "RegistryClient", "Storage", "Trust",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: strict),
    .target(name: "LocalPrograms", dependencies: ["CLocalPrograms"], swiftSettings: strict),
    .target(
      name: "ImageTransfer",
      dependencies: ["ContainerImage"],
      swiftSettings: strict),
    .target(name: "CStorage"),
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
    .target(
      name: "Storage",
      dependencies: [
        "CStorage", "ContainerImage",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: strict),
    .target(
      name: "Replication",
      dependencies: [
        "Access", "AppContainer", "ContainerImage", "ImageTransfer", "Mirroring", "Registry",
        "RegistryClient",
        "Runtimes", "Storage", "Trust",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: strict),
    .target(
      name: "Registry",
      dependencies: [
        "Access", "AppContainer", "Archive", "ContainerImage", "ImageTransfer", "LDAP", "Storage", "Trust",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: strict),
    .target(
      name: "RegistryAPI",
      dependencies: [
        "Access", "AppContainer", "ContainerImage", "HTTPServer", "Mirroring", "Registry", "RegistryClient",
        "Replication", "Storage",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: strict),
    .target(
      name: "RegistryClient",
      dependencies: [
        "AppContainer", "CCurl", "ContainerImage", "ImageTransfer", "LocalPrograms", "Trust",
        .product(name: "TOMLKit", package: "TOMLKit"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: strict),
    .target(name: "CRnp", linkerSettings: [.linkedLibrary("rnp")]),
    .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .target(
      name: "Trust",
      dependencies: [
        "CRnp", "CSodium", "ContainerImage",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ],
      swiftSettings: strict),
    .target(name: "CRuntimes"),
    .target(
      name: "Runtimes",
      dependencies: [
        "AppContainer", "Archive", "CRuntimes", "ContainerImage", "ImageTransfer", "LocalPrograms", "Trust",
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "kontor",
      dependencies: [
        "Access", "AppContainer", "Archive", "ContainerImage", "HTTPServer", "ImageTransfer", "LDAP",
        "LocalPrograms", "Mirroring",
        "Registry",
        "RegistryAPI", "RegistryClient", "Replication", "Runtimes", "Storage", "Trust",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "AccessTests", dependencies: ["Access", "ContainerImage", "Trust"], exclude: ["Materials"],
      swiftSettings: strict),
    .testTarget(
      name: "AppContainerTests",
      dependencies: ["AppContainer", "Archive", "ContainerImage", "ImageTransfer"],
      swiftSettings: strict),
    .testTarget(
      name: "ArchiveTests",
      dependencies: ["Archive", "CArchive", "ContainerImage", "ImageTransfer"],
      swiftSettings: strict),
    .testTarget(name: "ContainerImageTests", dependencies: ["ContainerImage"], swiftSettings: strict),
    .testTarget(name: "HTTPServerTests", dependencies: ["HTTPServer"], swiftSettings: strict),
    .testTarget(name: "LDAPTests", dependencies: ["CLdap", "LDAP"], swiftSettings: strict),
    .testTarget(
      name: "MirroringTests",
      dependencies: ["Access", "ContainerImage", "Mirroring", "Registry", "RegistryClient", "Storage"],
      swiftSettings: strict),
    .testTarget(
      name: "ReplicationTests",
      dependencies: [
        "ContainerImage", "ImageTransfer", "Mirroring", "Registry", "RegistryClient", "Replication",
        "Storage",
      ],
      swiftSettings: strict),
    .testTarget(name: "StorageTests", dependencies: ["Storage"], swiftSettings: strict),
    .testTarget(
      name: "RegistryTests", dependencies: ["Access", "AppContainer", "Registry", "Trust"],
      swiftSettings: strict),
    .testTarget(
      name: "RegistryClientTests", dependencies: ["AppContainer", "RegistryClient", "Trust"],
      swiftSettings: strict),
    .testTarget(name: "RegistryAPITests", dependencies: ["RegistryAPI"], swiftSettings: strict),
    .testTarget(
      name: "RuntimesTests",
      dependencies: [
        "AppContainer", "Archive", "ContainerImage", "ImageTransfer", "LocalPrograms", "Runtimes", "Trust",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "TrustTests", dependencies: ["Trust"], exclude: ["Materials"], swiftSettings: strict),
    .testTarget(name: "KontorTests", dependencies: ["kontor"], swiftSettings: strict),
    .testTarget(
      name: "EndToEnd",
      dependencies: [
        "ContainerImage", .target(name: "kontor"), .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
