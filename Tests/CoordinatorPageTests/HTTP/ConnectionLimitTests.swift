import TestSupport
import Testing

@testable import Coordinator

@Suite struct ConnectionLimitTests {
  @Test func `that all connections are taken is logged, but not more than once a minute`() {
    let (log, clock) = (LogRecorder(), SteppedClock())
    var limit = ConnectionLimit(2, logger: log.logger, now: clock.now)
    limit.connectionOpened()
    #expect(limit.isAcceptingNewConnections() && log.all.isEmpty)
    for lines in 1...3 {
      for _ in 0..<5 {
        limit.connectionOpened()
        #expect(!limit.isAcceptingNewConnections())
        limit.connectionClosed()
        #expect(limit.isAcceptingNewConnections())
      }
      #expect(log.all.count == lines)
      clock.advance(by: .seconds(60))
    }
  }
}
