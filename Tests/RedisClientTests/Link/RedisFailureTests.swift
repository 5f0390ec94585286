import Testing

@testable import RedisClient

@Suite struct RedisFailureTests {
  @Test(arguments: [
    ("NOSCRIPT No matching script. Please use EVAL.", RedisFailure.Rejection.noScript),
    ("LOADING Redis is loading the dataset in memory", .notYet("LOADING Redis is loading the dataset in memory")),
    ("BUSY Redis is busy running a script.", .notYet("BUSY Redis is busy running a script.")),
    ("MASTERDOWN Link with MASTER is down", .notYet("MASTERDOWN Link with MASTER is down")),
    ("TRYAGAIN", .notYet("TRYAGAIN")),
    (
      "READONLY You can't write against a read only replica.",
      .readOnly("READONLY You can't write against a read only replica.")
    ),
    (
      "OOM command not allowed when used memory > 'maxmemory'.",
      .unwritable("OOM command not allowed when used memory > 'maxmemory'.")
    ),
    (
      "MISCONF Redis is configured to save RDB snapshots",
      .unwritable("MISCONF Redis is configured to save RDB snapshots")
    ),
    ("NOREPLICAS Not enough good replicas to write.", .unwritable("NOREPLICAS Not enough good replicas to write.")),
    ("ERR unknown command", .other("ERR unknown command")),
    ("WRONGTYPE Operation against a key", .other("WRONGTYPE Operation against a key")),
    ("OOMX", .other("OOMX")), ("busy", .other("busy")), ("", .other("")), (" BUSY", .other(" BUSY")),
  ])
  func `a server's refusal is known by its first word`(line: String, expected: RedisFailure.Rejection) {
    #expect(RedisFailure.Rejection(line: line) == expected)
  }
}
