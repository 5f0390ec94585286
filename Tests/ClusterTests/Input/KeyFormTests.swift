import TestSupport
import Testing

/// The `Idempotency-Key` header field in all its forms.
@Suite(.cluster(nodes: 1)) struct KeyFormTests {
  private let cluster = TestCluster.current!

  @Test func `a key has 1 to 255 visible characters; bare and quoted are the same key`() async throws {
    try await cluster.succeed(.setStock("keys", total: 1000))
    let visible = (0x21...0x7E).map { Character(Unicode.Scalar($0)!) }.filter { $0 != "\"" && $0 != "\\" }
    for key in [
      "a", String(visible), String(repeating: "k", count: 255), "8e03978e-40d5-43e8-bc93-6894a57f9324", ":/{}",
    ] {
      let bare = try await cluster.succeed(.reserve("keys").key(key))
      let quoted = try await cluster.succeed(.reserve("keys").key("\"\(key)\""))
      #expect(!bare.isReplay && quoted.isReplay && quoted.body == bare.body, "\(key)")
      let padded = try await cluster.succeed(.reserve("keys").key("  \(key)\t "))
      #expect(padded.isReplay, "white space around a field is none of its own")
    }
    #expect(try await cluster.succeed(.inventory("keys")).number("reserved") == 5)
    // Keys that differ in case are different keys.
    #expect(try await !cluster.succeed(.reserve("keys").key("A")).isReplay)
  }

  @Test func `any other key is 400, and so are two of them; nothing is done`() async throws {
    try await cluster.succeed(.setStock("bad-keys", total: 1000))
    let bad = [
      "", " ", "\"\"", "a b", "a\tb", "\"a b\"", "a\"b", "\"a", "a\"", "\"a\"b\"", "a\\b", "\"a\\\"b\"", "\"",
      String(repeating: "k", count: 256), "\"\(String(repeating: "k", count: 256))\"", "schlüssel", "\"a\";b=1",
    ]
    for key in bad {
      let answer = try await cluster.send(.reserve("bad-keys").key(key))
      #expect(answer.problem == "invalid-request", "\(key): \(answer)")
      #expect(answer.objects("errors").first?["pointer"] as? String == "header/Idempotency-Key")
    }
    #expect(try await cluster.send(.reserve("bad-keys").key("a").key("a")).problem == "invalid-request")
    // The key is checked before the body.
    let both = try await cluster.send(TestRequest("POST", "/inventory/reserve", json: "no JSON").key("a b"))
    #expect(both.objects("errors").first?["pointer"] as? String == "header/Idempotency-Key")
    for call in [
      TestRequest.confirm("a"), .cancel("a"), .extend("a", ttl: 1), .setStock("b", total: 1), .deleteStock("b"),
    ] {
      #expect(try await cluster.send(call.key("a b")).problem == "invalid-request")
    }
    // The key is ignored by calls that write nothing.
    #expect(try await cluster.send(.inventory("bad-keys").key("a b")).counters == [1000, 0, 0])
  }
}
