import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Store

/// The leader's requests: lease and sweep.
@Suite struct LeaderRepositoriesTests {
  @Test func `bounds count by the time of the loop`() {
    let link = ScriptedLink()
    let session = StoreSession(scripts: ScriptLibrary(tuning: .init()), link: link)
    let token = String(repeating: "0", count: LeaseRecord.tokenDigits)
    let (ttl, limit) = (Duration.seconds(3), Duration.milliseconds(300))
    link.pass(1234)
    session.lease.acquire(token: token, replacing: nil, holder: "node-1 host:1", ttl: ttl, limit: limit) { _ in }
    session.lease.renew(token: token, holder: "node-1 host:1", ttl: ttl, limit: limit) { _ in }
    session.lease.release(token: token, limit: limit) { _ in }
    session.lease.hasConnection(7, limit: limit) { _ in }
    #expect(link.sent.map(\.deadline) == Array(repeating: link.loop.now + .milliseconds(300), count: 4))
    session.sweep.sweep(token: token, epoch: 1) { _ in }
    session.sweep.trim(token: token, epoch: 1, after: "") { _ in }
    session.sweep.overdue { _ in }
    #expect(link.sent.dropFirst(4).map(\.deadline) == Array(repeating: link.loop.now + SweepRepository.limit, count: 3))
  }
}
