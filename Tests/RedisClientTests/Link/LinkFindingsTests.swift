import Testing

@testable import RedisClient

@Suite struct LinkFindingsTests {
  private static func text(_ text: String) -> RedisReply { .bytes(Array(text.utf8)) }
  private static let master = RedisReply.array([text("master"), .integer(7), .array([])])
  private static let noPermission = RedisReply.error("NOPERM this user has no permissions to run the command")

  @Test(
    arguments: [
      (master, ServerRole.master),
      (
        .array([text("slave"), text("10.0.0.7"), .integer(6379), text("connected"), .integer(9)]),
        .replica(of: "10.0.0.7:6379")
      ),
      (.array([text("slave"), text("::1"), .integer(7), text("connect"), .integer(-1)]), .replica(of: "[::1]:7")),
      (.array([text("slave")]), .replica(of: "another server")),
      (.array([text("sentinel"), .array([])]), .sentinel),
      (noPermission, .forbidden), (.error("BUSY Redis is busy"), .unknown), (.error("ERR unknown command"), .unknown),
      (.array([]), .unknown), (.null, .unknown), (text("master"), .unknown), (.array([.integer(1)]), .unknown),
    ] as [(RedisReply, ServerRole)])
  func `a role is read from its reply`(reply: RedisReply, expected: ServerRole) {
    #expect(ServerRole(reply) == expected)
  }

  @Test(arguments: [
    (ServerRole.master, nil), (.forbidden, nil), (.unknown, nil),
    (.replica(of: "10.0.0.7:6379"), "Redis at h:1 is a replica of 10.0.0.7:6379"),
    (.sentinel, "Redis at h:1 is a Sentinel, which stores nothing"),
  ])
  func `only what is no master is in the way`(role: ServerRole, expected: String?) {
    #expect(role.obstacle(at: "h:1") == expected)
  }

  @Test(
    arguments: [
      (.integer(0), true, nil),
      (.error("NOREPLICAS Not enough good replicas to write."), false, nil),
      (.error("MISCONF Errors writing to the AOF file"), false, nil),
      (.error("OOM command not allowed"), false, nil),
      (.error("LOADING Redis is loading"), false, "LOADING Redis is loading"),
      (.error("BUSY Redis is busy"), false, "BUSY Redis is busy"),
      (.error("MASTERDOWN Link with MASTER is down"), false, "MASTERDOWN Link with MASTER is down"),
      (.error("READONLY You can't write"), false, "READONLY You can't write"),
      (.error("NOPERM No permissions"), false, "NOPERM No permissions"),
      (.error("CLUSTERDOWN The cluster is down"), false, "CLUSTERDOWN The cluster is down"), (.null, false, nil),
      // Only of one slot.
      (.error("MOVED 1 h:1"), false, nil), (.error("ASK 1 h:1"), false, nil), (.error("TRYAGAIN x"), false, nil),
      (.error("CLUSTERDOWN Hash slot not served"), false, nil),
    ] as [(RedisReply, Bool, String?)])
  func `a write tells whether Redis serves`(reply: RedisReply, hasWritten: Bool, refusal: String?) {
    let findings = LinkFindings([.role: Self.master, .write: reply])
    #expect(findings.hasWritten == hasWritten && findings.refusal == refusal && findings.warnings.isEmpty)
  }

  @Test func `what the user may not ask is warned of`() {
    let all = LinkFindings([.role: Self.noPermission, .clients: Self.noPermission, .write: .integer(0)])
    #expect(all.warnings.count == 2 && all.hasWritten)
    #expect(all.warnings[0].contains("ROLE") && all.warnings[1].contains("CLIENT LIST"))
    let other = LinkFindings([.role: Self.master, .clients: .error("ERR Invalid client ID"), .write: .integer(0)])
    #expect(other.warnings.isEmpty)
  }
}
