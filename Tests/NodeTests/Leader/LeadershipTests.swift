import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import Node
@testable import Store

/// The election and the sweep together, on links whose replies the test gives.
@Suite struct LeadershipTests {
  private final class Bench {
    let lease: ScriptedLink
    let sweep: ScriptedLink
    let reports = NodeReports()
    let leadership: Leadership
    private let scripts: ScriptLibrary

    /// A node that stands for election.
    init() {
      let (loop, scripts) = (EmbeddedEventLoop(), ScriptLibrary(tuning: .init()))
      let (lease, sweep) = (ScriptedLink(loop: loop), ScriptedLink(loop: loop))
      let (started, began) = (loop.now, ContinuousClock.now)
      leadership = Leadership(
        eventLoop: loop, lease: StoreSession(scripts: scripts, link: lease).lease,
        releases: StoreSession(scripts: scripts, link: ScriptedLink(loop: loop)).lease,
        sweep: ShardedStore(scripts: scripts, link: sweep).sweep, nodeID: "node-1",
        now: { began + .nanoseconds((loop.now - started).nanoseconds) }, reports: reports)
      (self.lease, self.sweep, self.scripts) = (lease, sweep, scripts)
      leadership.start()
      leadership.stand(address: "10.0.0.1:8080")
    }

    var seen: NodeReports.Contents { reports.current }
    var looks: [ScriptedLink.Command] { sweep.sent.filter { $0.arguments[1] == scripts.overdue.script.sha } }
    var batches: [ScriptedLink.Command] { sweep.sent.filter { $0.arguments[1] == scripts.sweep.script.sha } }
    var releases: [ScriptedLink.Command] { lease.sent.filter { $0.arguments[1] == scripts.releaseLease.script.sha } }

    /// Redis gives the lease.
    func win(epoch: Int) {
      lease.last.line("OK \(lease.redisNow) \(epoch) \(lease.redisNow)")
      lease.pass(0)
    }
  }

  @Test func `a term begins with a batch, and ends with the batch that is told that it is over`() throws {
    let bench = Bench()
    bench.lease.pass(100)
    #expect(bench.batches.isEmpty && !bench.seen.lease.isLeader)
    bench.win(epoch: 1)
    #expect(bench.batches.count == 1 && bench.seen.lease.isLeader && bench.seen.lease.holder?.epoch == 1)
    try #require(bench.batches.last).line("FENCED \(bench.sweep.redisNow)")
    #expect(!bench.seen.lease.isLeader && bench.seen.lease.termsLost == 1 && bench.seen.sweep.fencedAttempts == 1)
    bench.lease.pass(200)
    #expect(bench.batches.count == 1, "without a term nothing is swept")
    bench.win(epoch: 2)
    #expect(bench.batches.count == 2 && bench.seen.lease.termsWon == 2)
  }

  @Test func `what batches have done, and what is overdue, is reported at once`() throws {
    let bench = Bench()
    try #require(bench.looks.last).line("OK \(bench.sweep.redisNow) 7 -")
    #expect(bench.seen.overdue?.holds == 7 && bench.seen.sweep == SweepReport())
    bench.win(epoch: 1)
    try #require(bench.batches.last).line("OK \(bench.sweep.redisNow) 3 -")
    #expect(bench.seen.sweep.releasedTotal == 3 && bench.seen.sweep.lastBatch?.holds == 3)
    #expect(bench.seen.overdue?.holds == 7)
  }

  @Test func `who retires ends the batch, gives the lease back and sweeps no more, until it stands again`() throws {
    let bench = Bench()
    bench.win(epoch: 1)
    bench.leadership.retire()
    #expect(bench.releases.isEmpty && bench.seen.lease.isLeader)
    try #require(bench.batches.last).line("OK \(bench.sweep.redisNow) 0 -")
    #expect(bench.releases.count == 1 && !bench.seen.lease.isLeader)
    bench.lease.last.line("OK \(bench.lease.redisNow)")
    bench.lease.pass(10_000)
    #expect(bench.batches.count == 1)
    bench.leadership.standAgain()
    bench.win(epoch: 2)
    #expect(bench.batches.count == 2 && bench.seen.lease.isLeader)
  }

  @Test func `after the end nobody looks what is overdue`() throws {
    let bench = Bench()
    bench.leadership.stop()
    try #require(bench.looks.last).line("OK \(bench.sweep.redisNow) 7 -")
    bench.lease.pass(10_000)
    #expect(bench.looks.count == 1)
  }
}
