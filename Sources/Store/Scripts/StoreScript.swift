import NIOCore
import RedisClient

/// A script of ours, and the verdicts that it can answer.
struct StoreScript<Verdict: StoreVerdict>: Sendable {
  var script: Script
  let kind: StoreScriptKind
  /// Runs several calls of it as one. Nil where they go one by one.
  var batch: Script?
}

enum StoreScriptKind: Sendable {
  case reads
  /// It finishes or frees what is there already, and so runs on a full store too.
  case finishes
  /// It adds to the store, and is refused while that is nearly full.
  case adds
}

/// A call of a script, and its bounds.
struct StoreCall<Verdict: StoreVerdict> {
  var script: StoreScript<Verdict>
  var arguments: RedisArguments
  /// The script does nothing if Redis runs it later than this.
  var effectBefore: NIODeadline
  /// The caller waits no longer than this for an answer.
  var deadline: NIODeadline
}

/// What a script has answered.
struct StoreReply<Verdict: StoreVerdict>: Equatable, Sendable {
  let verdict: Verdict
  /// Redis's time when it ran, epoch milliseconds.
  let time: Int64
  /// What the verdict brings along.
  let rest: ReplyTokens

  /// Whether an instant that is stored can be one of ours, by Redis's clock.
  func isCredible(_ instant: Int64) -> Bool { instant - time <= Limits.maxMillisecondsAhead }
}

extension StoreReply where Verdict: KeyedVerdict {
  /// What a script would have told of an idempotency record that was read without one, at `time`.
  init(prior record: [UInt8], time: Int64) {
    self.init(verdict: .prior, time: time, rest: ReplyTokens(record[...]))
  }
}
