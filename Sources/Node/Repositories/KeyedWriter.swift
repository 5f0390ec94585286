import NIOCore

/// Runs write scripts so that a retry with the same idempotency key can never be told "no" while an earlier attempt
/// may still take effect.
///
/// An attempt whose answer is lost may lie in a socket and run later, up to its not-after instant. Until that instant
/// the key is in doubt: a success or a replay may be told, a refusal may not, for the attempt could still succeed
/// behind its back (a phantom hold). A refusal is therefore kept back until the instant has passed, and then the script is
/// asked once more; what it says then is final. "Outcome unknown" is told only after the instant too, so
/// that a retry at another node finds the matter settled.
///
/// A write without a key is never repeated.
final class KeyedWriter {
  private let runner: ScriptRunner
  /// Until when an attempt for an idempotency record may still take effect.
  private var doubts: [String: NIODeadline] = [:]
  /// Set while the store is nearly full: nothing new is taken then, so that what is held can be finished.
  var storeIsNearlyFull = false

  init(runner: ScriptRunner) { self.runner = runner }

  /// - Parameters:
  ///   - record: the name of the idempotency record, nil for a write without a key.
  ///   - arrival: when the request was complete; all bounds count from there.
  func run(
    _ script: Script, _ arguments: RedisArguments, record: String?, arrival: NIODeadline,
    completion: @escaping ScriptRunner.Completion
  ) {
    guard !storeIsNearlyFull || script.kind != .adds else {
      return replayOnly(record, deadline: arrival + Budget.read, completion)
    }
    let call = ScriptRunner.Call(
      script: script, arguments: arguments, effectBefore: arrival + Budget.effect, deadline: arrival + Budget.reply)
    guard let record else { return runner.run(call, completion: completion) }
    let attempt = Attempt(call: call, record: record, arrival: arrival, completion: completion)
    runner.run(call) { [self] result in
      guard case .failure(.unknown(let why)) = result else { return judge(attempt, result) }
      doubt(record, until: call.effectBefore)
      guard why == .linkLost else { return judge(attempt, result) }
      // The identical script, once: if the first one has run, this is its replay.
      runner.run(call) { [self] result in judge(attempt, result) }
    }
  }

  /// What was answered before is repeated on a nearly full store too; anything new is refused.
  private func replayOnly(_ record: String?, deadline: NIODeadline, _ completion: @escaping ScriptRunner.Completion) {
    let refusal = RedisFailure.rejected(.unwritable("the store is nearly full"))
    var command = ByteBuffer()
    command.writeRedisCommand(RedisArguments("GET", record ?? ""))
    runner.link.send(command, deadline: deadline) { result in
      guard record != nil, case .success(.bytes(let bytes)) = result else { return completion(.failure(refusal)) }
      completion(.success(ScriptReply(prior: bytes)))
    }
  }

  private struct Attempt {
    var call: ScriptRunner.Call
    var record: String
    var arrival: NIODeadline
    var completion: ScriptRunner.Completion
  }

  private func judge(_ attempt: Attempt, _ result: Result<ScriptReply, RedisFailure>) {
    guard let settled = doubts[attempt.record] else { return attempt.completion(result) }
    if case .success(let reply) = result, !reply.verdict.isRefusal {
      return attempt.completion(result)
    }
    let now = NIODeadline.now()
    guard settled >= now else {
      doubts[attempt.record] = nil
      return attempt.completion(result)
    }
    runner.link.eventLoop.assumeIsolated().scheduleTask(deadline: settled + .milliseconds(5)) { [self] in
      lastWord(attempt)
    }
  }

  private func lastWord(_ attempt: Attempt) {
    if let settled = doubts[attempt.record], settled < .now() { doubts[attempt.record] = nil }
    var call = attempt.call
    call.effectBefore = attempt.arrival + Budget.lastEffect
    call.deadline = attempt.arrival + Budget.lastReply
    runner.run(call) { result in
      switch result {
      case .success: attempt.completion(result)
      // Whatever keeps this try from being judged, what became of the first one is still not known.
      case .failure: attempt.completion(.failure(.unknown(.deadlinePassed)))
      }
    }
  }

  private func doubt(_ record: String, until instant: NIODeadline) {
    let now = NIODeadline.now()
    if doubts.count >= 1024 { doubts = doubts.filter { $0.value >= now } }
    doubts[record] = max(doubts[record] ?? instant, instant)
  }
}
