import Testing

@testable import RedisClient

@Suite struct LinkHandshakeTests {
  private func handshake(_ url: String, scripts: [Script] = []) throws -> LinkHandshake {
    LinkHandshake(
      LinkProblem(url: try RedisURL(url)),
      .init(clientName: "holdfast:n:x", scripts: scripts, vacantKey: "p:nobody"))
  }

  private static func text(_ text: String) -> RedisReply { .bytes(Array(text.utf8)) }

  @Test func `the role and a write come before anything else`() throws {
    let script = Script(name: "s", source: "return 1", writes: false)
    #expect(
      try handshake("redis://u:p@h:1/3", scripts: [script]).steps.map(\.step) == [
        .authenticate, .select, .name, .ask(.role), .ask(.write), .load(script: "s"), .connectionID, .ask(.time),
      ])
    #expect(
      try handshake("redis://h:1").steps.map(\.step) == [
        .name, .ask(.role), .ask(.write), .connectionID, .ask(.time),
      ])
  }

  @Test(
    arguments: [
      (.name, .status("OK"), .goOn),
      (
        .authenticate, .error("WRONGPASS no"),
        .refused("Redis at h:1 does not accept the user or the password: WRONGPASS no")
      ),
      (.load(script: "s"), .error("ERR no"), .refused("Redis at h:1 refuses SCRIPT LOAD (s): ERR no")),
      (.connectionID, .integer(7), .connection(7)),
      (.ask(.time), .array([text("1795337100"), text("123999")]), .completed(time: 1_795_337_100_123)),
      (.ask(.role), .array([text("master"), .integer(0), .array([])]), .goOn),
      (.ask(.role), .array([text("slave"), text("m"), .integer(2)]), .refused("Redis at h:1 is a replica of m:2")),
      (.ask(.role), .error("NOPERM no"), .goOn),
      (.ask(.write), .integer(0), .goOn),
      (.ask(.write), .error("NOREPLICAS no"), .goOn), (.ask(.write), .error("LOADING no"), .goOn),
      (.ask(.write), .error("READONLY no"), .refused("Redis at h:1 is a replica: READONLY no")),
    ] as [(LinkHandshake.Step, RedisReply, LinkHandshake.Verdict)])
  func `an answer is judged by its step`(
    step: LinkHandshake.Step, reply: RedisReply, expected: LinkHandshake.Verdict
  ) throws {
    #expect(try handshake("redis://h:1").verdict(on: reply, to: step) == expected)
  }

  @Test func `no secret is in the name of a step`() throws {
    for step in try handshake("redis://hush:hush@h:1/3").steps { #expect(!step.step.text.contains("hush")) }
  }
}
