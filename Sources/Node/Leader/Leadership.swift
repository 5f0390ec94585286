import Logging
import NIOCore
import RedisClient
import Store

/// The election of a leader and what the leader does, with links to the store of their own. Belongs to its event loop.
final class Leadership {
  private let links: [RedisLink]
  private let probes: [LinkProbe]
  private let election: LeaderElection
  private let sweeper: Sweeper
  private let backlog: BacklogWatch
  private let metrics = SweepMetrics()
  private let reports: NodeReports
  private var address: String?

  init(access: StoreLinks, alarm: StoreAlarm, nodeID: String, reports: NodeReports) {
    let (scripts, eventLoop) = (access.store.scripts, access.eventLoop)
    // Each of its own: neither a batch nor a read that waits may come before a renewal.
    let leaseLink = access.link(name: "lease", scripts: scripts.forElection)
    let sweepLink = access.link(name: "sweep", scripts: scripts.forSweeping)
    let releaseLink = access.link(name: "releases")
    links = [leaseLink, sweepLink, releaseLink]
    // The subscriber's link, too, must lead to the master: there its probe waits behind the blocking read.
    probes = links.map { LinkProbe(link: $0, vacantKey: scripts.keys.vacant) }
    let sweep = StoreSession(scripts: scripts, link: sweepLink, alarm: alarm).sweep
    election = LeaderElection(
      eventLoop: eventLoop, lease: StoreSession(scripts: scripts, link: leaseLink, alarm: alarm).lease,
      releases: ReleaseSubscriber(
        eventLoop: eventLoop, lease: StoreSession(scripts: scripts, link: releaseLink, alarm: alarm).lease,
        logger: Logger(label: "lease")),
      nodeID: nodeID, now: { .now }, logger: Logger(label: "lease"))
    sweeper = Sweeper(eventLoop: eventLoop, sweep: sweep, metrics: metrics, logger: Logger(label: "sweeper"))
    backlog = BacklogWatch(eventLoop: eventLoop, sweep: sweep, logger: Logger(label: "sweeper"))
    self.reports = reports
  }

  func start() {
    for link in links { link.start() }
    for probe in probes { probe.start() }
    sweeper.start(
      Sweeper.Election(
        term: { [election] in election.term }, fenced: { [election] token in election.fenced(token: token) }))
    election.start(
      LeaderElection.Listener(
        began: { [sweeper] in sweeper.begin() }, ended: { [sweeper] in sweeper.end() },
        changed: { [reports] in reports.update(\.lease, $0) }))
    backlog.start { [sweeper, metrics, reports] overdue in
      if let overdue { metrics.update(overdue) }
      var seen = sweeper.report
      seen.overdue = overdue
      reports.update(\.sweep, seen)
    }
  }

  /// Stands for election, as a node that serves at `address`.
  func stand(address: String) {
    self.address = address
    election.stand(address: address)
  }

  /// Stands for election again after ``retire()``, or leads on if the batch under way then is not finished yet.
  func standAgain() {
    sweeper.resume()
    if let address { election.stand(address: address) }
  }

  /// Leads no more: finishes the batch that is under way, and gives the lease back.
  func retire() {
    sweeper.finish { [election] in election.retire() }
  }

  func stop() {
    for link in links { link.stop() }
  }
}
