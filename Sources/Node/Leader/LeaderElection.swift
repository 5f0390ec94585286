import Logging
import NIOCore
import Store

/// Acts for the ``LeaseMachine``: asks Redis, keeps the time, and tells the others who leads.
///
/// Belongs to the event loop of its link.
final class LeaderElection {
  /// Told of each change, on the event loop.
  struct Listener {
    /// The node leads from now on, by this election.
    var began: (LeaderElection) -> Void
    /// It does so no longer.
    var ended: () -> Void
    var changed: (LeaseReport) -> Void
  }

  private let eventLoop: any EventLoop
  private let lease: LeaseRepository
  private let releases: ReleaseSubscriber
  private let nodeID: String
  private let timing: LeaseTiming
  private let now: () -> LeaseMachine.Instant
  private let metrics: LeaseMetrics
  private let logger: Logger
  private var machine: LeaseMachine
  private let listener: Listener
  private var address = ""
  private var isListening = false
  private var timer: Scheduled<Void>?
  private var failures: FailureNotes
  /// The lease that was acquired last, and when that was asked for. Whether we lead by it, the machine says.
  private var acquired: (holder: LeaseReport.Holder, sent: LeaseMachine.Instant)?
  private var report = LeaseReport() {
    didSet {
      guard report != oldValue else { return }
      metrics.update(report, at: now())
      listener.changed(report)
    }
  }

  init(
    eventLoop: any EventLoop, lease: LeaseRepository, releases: ReleaseSubscriber, nodeID: String,
    timing: LeaseTiming = LeaseTiming(), now: @escaping () -> LeaseMachine.Instant, logger: Logger, listener: Listener
  ) {
    timing.check()
    self.eventLoop = eventLoop
    self.lease = lease
    self.releases = releases
    self.nodeID = nodeID
    self.timing = timing
    self.now = now
    self.logger = logger
    self.listener = listener
    metrics = LeaseMetrics()
    failures = FailureNotes(of: "lease", logger: logger)
    var random = SystemRandomNumberGenerator()
    machine = LeaseMachine(timing: timing) { LeaseRecord.newToken(using: &random) }
  }

  /// Listens for releases; the node stands for no election yet.
  func start() {
    precondition(!isListening, "releases are subscribed to once")
    isListening = true
    releases.subscribe { [self] in step { $0.vacated(at: now()) } }
    lease.whenConnected { [self] in step { $0.reconnected(at: now()) } }
  }

  /// Stands for election.
  /// - Parameter address: where the node serves, `host:port`.
  func stand(address: String) {
    self.address = address
    step { $0.start(at: now()) }
  }

  /// Gives back what it has, and stands for election no more.
  func retire() {
    step { $0.retire(at: now()) }
  }

  /// The term in which this node may act as leader now.
  var term: LeaseMachine.Term? { machine.term(at: now()) }

  /// A sweep was told that the lease is not this token's.
  func fenced(token: String) {
    step { $0.fenced(token: token, at: now()) }
  }

  // MARK: - Acting

