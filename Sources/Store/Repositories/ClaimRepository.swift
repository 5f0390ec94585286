import NIOCore
import RedisClient

/// Idempotency keys of requests that are at home elsewhere: which script does what, and what its reply means
/// (``KeyClaim``).
///
/// Lives on the event loop of its link; completions are called there. Every success is told when the replicas that are
/// awaited have it.
final class ClaimRepository {
  typealias Completion<Outcome> = (Result<Outcome, StoreFailure>) -> Void

  private let scripts: ScriptLibrary
  private let caller: StoreCaller

  init(scripts: ScriptLibrary, caller: StoreCaller) { (self.scripts, self.caller) = (scripts, caller) }

  /// Claims the key of a write, at the key's own shard.
  ///
  /// - Parameter old: a claim that may be replaced.
  func claim(
    _ key: IdempotencyKey, _ claim: KeyClaim.Claim, replacing old: KeyClaim.Claim?, arrival: NIODeadline,
    completion: @escaping Completion<KeyClaim.Found>
  ) {
    var arguments = RedisArguments(scripts.keys.record(of: key), claim.text)
    arguments.append(old?.text ?? "")
    run(scripts.claim, arguments, arrival) { [self] result in
      // What stands in its way is no failure here.
      if case .failure(.contended(let obstacle)) = result, case .claim(let other) = obstacle.kind {
        return completion(.success(.anothers(other)))
      }
      completion(
        caller.decoded(result, from: scripts.claim) { reply throws(StoreDamage) in
          switch reply.verdict {
          case .prior: return .record
          case .ok:
            var tokens = reply.rest
            return KeyClaim.Claim(&tokens).map { .claimed($0) }
          }
        })
    }
  }

  /// Tells whether anything was answered under the key at this home. If not, the claim leads to nothing any more.
  func void(
    _ key: IdempotencyKey, _ claim: KeyClaim.Claim, arrival: NIODeadline, completion: @escaping Completion<Bool>
  ) {
    let arguments = RedisArguments(scripts.keys.record(of: key), claim.nonceText)
    run(scripts.voidClaim, arguments, arrival) { [self] result in
      completion(
        caller.decoded(result, from: scripts.voidClaim) { reply in
          switch reply.verdict {
          case .ok: false
          case .answered: true
          }
        })
    }
  }

  private func run<Verdict: ReliedUponVerdict>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, _ arrival: NIODeadline,
    _ completion: @escaping StoreCaller.Completion<Verdict>
  ) {
    caller.runAwaitingReplicas(
      StoreCall(
        script: script, arguments: arguments, effectBefore: arrival + Budget.effect,
        deadline: arrival + Budget.reply), completion: completion)
  }
}
