import Testing

@testable import Coordinator

@Suite struct SimulationTests {
  @Test(arguments: UInt64(1)...40)
  func `whatever happens, DOWN takes three failures that count, comes in time, and ends in time`(seed: UInt64) {
    var cluster = SimulatedCluster(
      seed: seed, .init(coordinatorStops: seed % 2 == 0, coordinatorRestarts: seed % 3 == 0))
    cluster.run(for: .seconds(600))
    #expect(cluster.faults == [] && cluster.downs > 0)
  }

  @Test(arguments: UInt64(1)...10)
  func `every second answer lost is not DOWN by itself: three failures in a row are`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed, .init(nodesFail: false, answersAreLost: true))
    cluster.run(for: .seconds(300))
    #expect(cluster.faults == [] && cluster.downs > 0 && cluster.suspicions > cluster.downs)
  }

  @Test(arguments: UInt64(1)...40)
  func `when only the coordinator is stopped, for whatever times, no node is DOWN or suspected`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed, .init(nodesFail: false, coordinatorStops: true))
    cluster.run(for: .seconds(600))
    #expect(cluster.faults == [] && cluster.downs == 0 && cluster.suspicions == 0)
  }
}
