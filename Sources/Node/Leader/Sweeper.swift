import Logging
import NIOCore
import Store

/// Puts the stock of expired holds back while this node leads, batch by batch, and clears what lapses with time.
///
/// One batch at a time, so that a term's end need only wait for one. Belongs to the event loop of its link.
final class Sweeper {
  /// Pause between two looks when nothing is due.
  private static let interval = TimeAmount.milliseconds(50)
  /// Sales are trimmed so often: one step, and further ones at once while there is much.
  private static let trimInterval = TimeAmount.seconds(1)

  private let eventLoop: any EventLoop
  private let sweep: SweepRepository
  private let metrics: SweepMetrics
  private let logger: Logger
  private let tell: (SweepReport) -> Void
  /// Nil while this node does not lead.
  private var mandate: Mandate?
  private var isInFlight = false
  private var timer: Scheduled<Void>?
  private var afterBatch: (() -> Void)?
  private var nextTrim = NIODeadline.uptimeNanoseconds(0)
  private var trimCursor = ""
  private var sweepFailures: FailureNotes
  private var trimFailures: FailureNotes
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

  /// - Parameter report: told what the sweeps have done so far, whenever that changes.
  init(
    eventLoop: any EventLoop, sweep: SweepRepository, metrics: SweepMetrics, logger: Logger,
    report tell: @escaping (SweepReport) -> Void
  ) {
    self.eventLoop = eventLoop
    self.sweep = sweep
    self.metrics = metrics
    self.logger = logger
    self.tell = tell
    sweepFailures = FailureNotes(of: "sweep", logger: logger)
    trimFailures = FailureNotes(of: "trim", logger: logger)
  }

  /// A term has begun: the first batch leaves at once.
  func begin(_ mandate: Mandate) {
    self.mandate = mandate
    goOn()
  }

  /// The term is over.
  func end() {
    mandate = nil
    timer?.cancel()
  }

  /// Begins no further batch, and calls `completion` once none is under way.
  func finish(_ completion: @escaping () -> Void) {
    timer?.cancel()
    guard isInFlight else { return completion() }
    afterBatch = completion
  }

  /// Goes on after all: what waits for ``finish(_:)`` is forgotten.
  func resume() {
    afterBatch = nil
    goOn()
  }

  /// What is in flight goes on by itself.
  private func goOn() {
    if !isInFlight { schedule(in: .zero) }
  }

  private func schedule(in delay: TimeAmount) {
    timer?.cancel()
    timer = eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in batch() }
  }

  private func batch() {
    guard !isInFlight, let term = mandate?.term() else { return }
    isInFlight = true
    let began = eventLoop.now
    sweep.sweep(token: term.token, epoch: term.epoch) { [self] result in
      let now = eventLoop.now
      ended(term, result, \.sweepFailures) { batch in
        if batch.released > 0 {
          report.add(SweepReport.Batch(at: now, holds: batch.released, took: now - began))
          metrics.swept(batch.released, in: now - began)
        }
        // What was due first goes first; sales can wait until nothing is due, or for the next leader.
        if batch.nextDue != .zero, nextTrim <= now, afterBatch == nil { return trim(term) }
        schedule(in: min(Self.interval, batch.nextDue ?? Self.interval))
      }
    }
  }

  private func trim(_ term: LeaseMachine.Term) {
    assert(!isInFlight, "one call at a time: a term's end waits for one")
    isInFlight = true
    // One that fails is not tried again at once.
    nextTrim = eventLoop.now + Self.trimInterval
    sweep.trim(token: term.token, epoch: term.epoch, after: trimCursor) { [self] result in
      ended(term, result, \.trimFailures) { step in
        metrics.trimmed(step.trimmed)
        report.trimmedTotal += step.trimmed
        trimCursor = step.cursor ?? ""
        if step.trimmed > 0 { nextTrim = eventLoop.now }
        schedule(in: .zero)
      }
    }
  }

  /// The end of every call. `next` goes on after one that was done.
  private func ended<Step>(
    _ term: LeaseMachine.Term, _ result: Result<SweepRepository.Outcome<Step>, StoreFailure>,
    _ failures: ReferenceWritableKeyPath<Sweeper, FailureNotes>, next: (Step) -> Void
  ) {
    assert(isInFlight, "each call ends once")
    isInFlight = false
    switch result {
    case .success(.done(let step)):
      self[keyPath: failures].ended()
      next(step)
    case .success(.fenced):
      report.fencedAttempts += 1
      metrics.fenced()
      logger.notice("a sweep was fenced off: the term is over", metadata: ["epoch": .number(term.epoch)])
      mandate?.fenced(term.token)
      // A further term may have begun while this batch was on its way.
      schedule(in: Self.interval)
    case .failure(let failure):
      // It may have been done or not. The next one finds what is still due.
      self[keyPath: failures].note(failure)
      schedule(in: Self.interval)
    }
    guard let afterBatch else { return }
    timer?.cancel()
    self.afterBatch = nil
    afterBatch()
  }
}
