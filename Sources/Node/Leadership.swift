import Logging
import NIOCore
import RedisClient
import Store

/// The election of a leader and what the leader does, with links to the store of their own. Belongs to its event loop.
final class Leadership {
  private let links: [RedisLink]
  private let probes: [LinkProbe]
  let sessions: [StoreSession]
  private let lease: LeaseService
  private let sweeper: Sweeper
  private let backlog: BacklogWatch
  private let metrics = SweepMetrics()
  private var address: String?

  init(
    eventLoop: any EventLoop, scripts: ScriptLibrary, makeLink: (any EventLoop, String, [Script]) -> RedisLink,
    nodeID: String
  ) {
    // Each of its own: neither a batch nor a read that waits may come before a renewal.
    let leaseLink = makeLink(eventLoop, "lease", scripts.forElection)
    let sweepLink = makeLink(eventLoop, "sweep", scripts.forSweeping)
    let bellLink = makeLink(eventLoop, "releases", [])
    links = [leaseLink, sweepLink, bellLink]
    // The bell's link, too, must lead to the master: there its probe waits behind the blocking read.
    probes = links.map { LinkProbe(link: $0, vacantKey: scripts.keys.vacant) }
    let leaseSession = StoreSession(scripts: scripts, link: leaseLink)
    let sweepSession = StoreSession(scripts: scripts, link: sweepLink)
    sessions = [leaseSession, sweepSession]
    lease = LeaseService(
      eventLoop: eventLoop, lease: leaseSession.lease,
      bell: ReleaseBell(link: bellLink, stream: scripts.keys.leaseReleases), nodeID: nodeID,
      logger: Logger(label: "lease"))
    sweeper = Sweeper(
      eventLoop: eventLoop, sweep: sweepSession.sweep, metrics: metrics, logger: Logger(label: "sweeper"))
    backlog = BacklogWatch(eventLoop: eventLoop, sweep: sweepSession.sweep)
  }

  func start(report: @escaping (BackOffice.Report) -> Void) {
    for link in links { link.start() }
    for probe in probes { probe.start() }
    let election = Sweeper.Election(
      term: { [lease] in lease.term }, fenced: { [lease] token in lease.fenced(token: token) })
    sweeper.start(election)
    let listener = LeaseService.Listener(
      began: { [sweeper] in sweeper.begin() }, ended: { [sweeper] in sweeper.end() },
      changed: { report(.lease($0)) })
    lease.start(listener)
    backlog.start { [sweeper, metrics] overdue in
      if let overdue { metrics.update(overdue) }
      var seen = sweeper.report
      seen.overdue = overdue
      report(.sweep(seen))
    }
  }

  /// Stands for election, as a node that serves at `address`.
  func stand(address: String) {
    self.address = address
    lease.stand(address: address)
  }

  /// Stands for election again after ``retire()``, or leads on if the batch under way then is not finished yet.
  func standAgain() {
    sweeper.resume()
    if let address { lease.stand(address: address) }
  }

  /// Leads no more: finishes the batch that is under way, and gives the lease back.
  func retire() {
    sweeper.finish { [lease] in lease.retire() }
  }

  func stop() {
    for link in links { link.stop() }
  }
}
