import TestSupport
import Testing

@testable import Store

/// The model notices mistakes in the scripts.
@Suite(.serialized) struct MutantTests {
  private static let seeds: [UInt64] = Array(11...20)

  @Test func `each of many mistakes put into a script on purpose parts it from the model`() async throws {
    let redis = try await PrivateRedis()
    let tuning = ScriptLibrary.Tuning(retentionSeconds: 3600, eventsMaxLength: 1 << 30)
    let scripts = TestClock.scripts(tuning: tuning)
    for mutant in ScriptMutant.all {
      let engine = try await Engine(redis.url, scripts: try mutant.applied(to: scripts))
      var difference: ModelRun.Difference?
      for seed in Self.seeds where difference == nil {
        let run = ModelRun(seed: seed, calls: 600, engine: engine, retentionSeconds: tuning.retentionSeconds)
        var seen: [String: Int] = [:]
        difference = try await run.firstDifference(seen: &seen)
      }
      #expect(difference != nil, "nobody noticed: \(mutant)")
    }
  }
}
