import Foundation
import TestSupport
import Testing

extension HeavyTests {
  /// The group itself, without nodes. The failover tests depend on it.
  @Suite struct SentinelGroupTests {
    @Test func `a master cut off with a Sentinel and a client takes writes, and loses them when all are one again`()
      async throws
    {
      // On a slow machine, Sentinels may have chosen another master just before.
      try await untilShown("a master that is one when it is cut off", attempts: 5) { try await cutOff() }
    }

    /// Cuts the master off and checks both sides. Returns whether it was still the master at the cut.
    private func cutOff() async throws -> Bool {
      let group = try await SentinelGroup(isDivisible: true)
      defer { group.end() }
      let logs = try TemporaryDirectory()
      let past = try await group.master(replicas: 2)
      // Clients that count with INCR at the address that the Sentinels name.
      let address = try group.sentinels[0].cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SentinelGroup.masterName)
      let port = try #require(address.split(separator: "\n").last)
      let count = { (name: String) in
        try ServerProcess(
          try Shell.find("redis-cli"), ["-p", "\(port)", "-r", "-1", "-i", "0.02", "INCR", name],
          logFile: logs.url.appending(path: name))
      }
      let (inside, outside) = (try count("inside"), try count("outside"))
      defer { for client in [inside, outside] { client.kill() } }
      let counted = { (name: String) in Int(try past.cli("GET", name)) ?? 0 }
      try await eventually("both count") { try counted("inside") > 0 && counted("outside") > 0 }

      try await group.part([past.pid, group.sentinels[0].pid, inside.pid])
      let names = {
        try group.sentinels.map { try $0.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SentinelGroup.masterName) }
      }
      guard try past.role.isMaster, try names()[0] == address else { return false }
      let before = (inside: try counted("inside"), outside: try counted("outside"))
      let next = try await group.master(otherThan: past, replicas: 1)
      #expect(try past.role.isMaster)
      try await eventually("the inner one goes on") { try counted("inside") > before.inside + 5 }
      #expect(try counted("outside") <= before.outside + 1, "nothing passes from outside")
      #expect(try names().map { $0 == address } == [true, false, false])
      let known = try counted("inside")
      #expect(try Int(next.cli("GET", "inside")) ?? 0 < known)

      inside.kill()
      outside.kill()
      try await group.unite()
      try await group.master(otherThan: past, replicas: 2)
      try await eventually("what was written to one master alone is gone") { try counted("inside") < known }
      return true
    }
  }
}
