import Common
import Testing

@testable import Coordinator

@Suite struct OnsetsTests {
  @Test func `each kind has an onset of its own, for the cluster and for each node`() {
    var onsets = Onsets()
    #expect(onsets["redis-unreachable", nil] == nil)
    onsets["redis-unreachable", nil] = .at(.seconds(1))
    onsets["redis-unreachable", "n1"] = .at(.seconds(2))
    onsets["no-leader", nil] = .at(.seconds(3))
    #expect(onsets["redis-unreachable", nil] == .at(.seconds(1)))
    #expect(onsets["redis-unreachable", "n1"] == .at(.seconds(2)))
    #expect(onsets["no-leader", nil] == .at(.seconds(3)))
    #expect(onsets["redis-unreachable", "n2"] == nil && onsets["no-leader", "n1"] == nil)
  }

  @Test func `to read the view begins nothing: only a look does, and what it does not find again is over`() throws {
    var bench = RegistryBench()
    try bench.admit()
    bench.now = .at(.seconds(1))
    _ = bench.registry.view(.init(), at: bench.now)
    #expect(bench.registry.onsets["no-leader", nil] == nil)
    _ = bench.registry.inspect(.init(), at: bench.now)
    for second in 2...9 {
      bench.now = .at(.seconds(second))
      _ = bench.registry.inspect(.init(), at: bench.now)
    }
    #expect(bench.registry.onsets["no-leader", nil] == .at(.seconds(1)))
    bench.answer(HealthReport.sample().leading(epoch: 1))
    _ = bench.registry.inspect(.init(), at: bench.now)
    #expect(bench.registry.onsets["no-leader", nil] == nil)
  }
}
