import Testing

@testable import Coordinator

@Suite struct FailureDetectorTimingTests {
  private let timing = FailureDetectorTiming()

  @Test func `a node that dies is DOWN on the page within 2.5 s, as long as the coordinator is in time`() {
    #expect((2100.0...2100.001).contains(timing.worstDetection / .milliseconds(1)))
    #expect(timing.worstDetection + ViewBroadcast.minPause <= .milliseconds(2500))
  }

  @Test func `after a start every node is judged within 3 s, even one whose every probe times out`() {
    #expect(timing.fastInterval * (timing.fall - 1) + timing.timeout < .seconds(3))
  }

  @Test func `the times go together`() {
    #expect(
      timing.connectTimeout < timing.timeout && timing.fastInterval < timing.interval
        && timing.interval < timing.maxBackOff)
    // Otherwise probes of a silent node could not overlap as required.
    #expect(timing.fastInterval * timing.maxPending > timing.timeout)
    #expect(timing.rise <= timing.maxRise && timing.fall > 1)
  }
}
