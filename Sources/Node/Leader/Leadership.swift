import Logging
import NIOCore
import Store

/// The election of a leader and what the leader does. It stands between the two: the election tells when a term begins
/// and ends, the sweeper when Redis says that one is over. Belongs to its event loop.
final class Leadership {
  private let election: LeaderElection
  private let sweeper: Sweeper
  private let backlog: BacklogWatch
  private var address: String?

  /// The repositories are on links of their own: neither a batch nor a wait for releases may come before a renewal.
  ///
  /// - Parameters:
  ///   - releases: waits for leases to be given back.
  ///   - now: the clock of the lease.
  init(
    eventLoop: any EventLoop, lease: LeaseRepository, releases: LeaseRepository, sweep: ShardedSweep,
    nodeID: String, now: @escaping () -> LeaseMachine.Instant, reports: NodeReports
  ) {
    let (ofLease, ofSweep, metrics) = (Logger(label: "lease"), Logger(label: "sweeper"), SweepMetrics())
    let sweeper = Sweeper(
      eventLoop: eventLoop, sweep: sweep, metrics: metrics, logger: ofSweep, report: { reports.update(\.sweep, $0) })
    self.sweeper = sweeper
    backlog = BacklogWatch(
      eventLoop: eventLoop, sweep: sweep, metrics: metrics, logger: ofSweep, report: { reports.update(\.overdue, $0) })
    election = LeaderElection(
      eventLoop: eventLoop, lease: lease,
      releases: ReleaseSubscriber(eventLoop: eventLoop, lease: releases, logger: ofLease), nodeID: nodeID, now: now,
      logger: ofLease,
      listener: .init(
        began: { election in
          sweeper.begin(.init(term: { election.term }, fenced: { election.fenced(token: $0) }))
        },
        ended: { sweeper.end() }, changed: { reports.update(\.lease, $0) }))
  }

  func start() {
    election.start()
    backlog.start()
  }

  func stop() { backlog.stop() }

  /// Stands for election, as a node that serves at `address`.
  func stand(address: String) {
    self.address = address
    election.stand(address: address)
  }

  /// Stands for election again after ``retire()``, or keeps leading if the batch under way then is not finished yet.
  func standAgain() {
    sweeper.resume()
    if let address { election.stand(address: address) }
  }

  /// Leads no more: finishes the batch that is under way, and gives the lease back.
  func retire() {
    sweeper.finish { [election] in election.retire() }
  }
}
