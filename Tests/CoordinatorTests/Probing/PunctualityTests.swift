import Testing

@testable import Coordinator

@Suite struct PunctualityTests {
  private let start = Moment.start.instant
  private let timeout = Duration.milliseconds(500)

  /// All rounds were in time until `start`. The next one is due 100 ms later.
  private var inTime: Punctuality {
    var punctuality = Punctuality(due: start)
    _ = punctuality.begin(at: start)
    punctuality.end(nextDue: start + .milliseconds(100))
    return punctuality
  }

  private func holds(_ punctuality: Punctuality, began: Int, told: Int, at now: Int) -> Bool {
    punctuality.holds(
      began: start + .milliseconds(began), timeout: timeout, told: start + .milliseconds(told),
      at: start + .milliseconds(now))
  }

  @Test func `while the coordinator is in time, failures are held against nodes`() {
    #expect(holds(inTime, began: 0, told: 1, at: 2))
    #expect(holds(inTime, began: -300, told: 200, at: 299))
  }

  @Test func `a probe's end that is told over 100 ms after its limit is not held against the node`() {
    #expect(holds(inTime, began: -310, told: 290, at: 290))
    #expect(!holds(inTime, began: -311, told: 290, at: 290))
  }

  @Test func `while a round is overdue by more than 200 ms, failures are not held against nodes`() {
    #expect(holds(inTime, began: 50, told: 300, at: 300))
    #expect(!holds(inTime, began: 50, told: 301, at: 301))
  }

  @Test func `failures of probes begun in or before a late round are not held against nodes, later ones are`() {
    var punctuality = inTime
    #expect(punctuality.begin(at: start + .milliseconds(301)) == true)
    punctuality.end(nextDue: start + .milliseconds(401))
    #expect(!holds(punctuality, began: 50, told: 302, at: 302))
    #expect(!holds(punctuality, began: 301, told: 310, at: 310))
    #expect(holds(punctuality, began: 302, told: 310, at: 310))
  }

  @Test func `three late rounds in a row are trouble, long enough to be seen; two, or three apart, are not`() {
    func rounds(_ lateness: [Int]) -> Punctuality {
      var (punctuality, now) = (inTime, start + .milliseconds(100))
      for late in lateness {
        now += .milliseconds(late)
        #expect(punctuality.begin(at: now) == (late > 200))
        punctuality.end(nextDue: now)
      }
      return punctuality
    }
    func isTrouble(_ lateness: [Int], after pause: Duration = .zero) -> Bool {
      rounds(lateness).isTrouble(at: start + .milliseconds(100 + lateness.reduce(0, +)) + pause)
    }
    #expect(!isTrouble([300, 300]) && !isTrouble([300, 300, 200, 300]))
    #expect(isTrouble([300, 300, 300]) && rounds([300, 300, 300]).lateRounds == 3)
    #expect(isTrouble([300, 300, 300, 0]) && rounds([300, 300, 300, 0]).lateRounds == 0)
    #expect(isTrouble([300, 300, 300], after: .seconds(9)) && !isTrouble([300, 300, 300], after: .seconds(10)))
  }
}
