import Common
import TestSupport
import Testing

@testable import Coordinator

@Suite struct FailureDetectorTests {
  /// A machine with a clock of its own.
  private struct Bench {
    let timing: FailureDetectorTiming
    var detector: FailureDetector
    var now = Moment.start.instant
    var last = 0

    init(_ timing: FailureDetectorTiming = .even, random: any RandomNumberGenerator = SeededRandom(1)) {
      self.timing = timing
      detector = FailureDetector(timing: timing, random: random, at: now)
    }

    /// Waits until a probe is due and starts it.
    mutating func start() -> Int {
      if let due = detector.wakeUp { now = max(now, due) }
      last += 1
      #expect(detector.start(probe: last, at: now) == true)
      return last
    }

    @discardableResult mutating func answer(isDraining: Bool = false) -> FailureDetector.Transition? {
      detector.answered(probe: start(), isDraining: isDraining, at: now)
    }

    @discardableResult mutating func fail(_ reason: String = "refused", isHeld: Bool = true)
      -> FailureDetector.Transition?
    {
      detector.failed(probe: start(), because: reason, isHeld: isHeld, at: now)
    }

    /// Takes the node from up to DOWN.
    mutating func fall() { for _ in 0..<timing.fall { fail() } }

    /// How many answers in a row make it up again.
    mutating func answersToRise() -> Int {
      for count in 1...100 where answer()?.to == .up { return count }
      return .max
    }
  }

  private typealias Transition = FailureDetector.Transition

  // MARK: - Statuses

  @Test func `the first answer admits a node`() {
    var bench = Bench()
    #expect(bench.detector.status == .unknown)
    #expect(bench.answer() == Transition(from: .unknown, to: .up, reason: "answered the first probe"))
  }

  @Test func `a node that never answered is DOWN after three failures, and not before`() {
    var bench = Bench()
    #expect(bench.fail() == nil && bench.fail() == nil)
    #expect(bench.fail() == Transition(from: .unknown, to: .down, reason: "refused, 3 times in a row"))
  }

