import Access
import ContainerImage
import Foundation
import Logging
import Synchronization
import Testing
import Trust

@testable import Registry

/// An issuer whose keys the test exchanges, and whose answers it counts.
private final class Issuer: Sendable {
  private struct State {
    var key: SigningKey
    var fetches = 0
    var isDown = false
  }

  static let name = "https://ci.example"
  private let state: Mutex<State>

  init() throws { state = Mutex(State(key: try SigningKey())) }

  var fetches: Int { state.withLock(\.fetches) }
  func exchangeKey() throws {
    let key = try SigningKey()
    state.withLock { $0.key = key }
  }
  func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

  private struct Down: Error {}

  @Sendable func fetch(_ address: String, _ limit: Int) async throws -> [UInt8] {
    let key = try state.withLock { state in
      if address.hasSuffix("openid-configuration") { state.fetches += 1 }
      if state.isDown { throw Down() }
      return state.key
    }
    // Others come meanwhile.
    await Task.yield()
    switch address {
    case "https://ci.example/.well-known/openid-configuration":
      return Array(#"{"issuer": "https://ci.example", "jwks_uri": "https://ci.example/keys"}"#.utf8)
    case "https://ci.example/keys": return Array(TokenKey.jwks([TokenKey(key.publicKey)]).utf8)
    default: throw Down()
    }
  }

  func token(at time: Date) throws -> String {
    let key = state.withLock(\.key)
    return try TokenSigner(key: key).sign(
      TokenClaims(
        identity: Identity(kind: .user, name: "x"), issuer: Self.name, audience: "r", access: [], at: time,
        lifetime: 300))
  }
}

@Suite struct IssuerKeysTests {
  private static let start = Date(timeIntervalSince1970: 1_800_000_000)

  private func withKeys(_ body: (Issuer, IssuerKeys) async throws -> Void) async throws {
    let issuer = try Issuer()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    try await body(issuer, IssuerKeys(fetch: issuer.fetch, logger: logger))
  }

  private func isGood(_ token: String, _ keys: IssuerKeys, after seconds: TimeInterval) async throws -> Bool {
    switch try await keys.verify(token, of: Issuer.name, at: Self.start.addingTimeInterval(seconds)) {
    case .success: true
    case .failure: false
    }
  }

  @Test func keysAreFetchedOnceForManyTokensAndAgainAfterAnHour() async throws {
    try await withKeys { issuer, keys in
      let tokens = try (0..<20).map { _ in try issuer.token(at: Self.start) }
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for token in tokens { group.addTask { try await isGood(token, keys, after: 0) } }
        for try await isGood in group { #expect(isGood) }
      }
      #expect(issuer.fetches == 1)
      #expect(try await isGood(try issuer.token(at: Self.start + 3599), keys, after: 3599))
      #expect(issuer.fetches == 1)
      // Nobody waits for it.
      #expect(try await isGood(try issuer.token(at: Self.start + 3601), keys, after: 3601))
      while issuer.fetches < 2 { await Task.yield() }
    }
  }

  @Test func aNewKeyIsFetchedWhenATokenNamesItAndNoMoreThanOnceInAWhile() async throws {
    try await withKeys { issuer, keys in
      func token(_ seconds: TimeInterval) throws -> String { try issuer.token(at: Self.start + seconds) }
      #expect(try await isGood(try token(0), keys, after: 0))
      let old = try token(600)
      try issuer.exchangeKey()
      // Anybody can send tokens that name unknown keys.
      #expect(try await !isGood(try token(0), keys, after: 29))
      #expect(issuer.fetches == 1)
      // Far beyond the pause, for that begins when the fetch has ended.
      #expect(try await isGood(try token(600), keys, after: 600))
      #expect(issuer.fetches == 2)
      #expect(try await !isGood(old, keys, after: 601))
      let forged = try Issuer().token(at: Self.start + 600)
      for second in 602..<629 { #expect(try await !isGood(forged, keys, after: TimeInterval(second))) }
      #expect(issuer.fetches == 2)
    }
  }

  @Test func formerKeysCountForADayWhileTheIssuerIsDown() async throws {
    try await withKeys { issuer, keys in
      issuer.setDown(true)
      let unavailable = LoginUnavailable(reason: "the keys of https://ci.example cannot be had now")
      let token = try issuer.token(at: Self.start)
      // All who wait for the same fetch hear the same of it.
      let failures = await withTaskGroup(of: (any Error)?.self) { group in
        for _ in 0..<10 {
          group.addTask {
            do {
              _ = try await isGood(token, keys, after: 0)
              return nil
            } catch {
              return error
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(failures.allSatisfy { $0 as? LoginUnavailable == unavailable })
      await #expect(throws: unavailable) { try await isGood(token, keys, after: 1) }
      #expect(issuer.fetches == 1)
      issuer.setDown(false)
      let hour = 3600.0
      #expect(try await isGood(try issuer.token(at: Self.start + hour), keys, after: hour))
      #expect(issuer.fetches == 2)
      issuer.setDown(true)
      #expect(try await isGood(try issuer.token(at: Self.start + 20 * hour), keys, after: 20 * hour))
      await #expect(throws: unavailable) {
        try await isGood(try issuer.token(at: Self.start + 26 * hour), keys, after: 26 * hour)
      }
    }
  }

  @Test func anIssuerThatSaysItIsAnotherHasNoKeys() async throws {
    try await withKeys { issuer, keys in
      let token = try issuer.token(at: Self.start)
      await #expect(throws: LoginUnavailable.self) {
        try await keys.verify(token, of: "https://ci.example/", at: Self.start)
      }
    }
  }
}
