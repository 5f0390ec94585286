import NIOCore
import RedisClient

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
  private let caller: StoreCaller
  private var inDoubt = InDoubtKeys()
  let fullness: StoreFullness

  init(caller: StoreCaller, fullness: StoreFullness = StoreFullness()) {
    precondition(Budget.isInOrder, "an attempt would outlive what its caller is told")
    (self.caller, self.fullness) = (caller, fullness)
  }

  /// - Parameters:
  ///   - record: the name of the idempotency record, nil for a write without a key.
  ///   - arrival: when the request was complete; all bounds count from there.
  ///   - onlyReplays: why nothing may be written, if so.
  func run<Verdict: KeyedVerdict>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, record: String?, arrival: NIODeadline,
    onlyReplays: StoreFailure? = nil, completion: @escaping StoreCaller.Completion<Verdict>
  ) {
    if let onlyReplays { return replay(record, deadline: arrival + Budget.read, otherwise: onlyReplays, completion) }
    // What is in doubt is settled by its script even then.
    guard !fullness.isNearlyFull || script.kind != .adds || inDoubt.contains(record, at: now) else {
      return replay(record, deadline: arrival + Budget.read, otherwise: .nearlyFull, completion)
    }
    let call = StoreCall(
      script: script, arguments: arguments, effectBefore: arrival + Budget.effect, deadline: arrival + Budget.reply)
    guard let record else { return caller.runAwaitingReplicas(call, completion: completion) }
    let attempt = Attempt(call: call, record: record, arrival: arrival, began: now, completion: completion)
    ask(call, record) { [self] result in
      guard case .failure(.redis(.unknown(let why))) = result else { return judge(attempt, result) }
      switch why {
      case .scriptFailed, .notReplicated: return judge(attempt, result)
      case .deadlinePassed, .linkLost: inDoubt.insert(record, until: call.effectBefore, at: now)
      }
      guard why == .linkLost else { return judge(attempt, result) }
      // The identical script, once: if the first one has run, this is its replay.
      ask(call, record) { [self] result in judge(attempt, result) }
    }
  }

  /// Writes, and tells what the answer means (``StoreCaller/decoded(_:from:_:)``).
  func run<Verdict: KeyedVerdict, Outcome>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, record: String?, arrival: NIODeadline,
    onlyReplays: StoreFailure? = nil, completion: @escaping (Result<Outcome, StoreFailure>) -> Void,
    decode: @escaping (StoreReply<Verdict>) throws(StoreDamage) -> Outcome?
  ) {
    run(script, arguments, record: record, arrival: arrival, onlyReplays: onlyReplays) { [caller] result in
      completion(caller.decoded(result, from: script, decode))
    }
  }

  /// Runs the script. A Redis that takes no writes refuses it before it can look for its key. Then the key is looked
  /// for apart.
  private func ask<Verdict: KeyedVerdict>(
    _ call: StoreCall<Verdict>, _ record: String, _ completion: @escaping StoreCaller.Completion<Verdict>
  ) {
    caller.runAwaitingReplicas(call) { [self] result in
      guard case .failure(let refusal) = result, case .redis(.rejected(.unwritable)) = refusal else {
        return completion(result)
      }
      replay(record, deadline: call.deadline, otherwise: refusal, completion)
    }
  }

  /// A store that takes nothing new still repeats what was answered before. It refuses anything else.
  private func replay<Verdict: KeyedVerdict>(
    _ record: String?, deadline: NIODeadline, otherwise refusal: StoreFailure,
    _ completion: @escaping StoreCaller.Completion<Verdict>
  ) {
    guard let record else { return completion(.failure(refusal)) }
    var command = ByteBuffer()
    command.writeRedisCommand(RedisArguments("GET", record))
    // To repeat an answer is to acknowledge once more.
    caller.link.send(command, deadline: deadline, awaitsReplicas: true) { [self] result in
      if case .failure(.unknown(let why)) = result, case .notReplicated(.bytes, _) = why {
        return completion(.failure(.redis(.unknown(why))))
      }
      guard case .success(.bytes(let bytes)) = result, let time = caller.link.clock.time(at: now) else {
        return completion(.failure(refusal))
      }
      completion(.success(StoreReply(prior: bytes, time: time)))
    }
  }

  private struct Attempt<Verdict: KeyedVerdict> {
    var call: StoreCall<Verdict>
    var record: String
    var arrival: NIODeadline
    /// When Redis was asked first. Nothing was judged before.
    var began: NIODeadline
    var completion: StoreCaller.Completion<Verdict>
  }

  private func judge<Verdict>(_ attempt: Attempt<Verdict>, _ result: Result<StoreReply<Verdict>, StoreFailure>) {
    guard let settled = inDoubt.end(of: attempt.record, after: attempt.began) else {
      return attempt.completion(result)
    }
    switch result {
    case .success(let reply) where !reply.verdict.isRefusal: attempt.completion(result)
    // It ran, and will not run again.
    case .failure(.redis(.unknown(.scriptFailed))), .failure(.redis(.unknown(.notReplicated))):
      attempt.completion(result)
    case .failure(.redis(.unknown)) where settled < now: attempt.completion(result)
    // Judged, if at all, while an earlier attempt could still run behind it.
    default:
      // Another request's attempt may be in doubt for longer than this one can wait.
      after(min(settled, attempt.arrival + Budget.lastEffect)) { [self] in lastWord(attempt) }
    }
  }

  private func lastWord<Verdict>(_ attempt: Attempt<Verdict>) {
    var call = attempt.call
    call.effectBefore = attempt.arrival + Budget.lastEffect
    call.deadline = attempt.arrival + Budget.lastReply
    let began = now
    // Whatever keeps this try from being judged, what became of the first one is still not known.
    let notKnown = { attempt.completion(.failure(.redis(.unknown(.deadlinePassed)))) }
    ask(call, attempt.record) { [self] result in
      switch result {
      case .success(let reply) where !reply.verdict.isRefusal || !inDoubt.contains(attempt.record, at: began):
        attempt.completion(result)
      // Damage is found by a script that has looked for the key.
      case .failure(.damaged) where !inDoubt.contains(attempt.record, at: began): attempt.completion(result)
      case .failure(.redis(.unknown)):
        inDoubt.insert(attempt.record, until: call.effectBefore, at: now)
        after(call.effectBefore, notKnown)
      case .success, .failure: notKnown()
      }
    }
  }

  /// Tells a failure that came before the script was asked. While an earlier attempt may still take effect, nobody is told
  /// that nothing was done.
  func tellUnlessInDoubt<Outcome>(
    _ record: String?, arrival: NIODeadline, _ failure: StoreFailure,
    _ completion: @escaping (Result<Outcome, StoreFailure>) -> Void
  ) {
    guard let settled = inDoubt.end(of: record, after: now) else { return completion(.failure(failure)) }
    // Another request's attempt may be in doubt for longer than this one can wait.
    after(min(settled, arrival + Budget.lastEffect)) { completion(.failure(.redis(.unknown(.deadlinePassed)))) }
  }

  private var now: NIODeadline { caller.now }

  private func after(_ instant: NIODeadline, _ act: @escaping () -> Void) {
    caller.link.eventLoop.assumeIsolated().scheduleTask(deadline: instant + Budget.margin, act)
  }
}