  private func step(_ event: (inout LeaseMachine) -> [LeaseMachine.Action]) {
    for action in event(&machine) { perform(action) }
    timer?.cancel()
    timer = machine.wakeUp.map { wakeUp in
      // Rounded up: woken a part of a nanosecond too soon, the machine would have nothing to do.
      let delay = TimeAmount(max(.zero, wakeUp - now())) + .nanoseconds(1)
      return eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in step { $0.tick(at: now()) } }
    }
  }

  private func perform(_ action: LeaseMachine.Action) {
    switch action {
    case .acquire(let token, let replacing, let attempt): acquire(token, replacing, attempt)
    case .renew(let token, let attempt): renew(token, attempt)
    case .release(let token, let attempt): release(token, attempt)
    case .lookUp(let connection, let attempt): lookUp(connection, attempt)
    case .lead(let term, let opportunity): lead(term, opportunity)
    case .stepDown(let end): stepDown(end)
    }
  }

  private func acquire(_ token: String, _ replacing: LeaseMachine.Predecessor?, _ attempt: Int) {
    let sent = now()
    lease.acquire(
      token: token, replacing: replacing?.token, on: replacing?.connection, holder: "\(nodeID) \(address)",
      epochSeen: machine.greatestEpoch, ttl: timing.ttl, limit: timing.attempt
    ) { [self] result in
      switch result {
      case .success(.acquired(let epoch, let since)):
        failures.ended()
        acquired = (LeaseReport.Holder(nodeID: nodeID, epoch: epoch, acquiredAt: since), sent)
        step { $0.acquired(epoch: epoch, attempt: attempt, at: now()) }
      case .success(.held(let record, let remaining)):
        failures.ended()
        follow(record, remaining)
        let holder = LeaseMachine.Holder(
          token: record.token, epoch: record.epoch, connection: record.connection)
        step { $0.refused(holder: holder, remaining: remaining, attempt: attempt, at: now()) }
      case .failure(let failure): failed("acquire", failure, attempt)
      }
    }
  }

  private func renew(_ token: String, _ attempt: Int) {
    let sent = now()
    lease.renew(token: token, holder: "\(nodeID) \(address)", ttl: timing.ttl, limit: timing.attempt) {
      [self] result in
      switch result {
      case .success(true):
        failures.ended()
        step { $0.renewed(attempt: attempt, at: now()) }
        renewed(sent)
      case .success(false): step { $0.lost(attempt: attempt, at: now()) }
      case .failure(let failure): failed("renew", failure, attempt)
      }
    }
  }

  private func release(_ token: String, _ attempt: Int) {
    lease.release(token: token, limit: timing.attempt) { [self] result in
      switch result {
      case .success:
        logger.info("lease given back")
        step {
          $0.released(attempt: attempt)
          return []
        }
      case .failure(let failure): failed("release", failure, attempt)
      }
    }
  }

  private func lookUp(_ connection: Int64, _ attempt: Int) {
    lease.hasConnection(connection, limit: timing.attempt) { [self] result in
      switch result {
      case .success(let isPresent): step { $0.lookedUp(isPresent: isPresent, attempt: attempt, at: now()) }
      case .failure(let failure): failed("look up the holder", failure, attempt)
      }
    }
  }

  private func failed(_ what: String, _ failure: StoreFailure, _ attempt: Int) {
    failures.note(failure, what)
    step { $0.failed(attempt: attempt, at: now()) }
  }

  // MARK: - Telling

  private func renewed(_ sent: LeaseMachine.Instant) {
    let took = now() - sent
    metrics.renewed(took)
    report.renewal = took
    if report.isLeader { report.endsAt = sent + timing.ttl }
  }

  private func lead(_ term: LeaseMachine.Term, _ opportunity: LeaseMachine.Opportunity) {
    assert(acquired?.holder.epoch == term.epoch, "a term begins with the lease that was acquired last")
    let before = report.holder?.nodeID
    report.isLeader = true
    report.holder = acquired?.holder
    report.endsAt = acquired.map { $0.sent + timing.ttl }
    report.termsWon += 1
    metrics.won()
    logger.notice(
      "leads from now on",
      metadata: ["epoch": .number(term.epoch), "because": "\(opportunity.text)", "before": "\(before ?? "unknown")"])
    listener.began(self)
  }

  private func stepDown(_ end: LeaseMachine.EndOfTerm) {
    assert(report.isLeader, "only a term that has begun can end")
    let epoch = report.holder?.epoch
    report.isLeader = false
    report.holder = nil
    report.endsAt = nil
    report.termsLost += 1
    metrics.lost(end)
    logger.notice("leads no longer", metadata: ["epoch": .number(epoch ?? 0), "because": "\(end.text)"])
    listener.ended()
  }

  private func follow(_ record: LeaseRecord, _ remaining: Duration) {
    let holder = LeaseReport.Holder(nodeID: record.nodeID, epoch: record.epoch, acquiredAt: record.acquiredAt)
    if report.holder?.epoch != holder.epoch {
      logger.info(
        "another node leads",
        metadata: ["leader": "\(record.nodeID)", "address": "\(record.address)", "epoch": .number(record.epoch)])
    }
    report.holder = holder
    report.endsAt = now() + remaining
  }
}

extension LeaseMachine.Opportunity {
  var text: String {
    switch self {
    case .lapsed: "nobody held the lease"
    case .vacated: "the leader before gave the lease back"
    case .holderGone: "the connection of the leader before was gone"
    case .ownTermOver: "the term before was our own"
    }
  }
}

extension LeaseMachine.EndOfTerm {
  var text: String {
    switch self {
    case .notRenewed: "no renewal was confirmed in time"
    case .lost: "Redis says that the lease is not ours any more"
    case .handedOver: "the node drains"
    }
  }
}
