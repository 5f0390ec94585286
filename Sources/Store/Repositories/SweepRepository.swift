import NIOCore
import RedisClient

/// The sweep in the store: which script does what, and what its reply means.
///
/// Lives on the event loop of its link; completions are called there. A batch has no effect, nor an answer, after
/// ``limit``.
package final class SweepRepository {
  package typealias Completion<Outcome> = (Result<Outcome, StoreFailure>) -> Void

  package static let limit = TimeAmount.milliseconds(400)
  /// Item lines released in one batch: about a millisecond of Redis.
  static let linesPerBatch = 80
  /// How many SKUs one step of trimming looks at, and how many sales of each.
  private static let skusPerTrim = 20, salesPerTrim = 200
  /// SKUs that are looked at to tell how far behind the sweep is.
  private static let skusPerLook = 50
  /// Entries in their indexes that are told apart by hold.
  private static let entriesPerLook = 1000

  private let scripts: ScriptLibrary
  private let caller: StoreCaller

  init(scripts: ScriptLibrary, caller: StoreCaller) {
    self.scripts = scripts
    self.caller = caller
  }

  package enum Outcome<Step> {
    case done(Step)
    /// The term of the token is over: nothing was done.
    case fenced
  }

  package struct Batch: Equatable {
    /// Holds whose stock was put back.
    package var released: Int
    /// How long from the batch on nothing will be due; nil if nothing is held, zero if more is due now.
    package var nextDue: TimeAmount?
    /// Parts of carts that are due, and whose home must be asked.
    var parts: [ReservationID] = []
  }

  /// Releases what is due, a bounded batch of it.
  package func sweep(token: String, epoch: Int64, completion: @escaping Completion<Outcome<Batch>>) {
    var arguments = RedisArguments(token)
    arguments.append(Self.linesPerBatch)
    arguments.append(Int(epoch))
    run(scripts.sweep, arguments, completion) { [caller] reply in
      switch reply.verdict {
      case .fenced: return .fenced
      case .ok:
        var tokens = reply.rest
        guard let released = tokens.nextInteger() else { return nil }
        let next = tokens.nextInstant().map { TimeAmount.milliseconds(max(0, $0 - reply.time)) }
        let parts = tokens.dueParts()
        caller.alarm.damaged(tokens.damages())
        return .done(Batch(released: released, nextDue: next, parts: parts))
      }
    }
  }

  package struct Trim: Equatable {
    /// Entries taken out.
    package var trimmed: Int
    /// Where to go on; nil when the round is done.
    package var cursor: String?
  }

  /// Takes lapsed sales out of the audit's index, of a few SKUs after `cursor`.
  package func trim(
    token: String, epoch: Int64, after cursor: String, completion: @escaping Completion<Outcome<Trim>>
  ) {
    var arguments = RedisArguments(token, cursor)
    arguments.append(Self.skusPerTrim)
    arguments.append(Self.salesPerTrim)
    arguments.append(Int(epoch))
    run(scripts.trim, arguments, completion) { [caller] reply in
      switch reply.verdict {
      case .fenced: return .fenced
      case .ok:
        var tokens = reply.rest
        guard let trimmed = tokens.nextInteger(), let next = tokens.nextText() else { return nil }
        caller.alarm.damaged(tokens.damages())
        return .done(Trim(trimmed: trimmed, cursor: next == "-" ? nil : next == "." ? "" : next))
      }
    }
  }

  package struct Overdue: Equatable, Sendable {
    /// Holds past their deadline whose stock is not back yet. Each is counted once, however many SKUs it is of; where
    /// there are very many, their number is estimated, and with very many SKUs there may be more.
    package var holds = 0
    /// How long the oldest of them has been overdue.
    package var oldest: TimeAmount?
  }

  /// How far behind the sweep is, whoever leads.
  package func overdue(completion: @escaping Completion<Overdue>) {
    var arguments = RedisArguments()
    arguments.append(Self.skusPerLook)
    arguments.append(Self.entriesPerLook)
    caller.read(scripts.overdue, arguments, deadline: caller.now + Self.limit, completion: completion) { reply in
      switch reply.verdict {
      case .ok:
        var tokens = reply.rest
        guard let holds = tokens.nextInteger() else { return nil }
        return Overdue(holds: holds, oldest: tokens.nextInstant().map { .milliseconds(reply.time - $0) })
      }
    }
  }

  private func run<Verdict, Step>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, _ completion: @escaping Completion<Outcome<Step>>,
    _ decode: @escaping (StoreReply<Verdict>) -> Outcome<Step>?
  ) {
    let end = caller.now + Self.limit
    caller.run(
      StoreCall(script: script, arguments: arguments, effectBefore: end, deadline: end), completion: completion,
      decode: decode)
  }
}
