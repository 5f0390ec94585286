import NIOCore

/// Calls scripts over a link: by SHA, loaded again when Redis has lost them, repeated while Redis says "not yet",
/// and bounded by a not-after instant on Redis's clock.
final class ScriptRunner {
  /// A script call and its bounds.
  struct Call {
    var script: Script
    var arguments: RedisArguments
    /// The script does nothing if Redis runs it later than this.
    var effectBefore: NIODeadline
    /// The caller waits no longer than this for an answer.
    var deadline: NIODeadline
  }

  typealias Completion = (Result<ScriptReply, RedisFailure>) -> Void

  private static let pause = TimeAmount.milliseconds(25)
  /// For scripts that only read: any time will do.
  private static let anyTime = "9999999999999"

  let link: any CommandSender

  init(link: any CommandSender) { self.link = link }

  func run(_ call: Call, completion: @escaping Completion) {
    run(call, triesLeft: 1, completion)
  }

  /// Calls a script that only reads; lost with its link, it is simply asked again.
  func read(
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

    link.send(command, deadline: call.deadline) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(failure))
      case .success(.error(let line)): rejected(call, RedisFailure.Rejection(line: line), triesLeft, completion)
      case .success(let raw):
        guard let reply = try? ScriptReply(raw) else {
          return completion(.failure(.rejected(.other("\(call.script.name): unexpected reply"))))
        }
        link.observe(redisMilliseconds: reply.time)
        guard reply.verdict == .late else { return completion(.success(reply)) }
        // What we took Redis's clock for was behind it. The reply has just told better.
        if triesLeft > 0, call.effectBefore > link.eventLoop.now {
          run(call, triesLeft: triesLeft - 1, completion)
        } else {
          completion(.failure(.notSent(.late)))
        }
      }
    }
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
