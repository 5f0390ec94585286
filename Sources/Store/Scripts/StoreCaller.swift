import Common
import NIOCore
import RedisClient

/// Calls the scripts of the store over one link, and reads what they answer. Belongs to the event loop of the link.
final class StoreCaller {
  typealias Completion<Verdict: StoreVerdict> = (Result<StoreReply<Verdict>, StoreFailure>) -> Void

  /// The answers of any script that found something damaged, and of any with a key that found no answer under it, but what
  /// forbids it to go on (`prelude.lua`).
  private static let damaged = "DAMAGED", claimed = "CLAIMED", noClaim = "NOCLAIM"

  private let runner: ScriptRunner
  private let batcher: ScriptBatcher
  let alarm: StoreAlarm

  /// - Parameter keys: what each call declares (``ScriptLibrary``).
  init(link: any CommandSender, keys: [String] = [], alarm: StoreAlarm = StoreAlarm()) {
    (runner, self.alarm) = (ScriptRunner(link: link, keys: keys), alarm)
    batcher = ScriptBatcher(runner)
  }

  var link: any CommandSender { runner.link }

  /// The time by which all bounds count.
  var now: NIODeadline { link.eventLoop.now }

  func run<Verdict>(_ call: StoreCall<Verdict>, completion: @escaping Completion<Verdict>) {
    send(plain(call), of: call.script) { [self] result in completion(understood(result, from: call.script)) }
  }

  /// Calls a script whose success is relied upon: it is told when the replicas have it.
  func runAwaitingReplicas<Verdict: ReliedUponVerdict>(
    _ call: StoreCall<Verdict>, completion: @escaping Completion<Verdict>
  ) {
    runAwaitingReplicas(call) { answer, failure in completion(failure.map { .failure(.redis($0)) } ?? answer) }
  }

  /// The same.
  ///
  /// - Parameter completion: called with what the script has answered, and, where that is to be relied upon but replicas are
  ///   not known to have it, with the failure which that is.
  func runAwaitingReplicas<Verdict: ReliedUponVerdict>(
    _ call: StoreCall<Verdict>,
    completion: @escaping (Result<StoreReply<Verdict>, StoreFailure>, RedisFailure?) -> Void
  ) {
    var plain = plain(call)
    plain.awaitsReplicas = true
    send(plain, of: call.script) { [self] result in
      guard case .failure(let failure) = result, case .unknown(.notReplicated(let raw, _)) = failure,
        let reply = try? ScriptReply(raw)
      else { return completion(understood(result, from: call.script), nil) }
      let answer = understood(.success(reply), from: call.script)
      // A refusal has changed nothing that could be lost.
      let isReliedUpon = if case .success(let reply) = answer { reply.verdict.isAcknowledgement } else { false }
      completion(answer, isReliedUpon ? failure : nil)
    }
  }

  private func send(
    _ call: ScriptRunner.Call, of script: StoreScript<some StoreVerdict>, completion: @escaping ScriptRunner.Completion
  ) {
    guard let batch = script.batch else { return runner.run(call, completion: completion) }
    batcher.run(call, in: batch, completion: completion)
  }

  private func plain(_ call: StoreCall<some StoreVerdict>) -> ScriptRunner.Call {
    assert(call.effectBefore <= call.deadline, "what was given up on must have no effect later")
    return ScriptRunner.Call(
      script: call.script.script, arguments: call.arguments, effectBefore: call.effectBefore, deadline: call.deadline)
  }

