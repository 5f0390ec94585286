import NIOCore

/// Calls scripts over a link by their SHA. It loads them again when Redis has lost them, and repeats a call while Redis
/// says "not yet". A not-after instant on Redis's clock bounds each call.
package final class ScriptRunner {
  /// A script call and its bounds.
  package struct Call {
    package var script: Script
    package var arguments: RedisArguments
    /// The script does nothing if Redis runs it later than this.
    package var effectBefore: NIODeadline
    /// The caller waits for an answer until this instant.
    package var deadline: NIODeadline
    /// Its success is reported only when the replicas have its write.
    package var awaitsReplicas: Bool

    package init(
      script: Script, arguments: RedisArguments, effectBefore: NIODeadline, deadline: NIODeadline,
      awaitsReplicas: Bool = false
    ) {
      self.script = script
      self.arguments = arguments
      self.effectBefore = effectBefore
      self.deadline = deadline
      self.awaitsReplicas = awaitsReplicas
    }
  }

  package typealias Completion = (Result<ScriptReply, RedisFailure>) -> Void

  private static let pause = TimeAmount.milliseconds(25)
  /// The not-after instant of scripts that only read: they may run at any time.
  private static let anyTime = "9999999999999"

  package let link: any CommandSender
  /// The number of keys that each call declares, and their names.
  private let keys: RedisArguments

  /// - Parameter keys: what each call declares. Only a Cluster asks for that: it runs a call where its keys are.
  package init(link: any CommandSender, keys: [String] = []) {
    self.link = link
    var declared = RedisArguments(String(keys.count))
    for key in keys { declared.append(key) }
    self.keys = declared
  }

  package func run(_ call: Call, completion: @escaping Completion) {
    run(call, triesLeft: 1, completion)
  }

  /// Calls a script that only reads. If the link is lost, it is called once more.
  package func read(
    _ script: Script, _ arguments: RedisArguments, deadline: NIODeadline, completion: @escaping Completion
  ) {
    let call = Call(script: script, arguments: arguments, effectBefore: deadline, deadline: deadline)
    run(call) { [self] result in
      guard case .failure(.unknown(.linkLost)) = result else { return completion(result) }
      run(call, completion: completion)
    }
  }

  /// `triesLeft` bounds repetition after NOSCRIPT and LATE. Only the deadline bounds repetition after "not yet".
  private func run(_ call: Call, triesLeft: Int, _ completion: @escaping Completion) {
    var bound = RedisArguments(capacity: 32)
    bound.append(call.script.writes ? notAfter(call.effectBefore) : Self.anyTime)
    send(
      call.script, bound, call.arguments, deadline: call.deadline, awaitsReplicas: call.awaitsReplicas
    ) { [self] result in
      settle(call, result, triesLeft: triesLeft, completion)
    }
  }

  /// Sends a call whose arguments are `first` and then `rest`.
  func send(
    _ script: Script, _ first: RedisArguments, _ rest: RedisArguments? = nil, deadline: NIODeadline,
    awaitsReplicas: Bool, completion: @escaping RedisLink.Completion
  ) {
    var command = ByteBuffer()
    command.writeRESPHeader("*", script.call.count + keys.count + first.count + (rest?.count ?? 0))
    command.writeImmutableBuffer(script.call.bytes)
    command.writeImmutableBuffer(keys.bytes)
    command.writeImmutableBuffer(first.bytes)
    if let rest { command.writeImmutableBuffer(rest.bytes) }
    link.send(command, deadline: deadline, awaitsReplicas: awaitsReplicas, completion: completion)
  }

  /// Tells what became of a call, or repeats it.
  func settle(
    _ call: Call, _ result: Result<RedisReply, RedisFailure>, triesLeft: Int = 1, _ completion: @escaping Completion
  ) {
    switch result {
    case .failure(.unknown(.notReplicated(let raw, let why))):
      // A script that did not run wrote nothing, so the replicas lack nothing. Of one that failed nothing is known anyway.
      guard let reply = try? ScriptReply(raw), ScriptReply.isOfRunner(reply.verdict) else {
        return completion(.failure(.unknown(.notReplicated(raw, because: why))))
      }
      judge(call, reply, triesLeft, completion)
    case .failure(let failure): completion(.failure(failure))
    // The line names the script, so the script ran and failed. What it wrote before stays.
    case .success(.error(let line)) where call.script.writes && line.contains(call.script.sha):
      completion(.failure(.unknown(.scriptFailed(call.script.signed(line)))))
    case .success(.error(let line)):
      rejected(call, RedisFailure.Rejection(line: call.script.signed(line)), triesLeft, completion)
    case .success(let raw):
      guard let reply = try? ScriptReply(raw) else {
        return completion(.failure(call.script.strange("\(raw)")))
      }
      judge(call, reply, triesLeft, completion)
    }
  }

  private func judge(_ call: Call, _ reply: ScriptReply, _ triesLeft: Int, _ completion: @escaping Completion) {
    switch reply.verdict {
    case ScriptReply.late: break
    case ScriptReply.failed:
      let words = String(decoding: reply.rest.remainder, as: UTF8.self)
      return completion(.failure(.unknown(.scriptFailed(call.script.signed(words)))))
    case ScriptReply.again: return run(call, triesLeft: triesLeft, completion)
    // The caller who understands the verdict also passes its time to the clock.
    default: return completion(.success(reply))
    }
    link.observe(redisMilliseconds: reply.time)
    // Our estimate of Redis's clock was behind. The reply has just corrected it.
    guard triesLeft > 0, call.effectBefore > link.eventLoop.now else { return completion(.failure(.notSent(.late))) }
    run(call, triesLeft: triesLeft - 1, completion)
  }

  private func rejected(
    _ call: Call, _ rejection: RedisFailure.Rejection, _ triesLeft: Int, _ completion: @escaping Completion
  ) {
    switch rejection {
    case .noScript where triesLeft > 0: loadAndRun(call, triesLeft, completion)
    case .notYet where link.eventLoop.now + Self.pause < call.deadline:
      link.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [self] in
        run(call, triesLeft: triesLeft, completion)
      }
    case .readOnly(let line):
      link.reconnect(because: line)
      completion(.failure(.rejected(rejection)))
    default: completion(.failure(.rejected(rejection)))
    }
  }

  /// - Parameter refused: called with Redis's words if it does not take the script.
  func load(_ script: Script, deadline: NIODeadline, refused: @escaping (String) -> Void) {
    var load = ByteBuffer()
    load.writeRedisCommand(RedisArguments("SCRIPT", "LOAD", script.source))
    link.send(load, deadline: deadline) { result in if case .success(.error(let line)) = result { refused(line) } }
  }

  private func loadAndRun(_ call: Call, _ triesLeft: Int, _ completion: @escaping Completion) {
    var refusal: RedisFailure.Rejection?
    load(call.script, deadline: call.deadline) { refusal = RedisFailure.Rejection(line: call.script.signed($0)) }
    // Commands on one connection run in order: the call finds the loaded script, or Redis has said why there is none.
    run(call, triesLeft: triesLeft - 1) { [self] result in
      guard case .failure(.rejected(.noScript)) = result, let refusal, refusal != .noScript else {
        return completion(result)
      }
      rejected(call, refusal, triesLeft, completion)
    }
  }

  /// An instant of the event loop on Redis's clock, in epoch milliseconds.
  func notAfter(_ instant: NIODeadline) -> String {
    let now = link.eventLoop.now
    // Without a clock there has been no link yet. A call that still runs must do nothing.
    guard let time = link.clock.time(at: now) else { return "0000000000000" }
    return String(time + (instant - now).nanoseconds / 1_000_000)
  }
}
