import TestSupport
import Testing

@testable import Coordinator

/// One node and its failure detector in simulated time, event by event.
private struct MachineWorld {
  enum End { case answer, refusal, silence }

  let timing = FailureDetectorTiming()
  var detector: FailureDetector
  let dies: ContinuousClock.Instant
  let death: End
  private var underWay: [(number: Int, at: ContinuousClock.Instant, end: End)] = []
  private var last = 0
  private var now = Moment.start.instant

  init(dies: Duration, _ death: End, random: any RandomNumberGenerator) {
    detector = FailureDetector(timing: timing, random: random, at: Moment.start.instant)
    (self.dies, self.death) = (Moment.start.instant + dies, death)
  }

  /// The time from the node's death until it is DOWN.
  mutating func detection() -> Duration {
    while true {
      let next = [detector.wakeUp, underWay.map(\.at).min()].compactMap { $0 }.min()!
      // The end just reported may have made something due now.
      now = max(now, next)
      if let index = underWay.firstIndex(where: { $0.at == next }) {
        let ended = underWay.remove(at: index)
        let transition =
          ended.end == .answer
          ? detector.answered(probe: ended.number, isDraining: false, at: now)
          : detector.failed(probe: ended.number, because: "\(ended.end)", isHeld: true, at: now)
        if transition?.to == .down { return now - dies }
      } else {
        start()
      }
    }
  }

  private mutating func start() {
    last += 1
    #expect(detector.start(probe: last, at: now) == true)
    let answerTime = Duration.milliseconds(1)
    let end = now + answerTime <= dies ? End.answer : death
    let takes = end == .silence ? timing.timeout : answerTime
    underWay.append((last, now + takes, end))
  }
}

/// Always gives the greatest number, and so the longest pauses.
private struct Greatest: RandomNumberGenerator {
  mutating func next() -> UInt64 { .max }
}

@Suite struct DetectionTests {
  @Test func `whenever a node stops, it is DOWN within the worst case, which is reached but not exceeded`() throws {
    let times = (2000...3300).map { death in
      var world = MachineWorld(dies: .milliseconds(death), .silence, random: Greatest())
      return world.detection()
    }
    let worst = try #require(times.max())
    #expect(worst <= FailureDetectorTiming().worstDetection)
    #expect(worst > FailureDetectorTiming().worstDetection - .milliseconds(5))
  }

  @Test(arguments: UInt64(1)...20)
  func `whenever a node is killed, it is DOWN within the worst case`(seed: UInt64) {
    for death in stride(from: 2000, to: 3300, by: 7) {
      var world = MachineWorld(dies: .milliseconds(death), .refusal, random: SeededRandom(seed))
      #expect(world.detection() <= FailureDetectorTiming().worstDetection)
    }
  }
}
