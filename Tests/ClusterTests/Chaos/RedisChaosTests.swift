import Foundation
import TestSupport
import Testing

extension HeavyTests {
  /// Election and sweep under faults of Redis.
  @Suite struct RedisChaosTests {
    @Suite(.cluster(nodes: 3, redisOptions: ["--appendfsync", "always"])) struct Restarted {
      @Test
      func `Redis ended by SIGTERM and by kill -9; the lease's keys and all scripts lost: never harm`() async throws {
        try await expectOrder { cluster, traffic in
          traffic.expect(.refusals, at: cluster.nodes)
          for (name, signal) in [("SIGTERM", SIGTERM), ("kill -9", SIGKILL)] {
            let before = try await cluster.leader()
            cluster.redis.signal(signal)
            try await eventually("Redis has ended") { !cluster.redis.isRunning }
            try cluster.redis.startAgain()
            try await eventually("Redis serves", every: .milliseconds(5)) { cluster.redis.serves }
            let served = epochMilliseconds()
            try await cluster.expectRecovery(ttlSeconds: 1)
            let after = try await cluster.leader()
            let how = after.epoch == before.epoch ? "the same term goes on" : "\(after.since - Int64(served)) ms"
            print("failover: Redis restarted after \(name): \(how)")
            try await traffic.flows()
          }

          let leader = try await cluster.leader()
          let lost = epochMilliseconds()
          for name in ["lease", "lease:epoch", "lease:releases"] {
            if let (redis, key) = try cluster.place(of: name) { try redis.cli("DEL", key) }
          }
          try cluster.redis.cli("SCRIPT", "FLUSH")
          try await cluster.successor(of: leader, after: "the lease's keys and all scripts lost", at: lost)
          try await eventually("it notices") { try await leader.node.send(.health).lease.termsLost > 0 }
        }
      }
    }

    @Suite(.cluster(nodes: 3)) struct Stopped {
      @Test
      func `Redis stopped for longer than the TTL: the leader steps down, and one leads afterwards`() async throws {
        try await expectOrder { cluster, traffic in
          let leader = try await cluster.leader()
          traffic.expect(.refusals, at: cluster.nodes)
          cluster.redis.signal(SIGSTOP)
          let stopped = epochMilliseconds()
          try await eventually("it steps down") { try await !leader.node.send(.health).lease.leader }
          try await eventually("the lease has lapsed") { epochMilliseconds() > stopped + 3100 }
          let continued = epochMilliseconds()
          cluster.redis.signal(SIGCONT)
          try await cluster.successor(of: leader, after: "Redis stopped for longer than the TTL", at: continued)
        }
      }
    }

    @Suite(.cluster(nodes: 3)) struct Disconnected {
      @Test func `all connections killed by Redis, again and again: never harm`() async throws {
        try await expectOrder { cluster, traffic in
          traffic.expect(.refusals, at: cluster.nodes)
          var leader = try await cluster.leader()
          var changes = 0
          for _ in 0..<5 {
            try cluster.redis.cli("CLIENT", "KILL", "TYPE", "normal")
            try await traffic.flows(100)
            let next = try await cluster.leader()
            changes += next.epoch == leader.epoch ? 0 : 1
            leader = next
          }
          print("failover: all connections killed 5 times: \(changes) changes of leadership")
        }
      }
    }

    @Suite(.cluster(nodes: 3, redisOptions: ["--maxmemory", "32mb"], expectedErrors: "\"redis\":\"OOM ")) struct Full {
      @Test
      func `a full Redis, the leader killed: another one is elected, and sweeps until nothing is held`() async throws {
        try await expectOrder { cluster, traffic in
          traffic.expect(.refusals, at: cluster.nodes)
          // A hold for the next leader to sweep, however long this takes.
          try await cluster.succeed(
            .reserve(Traffic.plenty, ttl: 15, reference: "\(Traffic.aside)to-be-swept").key("to-be-swept"))
          try cluster.redis.fill(to: 1.05)
          try await eventually("new reserves are refused") {
            let reference = "\(Traffic.aside)\(UUID())"
            return try await cluster.send(.reserve(Traffic.plenty, ttl: 1, reference: reference)).status == 503
          }
          let leader = try await cluster.leader()
          traffic.expect(.silence, at: [leader.node])
          let killed = epochMilliseconds()
          leader.node.process.kill()
          try await cluster.successor(of: leader, after: "kill -9 on a full Redis", at: killed)
          try await cluster.whenNothingIsHeld()
          let last = try cluster.lastExpiry()
          #expect(last > killed, "there was something to sweep")
          #expect(try cluster.redis.usedMemory > cluster.redis.memoryLimit, "it was full all the while")
          try cluster.redis.cli("DEL", "filler")
          try await cluster.startAgain(leader.index)
        }
      }
    }
  }
}

extension TestCluster {
  /// The latest deadline of the expired holds, in epoch milliseconds.
  fileprivate func lastExpiry() throws -> Int {
    let reservations = try StoreSnapshot(of: masters).reservations.values
    return reservations.filter { $0.status == "EXPIRED" }.map(\.expiresAt).max() ?? 0
  }
}
