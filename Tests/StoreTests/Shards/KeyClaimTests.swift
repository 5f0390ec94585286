import RedisClient
import Testing

@testable import Store

@Suite struct KeyClaimTests {
  private static let keyShard = Shard(number: 0)
  private static let own = claim("own", home: 1, nonce: 1)
  private static let other = claim("other", home: 2, nonce: 2)

  private static func claim(_ content: String, home: Int, nonce: UInt64) -> KeyClaim.Claim {
    KeyClaim.Claim(fingerprint: Fingerprint(of: content), home: Shard(number: home), nonce: nonce)
  }

  private static func machine() -> KeyClaim { KeyClaim(own, keyShard: keyShard) }

  @Test func `a free key is claimed, and an earlier claim of the same request will do`() {
    var machine = Self.machine()
    #expect(machine.begin() == [.claim(Self.own, replacing: nil)])
    let earlier = Self.claim("own", home: 1, nonce: 9)
    #expect(machine.found(.claimed(earlier)) == [.finish(.claimed(earlier))])
  }

  @Test func `another request's claim is taken over once its home has made it void`() {
    var machine = Self.machine()
    #expect(machine.found(.anothers(Self.other)) == [.void(Self.other)])
    #expect(machine.voided(wasAnswered: false) == [.claim(Self.own, replacing: Self.other)])
    #expect(machine.found(.claimed(Self.own)) == [.finish(.claimed(Self.own))])
  }

  @Test func `a key that was answered for another request is used, wherever that is at home`() {
    var machine = Self.machine()
    #expect(machine.found(.record) == [.finish(.used)])
    machine = Self.machine()
    _ = machine.found(.anothers(Self.other))
    #expect(machine.voided(wasAnswered: true) == [.finish(.used)])
  }

  @Test func `a claim for the key's own shard is replaced at once: nothing was asked by it elsewhere`() {
    var machine = Self.machine()
    let local = Self.claim("other", home: 0, nonce: 5)
    #expect(machine.found(.anothers(local)) == [.claim(Self.own, replacing: local)])
  }

  @Test func `what is not known ends the attempt, and harms nobody`() {
    var machine = Self.machine()
    #expect(machine.found(nil) == [.finish(.failed)])
    machine = Self.machine()
    _ = machine.found(.anothers(Self.other))
    #expect(machine.voided(wasAnswered: nil) == [.finish(.failed)])
  }

  @Test func `a claim that was made void is replaced by one with another nonce`() {
    var machine = Self.machine()
    _ = machine.found(.claimed(Self.own))
    let second = Self.claim("own", home: 1, nonce: 7)
    #expect(machine.lost(Self.own, nonce: 7) == [.claim(second, replacing: Self.own)])
  }

  @Test func `those who claim it again and again don't keep each other busy for ever`() {
    var machine = Self.machine()
    var rounds = 0
    var actions = machine.met(Self.other)
    while actions == [.void(Self.other)], rounds < 100 {
      rounds += 1
      guard machine.voided(wasAnswered: false) == [.claim(Self.own, replacing: Self.other)] else { break }
      actions = machine.found(.anothers(Self.other))
    }
    #expect(rounds == 4)
  }

  @Test func `a claim is read as it was written, and nothing else is one`() {
    var tokens = ReplyTokens(Array(Self.other.text.utf8)[...])
    #expect(KeyClaim.Claim(&tokens) == Self.other)
    #expect(Self.other.text == "!\(Self.other.fingerprint.text) 2 0000000000000002")
    let whole = Self.other.text
    for text in ["", "!", "!short 2 0000000000000002", "\(whole.dropFirst())", "\(whole.dropLast())"] {
      var tokens = ReplyTokens(Array(text.utf8)[...])
      #expect(KeyClaim.Claim(&tokens) == nil, "\(text)")
    }
  }
}
