import Common
import TestSupport
import Testing

@testable import Coordinator

@Suite struct SessionsTests {
  private let clock = SteppedClock()

  @Test func aSessionEndsAfterTwelveHours() {
    let sessions = Sessions(now: clock.now)
    let session = sessions.begin(operatorName: "alice")
    clock.advance(by: .seconds(12 * 3600 - 1))
    #expect(sessions.session(session.id)?.operatorName == "alice")
    clock.advance(by: .seconds(1))
    #expect(sessions.session(session.id) == nil)
  }

  @Test func thereAreOnlySoManyAndTheOldestGives() {
    let sessions = Sessions(now: clock.now)
    let begun = (0...Sessions.most).map { number in
      clock.advance(by: .seconds(1))
      return sessions.begin(operatorName: "operator \(number)")
    }
    #expect(sessions.session(begun[0].id) == nil)
    #expect(begun.dropFirst().allSatisfy { sessions.session($0.id) != nil })
  }

  @Test func idsAndFormTokensAre128BitsAndNeverAlike() {
    let sessions = Sessions()
    let texts = (0..<500).flatMap { _ in
      let session = sessions.begin(operatorName: "x")
      return [session.id, session.formToken]
    }
    #expect(Set(texts).count == 1000 && texts.allSatisfy { $0.utf8.count == 32 })
  }

  @Test func afterTooManyWrongTokensNoneIsLookedAtUntilTheSecondIsOver() throws {
    let log = LogRecorder()
    let limit = AttemptLimit(logger: log.logger, now: clock.now)
    for _ in 0..<AttemptLimit.wrongPerSecond {
      try limit.check()
      limit.failed("wrong", caller: "10.0.0.1")
    }
    #expect(throws: Problem.self) { try limit.check() }
    clock.advance(by: .seconds(1))
    try limit.check()
    #expect(log.lines(with: "wrong").count == 1)
    clock.advance(by: .seconds(60))
    limit.failed("wrong", caller: "10.0.0.1")
    #expect(log.lines(with: "wrong").last?.contains("4") == true)
  }
}
