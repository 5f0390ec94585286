import Common
import TestSupport
import Testing

@testable import Coordinator

@Suite struct SessionsTests {
  private let clock = SteppedClock()

  @Test func `a session ends after twelve hours`() {
    let sessions = Sessions(now: clock.now)
    let session = sessions.begin(operatorName: "alice")
    clock.advance(by: .seconds(12 * 3600 - 1))
    #expect(sessions.session(session.id)?.operatorName == "alice")
    clock.advance(by: .seconds(1))
    #expect(sessions.session(session.id) == nil)
  }

  @Test func `there are only so many, and the oldest gives way`() {
    let sessions = Sessions(now: clock.now)
    let begun = (0...Sessions.maxCount).map { number in
      clock.advance(by: .seconds(1))
      return sessions.begin(operatorName: "operator \(number)")
    }
    #expect(sessions.session(begun[0].id) == nil)
    #expect(begun.dropFirst().allSatisfy { sessions.session($0.id) != nil })
  }

  @Test func `ids and form tokens have 128 bits and are never alike`() {
    let sessions = Sessions()
    let texts = (0..<500).flatMap { _ in
      let session = sessions.begin(operatorName: "x")
      return [session.id, session.formToken]
    }
    #expect(Set(texts).count == 1000 && texts.allSatisfy { $0.utf8.count == 32 })
  }

  @Test func `wrong tokens of one address are not held against another`() {
    let log = LogRecorder()
    let limit = AttemptLimit(logger: log.logger, now: clock.now)
    func isTooMany(_ caller: String) -> Bool { limit.failed("wrong", caller: caller) }
    for _ in 0..<AttemptLimit.budget.tokens { #expect(!isTooMany("10.0.0.1")) }
    #expect(isTooMany("10.0.0.1") && !isTooMany("10.0.0.2") && !isTooMany("2001:db8::1"))
    clock.advance(by: .seconds(1))
    #expect(!isTooMany("10.0.0.1"))
    #expect(log.lines(with: "10.0.0.1").count == 1)
    clock.advance(by: .seconds(60))
    limit.failed("wrong", caller: "10.0.0.1")
    #expect(log.lines(with: "10.0.0.1").last?.contains("7") == true)
  }

  @Test func `other tokens end all sessions, and the same tokens end none`() throws {
    let bench = try SiteBench()
    let admins = try AccessTokens(list: "alice:\(SiteBench.adminToken)")
    let access = bench.site.access
    let session = try access.logIn(token: SiteBench.adminToken, caller: "10.0.0.1")
    bench.site.take(.init(admin: admins, cluster: SiteBench.clusterToken))
    #expect(access.sessions.session(session.id) != nil)
    bench.site.take(.init(admin: try .init(list: "alice:another-admin-token"), cluster: SiteBench.clusterToken))
    #expect(access.sessions.session(session.id) == nil)
    #expect(throws: Problem.self) { try access.logIn(token: SiteBench.adminToken, caller: "10.0.0.1") }
    #expect(try access.logIn(token: "another-admin-token", caller: "10.0.0.1").operatorName == "alice")
  }
}
