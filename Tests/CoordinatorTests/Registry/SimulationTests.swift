import Testing

@testable import Coordinator

@Suite struct SimulationTests {
  @Test(
    "whatever happens, DOWN takes three failures that count, comes in time after a death, and ends in time",
    arguments: UInt64(1)...40)
  func everything(seed: UInt64) {
    var cluster = SimulatedCluster(
      seed: seed, .init(coordinatorStops: seed % 2 == 0, coordinatorRestarts: seed % 3 == 0))
    cluster.run(for: .seconds(600))
    #expect(cluster.faults == [] && cluster.downs > 0)
  }

  @Test("every second answer lost is not DOWN by itself: three failures in a row are", arguments: UInt64(1)...10)
  func lostAnswers(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed, .init(nodesFail: false, answersAreLost: true))
    cluster.run(for: .seconds(300))
    #expect(cluster.faults == [] && cluster.downs > 0 && cluster.suspicions > cluster.downs)
  }

  @Test(
    "when nothing but the coordinator is stopped, for whatever times, no node is DOWN, nor even suspected",
    arguments: UInt64(1)...40)
  func stoppedCoordinator(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed, .init(nodesFail: false, coordinatorStops: true))
    cluster.run(for: .seconds(600))
    #expect(cluster.faults == [] && cluster.downs == 0 && cluster.suspicions == 0)
  }
}