  /// Calls a script that only reads; lost with its link, it is simply asked again.
  func read<Verdict>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, deadline: NIODeadline,
    completion: @escaping Completion<Verdict>
  ) {
    runner.read(script.script, arguments, deadline: deadline) { [self] result in
      completion(understood(result, from: script))
    }
  }

  /// Calls a script, and tells what its answer means (``decoded(_:from:_:)``).
  func run<Verdict, Outcome>(
    _ call: StoreCall<Verdict>, completion: @escaping (Result<Outcome, StoreFailure>) -> Void,
    decode: @escaping (StoreReply<Verdict>) throws(StoreDamage) -> Outcome?
  ) {
    run(call) { [self] result in completion(decoded(result, from: call.script, decode)) }
  }

  /// The same of a script that only reads.
  func read<Verdict, Outcome>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, deadline: NIODeadline,
    completion: @escaping (Result<Outcome, StoreFailure>) -> Void,
    decode: @escaping (StoreReply<Verdict>) throws(StoreDamage) -> Outcome?
  ) {
    read(script, arguments, deadline: deadline) { [self] result in
      completion(decoded(result, from: script, decode))
    }
  }

  /// The same, for tasks on the event loop of the link.
  func read<Verdict, Outcome: Sendable>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, deadline: NIODeadline,
    decode: @escaping (StoreReply<Verdict>) throws(StoreDamage) -> Outcome?
  ) async throws(StoreFailure) -> Outcome {
    try await outcome { read(script, arguments, deadline: deadline, completion: $0, decode: decode) }
  }

  /// What an answer means. `decode` throws ``StoreDamage`` where what is stored can't be read, and gives nil for what
  /// follows no such verdict: that is a defect, and is told as such.
  func decoded<Verdict, Outcome>(
    _ result: Result<StoreReply<Verdict>, StoreFailure>, from script: StoreScript<Verdict>,
    _ decode: (StoreReply<Verdict>) throws(StoreDamage) -> Outcome?
  ) -> Result<Outcome, StoreFailure> {
    result.flatMap { reply in
      do throws(StoreDamage) {
        guard let outcome = try decode(reply) else {
          return .failure(.redis(script.script.strange(reply.verdict.rawValue)))
        }
        return .success(outcome)
      } catch {
        var damage = error
        damage.script = script.script.name
        alarm.damaged([damage])
        return .failure(.damaged(damage))
      }
    }
  }

  private func understood<Verdict>(
    _ result: Result<ScriptReply, RedisFailure>, from script: StoreScript<Verdict>
  ) -> Result<StoreReply<Verdict>, StoreFailure> {
    let failure: StoreFailure
    switch result {
    case .success(let reply):
      if let verdict = Verdict(rawValue: reply.verdict) {
        link.observe(redisMilliseconds: reply.time)
        return .success(StoreReply(verdict: verdict, time: reply.time, rest: reply.rest))
      }
      failure = Self.failure(reply, of: script.script)
    case .failure(let reason): failure = .redis(reason)
    }
    tell(failure)
    return .failure(failure)
  }

  private static func failure(_ reply: ScriptReply, of script: Script) -> StoreFailure {
    var tokens = reply.rest
    return switch reply.verdict {
    case damaged: StoreFailure(damage: reply, in: script)
    case noClaim: .contended(KeyObstacle(kind: .void))
    case claimed:
      KeyClaim.Claim(&tokens).map { .contended(KeyObstacle(kind: .claim($0))) }
        ?? .damaged(StoreDamage(key: "idempotency key", script: script.name))
    // A verdict that its script should not give ends here, and nowhere else.
    default: .redis(script.strange(reply.verdict))
    }
  }

  private func tell(_ failure: StoreFailure) {
    switch failure {
    case .damaged(let damage): alarm.damaged([damage])
    case .redis(let reason): if reason.cause.map(RedisFailure.isLackOfRights) == true { alarm.forbidden() }
    case .nearlyFull, .contended: break
    }
  }
}

extension StoreFailure {
  /// Why a script would not go on: `sku|- key [words]`. Redis's own words are given where it would not let it have a key.
  fileprivate init(damage reply: ScriptReply, in script: Script) {
    var tokens = reply.rest
    let sku = tokens.nextText().flatMap { SKU($0) }
    let key = tokens.nextText() ?? "?"
    let refusal = String(decoding: tokens.remainder, as: UTF8.self)
    // The user may not be allowed to touch a key that is well. Any other refusal is for what the key is.
    self =
      RedisFailure.isLackOfRights(refusal)
      ? .redis(.rejected(.init(line: script.signed(refusal))))
      : .damaged(StoreDamage(sku: sku, key: key, script: script.name))
  }
}
