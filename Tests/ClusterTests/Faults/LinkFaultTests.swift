import Foundation
import TestSupport
import Testing

/// Runs a fault of the link to Redis. While it lasts, any node may refuse requests but must answer them.
private func expectNoHarm(_ fault: @escaping @Sendable (TestCluster, Traffic) async throws -> Void) async throws {
  try await expectBalancedBooks(.patient) { cluster, traffic in
    traffic.expect(.refusals, at: cluster.nodes)
    try await fault(cluster, traffic)
  }
}

extension HeavyTests {
  @Suite struct LinkFaultTests {
    @Suite(.cluster(nodes: 3)) struct Restart {
      @Test func `Redis restarted under load: answers in time, nothing twice or late, back by itself`() async throws {
        try await expectNoHarm { cluster, _ in
          cluster.redis.signal(SIGTERM)
          try await eventually("Redis has ended") { !cluster.redis.isRunning }
          try await eventually("every node has noticed") {
            try await concurrently(cluster.nodes) { await $0.isReady }.allSatisfy { !$0 }
          }
          try cluster.redis.startAgain()
        }
      }
    }

    @Suite(.cluster(nodes: 3)) struct Disconnection {
      @Test func `all connections killed by the server, again and again: nobody is told but by a retry`() async throws {
        try await expectNoHarm { cluster, traffic in
          for _ in 0..<5 {
            for redis in cluster.masters { try redis.cli("CLIENT", "KILL", "TYPE", "normal") }
            try await traffic.flows(30)
          }
        }
      }
    }

    @Suite(.cluster(nodes: 3)) struct LostScripts {
      @Test func `SCRIPT FLUSH, again and again: scripts are loaded again on the way`() async throws {
        try await expectNoHarm { cluster, traffic in
          for _ in 0..<5 {
            for redis in cluster.masters { try redis.cli("SCRIPT", "FLUSH") }
            try await traffic.flows(30)
          }
        }
      }
    }

    @Suite(.cluster(nodes: 3)) struct StoppedRedis {
      @Test
      func `Redis stopped for three seconds: answers in time; no write that was given up runs later`() async throws {
        try await expectNoHarm { cluster, _ in
          cluster.redis.signal(SIGSTOP)
          let stopped = ContinuousClock.now
          try await eventually("three seconds have passed") { ContinuousClock.now - stopped > .seconds(3) }
          cluster.redis.signal(SIGCONT)
        }
      }
    }

    @Suite(.cluster(nodes: 3, redisOptions: ["--appendfsync", "always"])) struct KilledRedis {
      @Test func `invariant 3: Redis killed with -9, AOF always: nothing acknowledged is lost`() async throws {
        try await expectNoHarm { cluster, traffic in
          for _ in 0..<2 {
            cluster.redis.kill()
            try cluster.redis.startAgain()
            try await traffic.flows(50)
          }
          cluster.redis.kill()
          try cluster.redis.startAgain()
        }
      }
    }
  }
}
