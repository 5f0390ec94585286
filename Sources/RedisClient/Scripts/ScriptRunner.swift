import NIOCore

/// Calls scripts over a link: by SHA, loaded again when Redis has lost them, repeated while Redis says "not yet",
/// and bounded by a not-after instant on Redis's clock.
package final class ScriptRunner {
  /// A script call and its bounds.
  package struct Call {
    package var script: Script
    package var arguments: RedisArguments
    /// The script does nothing if Redis runs it later than this.
    package var effectBefore: NIODeadline
    /// The caller waits no longer than this for an answer.
    package var deadline: NIODeadline
    /// Its success is told only when the replicas have what it has written.
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
  /// For scripts that only read: any time will do.
  private static let anyTime = "9999999999999"

  package let link: any CommandSender

  package init(link: any CommandSender) { self.link = link }

  package func run(_ call: Call, completion: @escaping Completion) {
    run(call, triesLeft: 1, completion)
  }

  /// Calls a script that only reads; lost with its link, it is simply asked again.
  package func read(
    _ script: Script, _ arguments: RedisArguments, deadline: NIODeadline, completion: @escaping Completion
  ) {
    let call = Call(script: script, arguments: arguments, effectBefore: deadline, deadline: deadline)
    run(call) { [self] result in
      guard case .failure(.unknown(.linkLost)) = result else { return completion(result) }
      run(call, completion: completion)
    }
  }

  /// `triesLeft` bounds repetition after NOSCRIPT and LATE; "not yet" is bounded by the deadline alone.
  private func run(_ call: Call, triesLeft: Int, _ completion: @escaping Completion) {
    var command = ByteBuffer()
    var bound = RedisArguments(capacity: 32)
    bound.append(call.script.writes ? notAfter(call.effectBefore) : Self.anyTime)
    let count = call.script.call.count + 1 + call.arguments.count
    command.writeRESPHeader("*", count)
    command.writeImmutableBuffer(call.script.call.bytes)
    command.writeImmutableBuffer(bound.bytes)
    command.writeImmutableBuffer(call.arguments.bytes)

    link.send(command, deadline: call.deadline, awaitsReplicas: call.awaitsReplicas) { [self] result in
      switch result {
      case .failure(.unknown(.notReplicated(let raw, let why))):
        // A script that ran late did nothing that a replica could lack.
        guard let reply = try? ScriptReply(raw), reply.verdict == ScriptReply.late else {
          return completion(.failure(.unknown(.notReplicated(raw, because: why))))
        }
        judge(call, reply, triesLeft, completion)
      case .failure(let failure): completion(.failure(failure))
      // Redis says so where the script was: what it had written until then stays.
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
  }

  private func judge(_ call: Call, _ reply: ScriptReply, _ triesLeft: Int, _ completion: @escaping Completion) {
    // Whoever understands another verdict takes its time for Redis's.
    guard reply.verdict == ScriptReply.late else { return completion(.success(reply)) }
    link.observe(redisMilliseconds: reply.time)
    // What we took Redis's clock for was behind it. The reply has just told better.
    guard triesLeft > 0, call.effectBefore > link.eventLoop.now else { return completion(.failure(.notSent(.late))) }
    run(call, triesLeft: triesLeft - 1, completion)
  }

  private func rejected(
    _ call: Call, _ rejection: RedisFailure.Rejection, _ triesLeft: Int, _ completion: @escaping Completion
  ) {
    switch rejection {
    case .noScript where triesLeft > 0:
      var load = ByteBuffer()
      load.writeRedisCommand(RedisArguments("SCRIPT", "LOAD", call.script.source))
      // In order on one connection: the call finds what the load before it has brought.
      link.send(load, deadline: call.deadline) { _ in }
      run(call, triesLeft: triesLeft - 1, completion)
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

  private func notAfter(_ instant: NIODeadline) -> String {
    let now = link.eventLoop.now
    // Without a clock there has been no link, and the command is refused by it.
    guard let time = link.clock.time(at: now) else { return "0000000000000" }
    return String(time + (instant - now).nanoseconds / 1_000_000)
  }
}
