import TestSupport
import Testing

extension HeavyTests {
  /// Tests recorder and judge on one Redis, where the losses are known.
  @Suite struct RecordedTrafficTests {
    @Suite(.cluster(nodes: 2)) struct Killed {
      @Test func `a Redis that is killed and started again on its data has lost nothing`() async throws {
        let cluster = TestCluster.current!
        let verdict = try await expectNothingImpossible(after: "one Redis, kill -9", at: cluster) { traffic in
          cluster.redis.kill()
          try cluster.redis.startAgain()
          try await cluster.whenAllServe(ttlSeconds: traffic.habits.ttlSeconds.lowerBound)
          return []
        }
        #expect(verdict.lost == 0)
        #expect(verdict.acknowledged > 300)
      }
    }

    @Suite(.cluster(nodes: 2, redisOptions: ["--appendonly", "no"], expectedErrors: "Redis has lost data"))
    struct SetBack {
      @Test func `a Redis that comes back with older data has lost changes of each kind, and the judge counts them`()
        async throws
      {
        let cluster = TestCluster.current!
        let verdict = try await expectNothingImpossible(after: "one Redis, set back", at: cluster) { traffic in
          let saved = epochMilliseconds()
          try cluster.redis.cli("SAVE")
          try await traffic.flows(300)
          cluster.redis.kill()
          try cluster.redis.startAgain()
          try await cluster.whenAllServe(ttlSeconds: traffic.habits.ttlSeconds.lowerBound)
          return [saved...epochMilliseconds()]
        }
        #expect(Set(verdict.missing.keys).isSuperset(of: ["reserve", "confirm", "extend", "cancel"]))
        #expect(verdict.lost < verdict.acknowledged)
      }
    }
  }
}
