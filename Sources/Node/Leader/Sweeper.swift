import Logging
import NIOCore
import Store

/// Puts the stock of expired holds back while this node leads, batch by batch and shard by shard; brings the parts of
/// carts to where they ended; clears what lapses with time.
///
/// One call at a time, so that a term's end need only wait for one. Belongs to the event loop of its links.
final class Sweeper {
  /// Pause between two looks at a shard when nothing is due. With many shards each is looked at less often: what it has
  /// told of its next deadline is kept in mind, and nothing is held for less than a second.
  private static let interval = TimeAmount.milliseconds(50), maxInterval = TimeAmount.seconds(1)
  /// Sales are trimmed, and carts settled, so often: one step, and further ones at once while there is much.
  private static let careInterval = TimeAmount.seconds(1)

  private let eventLoop: any EventLoop
  private let sweep: ShardedSweep
  private let interval: TimeAmount
  private let metrics: SweepMetrics
  private let logger: Logger
  private let tell: (SweepReport) -> Void
  /// Nil while this node does not lead.
  private var mandate: Mandate?
  private var isInFlight = false
  private var timer: Scheduled<Void>?
  private var afterCall: (() -> Void)?
  private var tasks: [Task]
  private var failures: [Kind: FailureNotes]
  private var report = SweepReport() {
    didSet { if report != oldValue { tell(report) } }
  }

  /// By what the sweeper sweeps.
  struct Mandate {
    /// The term in which this node may act as leader now.
    var term: () -> LeaseMachine.Term?
    /// Redis says that this token's term is over.
    var fenced: (String) -> Void
  }

  private enum Kind: String, CaseIterable { case sweep, trim, settle }

  /// What is done again and again on one shard.
  private struct Task {
    let kind: Kind
    let shard: Shard
    var next = NIODeadline.uptimeNanoseconds(0)
    /// Where trimming goes on.
    var cursor = ""
    /// Whether the last call failed.
    var isFailing = false
  }

  /// - Parameter report: told what the sweeps have done so far, whenever that changes.
  init(
    eventLoop: any EventLoop, sweep: ShardedSweep, metrics: SweepMetrics, logger: Logger,
    report tell: @escaping (SweepReport) -> Void
  ) {
    self.eventLoop = eventLoop
    self.sweep = sweep
    self.metrics = metrics
    self.logger = logger
    self.tell = tell
    interval = min(Self.maxInterval, Self.interval * sweep.shards.count)
    let kinds = sweep.shards.count == 1 ? [Kind.sweep, .trim] : Kind.allCases
    // What is due goes first; the rest can wait, or be left to the next leader.
    tasks = kinds.flatMap { kind in sweep.shards.map { Task(kind: kind, shard: $0) } }
    failures = Dictionary(uniqueKeysWithValues: kinds.map { ($0, FailureNotes(of: $0.rawValue, logger: logger)) })
  }

  /// A term has begun: the first batch leaves at once.
  func begin(_ mandate: Mandate) {
    self.mandate = mandate
    // The first sweep of a shard raises its fence.
    for index in tasks.indices where tasks[index].kind == .sweep { tasks[index].next = eventLoop.now }
    goOn()
  }

  /// The term is over.
  func end() {
    mandate = nil
    timer?.cancel()
  }

  /// Begins no further call, and calls `completion` once none is under way.
  func finish(_ completion: @escaping () -> Void) {
    timer?.cancel()
    guard isInFlight else { return completion() }
    afterCall = completion
  }

  /// Goes on after all: what waits for ``finish(_:)`` is forgotten.
  func resume() {
    afterCall = nil
    goOn()
  }

  /// What is in flight goes on by itself.
  private func goOn() {
    if !isInFlight { schedule(at: eventLoop.now) }
  }

  private func schedule(at instant: NIODeadline) {
    timer?.cancel()
    timer = eventLoop.assumeIsolated().scheduleTask(deadline: instant) { [self] in act() }
  }

  private func act() {
    guard !isInFlight, let term = mandate?.term() else { return }
    let now = eventLoop.now
    guard let index = tasks.firstIndex(where: { $0.next <= now }) else {
      return schedule(at: tasks.map(\.next).min() ?? now + interval)
    }
    isInFlight = true
    let task = tasks[index]
    // One that fails is not tried again at once.
    tasks[index].next = now + (task.kind == .sweep ? interval : Self.careInterval)
    switch task.kind {
    case .sweep:
      sweep.sweep(task.shard, token: term.token, epoch: term.epoch) { [self] result in
        ended(term, index, result) { swept($0, index, since: now) }
      }
    case .trim:
      sweep.trim(task.shard, token: term.token, epoch: term.epoch, after: task.cursor) { [self] result in
        ended(term, index, result) { trimmed($0, index) }
      }
    case .settle: sweep.settle(task.shard) { [self] result in ended(term, index, result.map { .done($0) }) {} }
    }
  }

  private func swept(_ batch: SweepRepository.Batch, _ index: Int, since began: NIODeadline) {
    let now = eventLoop.now
    if batch.released > 0 {
      report.add(SweepReport.Batch(at: now, holds: batch.released, took: now - began))
      metrics.swept(batch.released, in: now - began)
    }
    tasks[index].next = now + min(interval, batch.nextDue ?? interval)
  }

  private func trimmed(_ step: SweepRepository.Trim, _ index: Int) {
    metrics.trimmed(step.trimmed)
    report.trimmedTotal += step.trimmed
    tasks[index].cursor = step.cursor ?? ""
    if step.trimmed > 0 { tasks[index].next = eventLoop.now }
  }

  /// The end of every call. `next` takes in what was done.
  private func ended<Step>(
    _ term: LeaseMachine.Term, _ index: Int, _ result: Result<SweepRepository.Outcome<Step>, StoreFailure>,
    next: (Step) -> Void
  ) {
    assert(isInFlight, "each call ends once")
    isInFlight = false
    let kind = tasks[index].kind
    var goesOnAt = eventLoop.now
    switch result {
    case .success(.done(let step)):
      tasks[index].isFailing = false
      // While another shard refuses the same, it has not ended: the log would tell of both in turns.
      if !tasks.contains(where: { $0.kind == kind && $0.isFailing }) { failures[kind]?.ended() }
      next(step)
    case .success(.fenced):
      report.fencedAttempts += 1
      metrics.fenced()
      logger.notice("a sweep was fenced off: the term is over", metadata: ["epoch": .number(term.epoch)])
      mandate?.fenced(term.token)
      // A further term may have begun while this call was on its way.
      goesOnAt = eventLoop.now + Self.interval
    case .failure(let failure):
      // It may have been done or not. The next one finds what is still due.
      tasks[index].isFailing = true
      failures[kind]?.note(failure)
    }
    guard let afterCall else { return schedule(at: goesOnAt) }
    timer?.cancel()
    self.afterCall = nil
    afterCall()
  }
}
