import NIOCore
import Testing

@testable import Node
@testable import RedisClient
@testable import Store

@Suite struct LeaseTimingTests {
  private let timing = LeaseTiming()
  /// Times vary by a tenth.
  private let jitter = 1.1

  @Test func `two renewals in a row may fail without the term's end`() {
    let pauses = timing.renewal * jitter + timing.retry * jitter * 2
    #expect(pauses + timing.attempt * 2 < timing.ttl - timing.margin)
  }

  @Test func `what a leader sent before it stepped down is done or void before the lease can lapse`() {
    #expect(timing.attempt < timing.margin)
    #expect(Duration(SweepRepository.limit) < timing.margin)
  }

  @Test func `an absence is seen more than once, and longer than a broken link needs`() {
    #expect(timing.lookUp * jitter * 2 < timing.absence)
    #expect(Duration(LinkMachine.firstDelay) + timing.retry * jitter < timing.absence)
  }

  @Test func `absence is known long before the lease lapses`() {
    #expect(timing.absence + timing.lookUp * jitter * 2 < timing.ttl - timing.renewal * jitter)
  }

  /// For a follower's clock at a rate of 0.8, the worst case is a last look just before the lease expires.
  @Test func `a follower tries within 300 milliseconds of the lapse, whatever its clock`() {
    for rate in [0.8, 1, 1.2] {
      let lateness = timing.look / rate - (timing.look - timing.retry * jitter)
      #expect(lateness < .milliseconds(200))
    }
  }

  @Test func `an attempt is given up before the next is due`() {
    #expect(timing.retry < timing.attempt)
    #expect(timing.attempt < timing.renewal * 0.9)
    #expect(timing.look < timing.ttl)
  }
}