  @Test func `one failure is a suspicion, three in a row are DOWN; the reasons say what was seen`() {
    var bench = Bench()
    bench.answer()
    #expect(bench.fail("refused") == Transition(from: .up, to: .suspect, reason: "refused"))
    #expect(bench.fail("silent") == nil)
    #expect(
      bench.fail("refused")
        == Transition(from: .suspect, to: .down, reason: "3 failures in a row, the last: refused"))
  }

  @Test func `an answer ends a suspicion, and failures before it count no more`() {
    var bench = Bench()
    bench.answer()
    for _ in 0..<10 {
      bench.fail()
      bench.fail()
      #expect(bench.answer() == Transition(from: .suspect, to: .up, reason: "answers again after 2 failures"))
      #expect(bench.detector.failuresInARow == 0)
    }
  }

  @Test func `a node that was DOWN is UP after two answers in a row, DOWN again after a failure between`() {
    var bench = Bench()
    bench.answer()
    bench.fall()
    #expect(
      bench.answer() == Transition(from: .down, to: .recovering, reason: "answers again; UP after 2 answers in a row"))
    #expect(bench.fail() == Transition(from: .recovering, to: .down, reason: "failed again: refused"))
    #expect(bench.answer()?.to == .recovering)
    #expect(bench.answer() == Transition(from: .recovering, to: .up, reason: "answered 2 times in a row"))
  }

  @Test func `a node that falls again and again must answer longer, up to a bound, and is forgiven in time`() {
    var bench = Bench()
    bench.answer()
    var needed: [Int] = []
    for _ in 0..<12 {
      bench.fall()
      needed.append(bench.answersToRise())
    }
    #expect(needed == [2, 4, 8] + Array(repeating: 16, count: 9))
    bench.now += bench.timing.flapWindow
    bench.fall()
    #expect(bench.answersToRise() == 2)
  }

  @Test func `a node that drains is DRAINING as long as it answers so, and its end says that it drained`() {
    var bench = Bench()
    #expect(bench.answer(isDraining: true)?.to == .draining)
    #expect(bench.answer(isDraining: false) == Transition(from: .draining, to: .up, reason: "serves again"))
    #expect(bench.answer(isDraining: true) == Transition(from: .up, to: .draining, reason: "says that it drains"))
    #expect(bench.fail()?.to == .suspect)
    #expect(bench.answer(isDraining: true)?.to == .draining)
    bench.fail()
    bench.fail()
    #expect(
      bench.fail() == Transition(from: .suspect, to: .down, reason: "refused, 3 times in a row, while it drained"))
  }

  @Test func `a node that has left is not asked, and answers that were under way change nothing`() {
    var bench = Bench()
    bench.answer()
    let (first, second) = (bench.start(), bench.start())
    #expect(bench.detector.left() == Transition(from: .up, to: .left, reason: "said that it leaves"))
    #expect(bench.detector.left() == nil && bench.detector.wakeUp == nil)
    #expect(bench.detector.start(probe: 99, at: bench.now) == false)
    #expect(bench.detector.answered(probe: first, isDraining: false, at: bench.now) == nil)
    #expect(bench.detector.failed(probe: second, because: "refused", isHeld: true, at: bench.now) == nil)
    #expect(bench.detector.status == .left)
  }

  @Test func `a new process in the same place is judged anew, whatever became of probes of the one before`() {
    var bench = Bench()
    bench.answer()
    bench.fall()
    let old = bench.start()
    #expect(bench.detector.startOver(because: "new") == Transition(from: .down, to: .unknown, reason: "new"))
    #expect(bench.detector.wakeUp.map { $0 <= bench.now } == true, "it is asked at once")
    #expect(bench.detector.answered(probe: old, isDraining: false, at: bench.now) == nil)
    #expect(bench.detector.status == .unknown)
    #expect(bench.answer()?.to == .up)
  }

  @Test func `a process that took over is up at once, and what the one before owed is forgotten`() {
    var bench = Bench()
    bench.answer()
    bench.fail()
    bench.fail()
    let (old, new) = (bench.start(), bench.start())
    #expect(
      bench.detector.tookOver(probe: new, isDraining: false, because: "restarted")
        == Transition(from: .suspect, to: .up, reason: "restarted"))
    #expect(bench.detector.failed(probe: old, because: "refused", isHeld: true, at: bench.now) == nil)
    #expect(bench.detector.status == .up && bench.detector.failuresInARow == 0)
  }

  // MARK: - Order

  @Test func `a failure of an older probe says nothing once a newer one was answered`() {
    var bench = Bench()
    bench.answer()
    let (old, new) = (bench.start(), bench.start())
    #expect(bench.detector.answered(probe: new, isDraining: false, at: bench.now) == nil)
    #expect(bench.detector.failed(probe: old, because: "silent", isHeld: true, at: bench.now) == nil)
    #expect(bench.detector.status == .up && bench.detector.failuresInARow == 0)
  }

  @Test func `an answer to an older probe says nothing once a newer one has failed`() {
    var bench = Bench()
    bench.answer()
    let (old, new) = (bench.start(), bench.start())
    #expect(bench.detector.failed(probe: new, because: "refused", isHeld: true, at: bench.now)?.to == .suspect)
    #expect(bench.detector.answered(probe: old, isDraining: false, at: bench.now) == nil)
    #expect(bench.detector.status == .suspect && bench.detector.failuresInARow == 1)
  }

  @Test func `failures of probes that overlap all count, in whatever order they end`() {
    var bench = Bench()
    bench.answer()
    let probes = [bench.start(), bench.start(), bench.start()]
    #expect(bench.detector.failed(probe: probes[2], because: "silent", isHeld: true, at: bench.now)?.to == .suspect)
    #expect(bench.detector.failed(probe: probes[0], because: "silent", isHeld: true, at: bench.now) == nil)
    #expect(bench.detector.failed(probe: probes[1], because: "silent", isHeld: true, at: bench.now)?.to == .down)
  }

  @Test func `an end that is told twice counts once`() {
    var bench = Bench()
    bench.answer()
    let probe = bench.start()
    for _ in 0..<5 { _ = bench.detector.failed(probe: probe, because: "silent", isHeld: true, at: bench.now) }
    #expect(bench.detector.status == .suspect && bench.detector.failuresInARow == 1)
  }

  @Test func `failures that the coordinator itself is to blame for are not held against a node`() {
    var bench = Bench()
    bench.answer()
    for _ in 0..<10 { #expect(bench.fail(isHeld: false) == nil) }
    #expect(bench.detector.status == .up && bench.detector.failuresInARow == 0)
  }

  // MARK: - When to ask

  @Test func `a node that is up is asked every second, give or take a random tenth`() throws {
    var bench = Bench(FailureDetectorTiming(), random: SeededRandom(3))
    bench.answer()
    var pauses: [Double] = []
    for _ in 0..<200 {
      let before = bench.now
      bench.answer()
      pauses.append((bench.now - before) / .seconds(1))
    }
    // A probe may start up to 50 ms early, to start together with others.
    #expect(pauses.allSatisfy { (0.95...1.1).contains($0) })
    #expect(try #require(pauses.min()) < 0.96 && #require(pauses.max()) > 1.09)
  }

  @Test func `after 250 ms without an answer the next probe starts; while SUSPECT, one every 250 ms`() {
    var bench = Bench()
    bench.answer()
    let started = bench.now
    // No probe ends. The first start is regular, and the next two come early because there is no answer.
    let probes = [bench.start(), bench.start(), bench.start()]
    #expect(bench.now - started == .milliseconds(1500))
    _ = bench.detector.failed(probe: probes[0], because: "silent", isHeld: true, at: bench.now)
    #expect(bench.detector.status == .suspect)
    // Two probes are under way.
    #expect(bench.detector.wakeUp == bench.now + .milliseconds(250))
  }

  @Test func `a node that is DOWN is asked less and less, down to every 5 s; a recovering one every second`() {
    var bench = Bench()
    bench.answer()
    bench.fall()
    var pauses: [Duration] = []
    for _ in 0..<6 {
      let before = bench.now
      bench.fail()
      pauses.append(bench.now - before)
    }
    #expect(pauses == [.seconds(1), .seconds(2), .seconds(4), .seconds(5), .seconds(5), .seconds(5)])
    bench.answer()
    let before = bench.now
    bench.answer()
    #expect(bench.now - before <= .milliseconds(1100))
  }

  @Test func `of one node only a few probes are under way, however long their ends fail to come`() {
    var bench = Bench()
    let probes = (0..<bench.timing.maxPending).map { _ in bench.start() }
    #expect(bench.detector.wakeUp == nil && bench.detector.start(probe: 99, at: bench.now) == false)
    _ = bench.detector.failed(probe: probes[0], because: "silent", isHeld: false, at: bench.now)
    #expect(bench.detector.wakeUp != nil)
  }
}
