import NIOCore

/// The sweep in the store: which script does what, and what its reply means.
///
/// Lives on the event loop of its link; completions are called there. A batch has no effect, nor an answer, after
/// ``limit``.
final class SweepRepository {
  typealias Completion<Outcome> = (Result<Outcome, RedisFailure>) -> Void

  static let limit = TimeAmount.milliseconds(400)
  /// Item lines released in one batch: about a millisecond of Redis.
  static let linesPerBatch = 80
  /// SKUs that one step of trimming goes on by, and sales looked at of each.
  private static let skusPerTrim = 20, salesPerTrim = 200
  /// SKUs that are looked at to tell how far behind the sweep is.
  private static let skusPerLook = 50

  private let scripts: ScriptLibrary
  private let runner: ScriptRunner

  init(scripts: ScriptLibrary, runner: ScriptRunner) {
    self.scripts = scripts
    self.runner = runner
  }

  enum Outcome<Step> {
    case done(Step)
    /// The term of the token is over: nothing was done.
    case fenced
  }

  struct Batch: Equatable {
    /// Holds whose stock was put back.
    var released: Int
    /// How long from the batch on nothing will be due; nil if nothing is held, zero if more is due now.
    var nextDue: TimeAmount?
  }

  /// Releases what is due, a bounded batch of it.
  func sweep(token: String, completion: @escaping Completion<Outcome<Batch>>) {
    var arguments = RedisArguments(token)
    arguments.append(Self.linesPerBatch)
    run(scripts.sweep, arguments, completion) { reply in
      var words = reply.rest
      guard let released = words.nextInteger() else { return nil }
      let next = words.nextInstant().map { TimeAmount.milliseconds(max(0, $0 - reply.time)) }
      return Batch(released: released, nextDue: next)
    }
  }

  struct Trim: Equatable {
    /// Entries taken out.
    var trimmed: Int
    /// Where to go on; nil when the round is done.
    var cursor: String?
  }

  /// Takes lapsed sales out of the audit's index, of a few SKUs after `cursor`.
  func trim(token: String, after cursor: String, completion: @escaping Completion<Outcome<Trim>>) {
    var arguments = RedisArguments(token, cursor)
    arguments.append(Self.skusPerTrim)
    arguments.append(Self.salesPerTrim)
    run(scripts.trim, arguments, completion) { reply in
      var words = reply.rest
      guard let trimmed = words.nextInteger(), let state = words.nextText() else { return nil }
      return Trim(trimmed: trimmed, cursor: state == "more" ? words.nextText() ?? "" : nil)
    }
  }

  struct Overdue: Equatable, Sendable {
    /// Holds past their deadline whose stock is not back yet, once for each of their SKUs; with very many SKUs there may be
    /// more.
    var holds = 0
    /// How long the oldest of them has been overdue.
    var oldest: TimeAmount?
  }

  /// How far behind the sweep is, whoever leads.
  func overdue(completion: @escaping Completion<Overdue>) {
    var arguments = RedisArguments()
    arguments.append(Self.skusPerLook)
    runner.read(scripts.overdue, arguments, deadline: .now() + Self.limit) { result in
      completion(
        result.decoded { reply in
          var words = reply.rest
          guard reply.verdict == .ok, let holds = words.nextInteger() else { return nil }
          return Overdue(holds: holds, oldest: words.nextInstant().map { .milliseconds(reply.time - $0) })
        })
    }
  }

  private func run<Step>(
    _ script: Script, _ arguments: RedisArguments, _ completion: @escaping Completion<Outcome<Step>>,
    _ decode: @escaping (ScriptReply) -> Step?
  ) {
    let end = NIODeadline.now() + Self.limit
    runner.run(.init(script: script, arguments: arguments, effectBefore: end, deadline: end)) { result in
      completion(
        result.decoded { reply in
          switch reply.verdict {
          case .ok: decode(reply).map { .done($0) }
          case .fenced: .fenced
          default: nil
          }
        })
    }
  }
}
