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

  @Test func `a release is waited for in its stream, from the one that was told last`() {
    let link = ScriptedLink()
    let lease = StoreSession(scripts: ScriptLibrary(tuning: .init(keyPrefix: "shop:")), link: link).lease
    for heard in [nil, "5-1"] { lease.nextRelease(after: heard) { _ in } }
    #expect(
      link.sent.map(\.arguments)
        == ["$", "5-1"].map { ["XREAD", "BLOCK", "800", "COUNT", "1", "STREAMS", "shop:lease:releases", $0] })
    #expect(link.sent.allSatisfy { $0.deadline == link.loop.now + .milliseconds(1500) })
  }

  private static func entry(_ id: String) -> RedisReply {
    let (stream, id) = (RedisReply.bytes(Array("lease:releases".utf8)), RedisReply.bytes(Array(id.utf8)))
    return .array([.array([stream, .array([.array([id, .array([])])])])])
  }

  @Test(
    arguments: [
      (.success(entry("5-1")), .success("5-1")), (.success(.null), .success(nil)),
      (.success(.error("NOPERM no")), .failure(.redis(.rejected(.other("NOPERM no"))))),
      (.success(.array([])), .failure(.redis(.rejected(.other("XREAD: array([])"))))),
      (.failure(.unknown(.linkLost)), .failure(.redis(.unknown(.linkLost)))),
    ] as [(ScriptedLink.Answer, Result<String?, StoreFailure>)])
  func `a release is told by its id, none as none, and what else is answered as a failure`(
    answer: ScriptedLink.Answer, outcome: Result<String?, StoreFailure>
  ) {
    let link = ScriptedLink()
    var told: Result<String?, StoreFailure>?
    StoreSession(scripts: ScriptLibrary(tuning: .init()), link: link).lease.nextRelease(after: nil) { told = $0 }
    link.last.answer(answer)
    #expect(told == outcome)
  }
}
