import NIOCore
import RedisClient

/// The lease in the store: which script does what, and what its reply means.
///
/// Lives on the event loop of its link; completions are called there. No call has an effect, or an answer, after
/// the `limit` that it is given.
package final class LeaseRepository {
  package typealias Completion<Outcome> = (Result<Outcome, StoreFailure>) -> Void

  /// Shorter than the silence after which a link takes no more commands (``LinkMachine``).
  static let releaseWait = TimeAmount.milliseconds(800)
  /// A wait that has told nothing after so long is given up.
  static let releaseLimit = TimeAmount.milliseconds(1500)

  private let scripts: ScriptLibrary
  private let caller: StoreCaller
  private var link: any CommandSender { caller.link }

  init(scripts: ScriptLibrary, caller: StoreCaller) {
    precondition(Self.releaseWait < Self.releaseLimit, "a wait without a release must end before it is given up")
    self.scripts = scripts
    self.caller = caller
  }

  /// Calls `act` whenever there is a link anew. Only one can ask for that (``CommandSender/whenUp``).
  package func whenConnected(_ act: @escaping () -> Void) { link.whenUp = act }

  package enum AcquireOutcome: Equatable {
    /// Since when: epoch milliseconds by Redis's clock.
    case acquired(epoch: Int64, since: Int64)
    case held(LeaseRecord, remaining: Duration)
  }

  /// Takes the lease if it is free, or if `token` or `replacing` holds it. Where a connection is given, `replacing` is
  /// replaced only while it holds the lease on that one.
  ///
  /// - Parameters:
  ///   - holder: `node-id address` of this node.
  ///   - epochSeen: the greatest that the caller knows of; the new term's is greater, whatever the store has lost.
  package func acquire(
    token: String, replacing: String?, on connection: Int64? = nil, holder: String, epochSeen: Int64 = 0,
    ttl: Duration, limit: Duration, completion: @escaping Completion<AcquireOutcome>
  ) {
    guard var arguments = arguments(token, ttl, holder) else { return refuse(completion) }
    arguments.append(replacing ?? "")
    arguments.append(connection.map { "\($0)" } ?? "")
    arguments.append(Int(epochSeen))
    run(scripts.acquireLease, arguments, limit, completion) { [caller] reply in
      var tokens = reply.rest
      switch reply.verdict {
      case .ok:
        guard let epoch = tokens.nextInteger(), let since = tokens.nextInstant() else { return nil }
        // Keys that were damaged, and have been made anew.
        caller.alarm.damaged(tokens.damages())
        return .acquired(epoch: Int64(epoch), since: since)
      case .held:
        guard let remaining = tokens.nextInteger(), let record = LeaseRecord(&tokens) else { return nil }
        return .held(record, remaining: .milliseconds(max(0, remaining)))
      }
    }
  }

  /// Prolongs the term of `token`, if it is not over; tells whether it was not.
  package func renew(
    token: String, holder: String, ttl: Duration, limit: Duration, completion: @escaping Completion<Bool>
  ) {
    guard let arguments = arguments(token, ttl, holder) else { return refuse(completion) }
    run(scripts.renewLease, arguments, limit, completion) { reply in
      switch reply.verdict {
      case .ok: true
      case .lost: false
      }
    }
  }

  /// Ends the term of `token`, if it is not over; tells whether it was not.
  package func release(token: String, limit: Duration, completion: @escaping Completion<Bool>) {
    run(scripts.releaseLease, RedisArguments(token), limit, completion) { [caller] reply in
      switch reply.verdict {
      case .ok:
        var tokens = reply.rest
        // A key that was damaged, and has been made anew.
        caller.alarm.damaged(tokens.damages())
        return true
      case .lost: return false
      }
    }
  }

  /// Whether Redis has a connection of this number.
  package func hasConnection(_ number: Int64, limit: Duration, completion: @escaping Completion<Bool>) {
    var command = ByteBuffer()
    command.writeRedisCommand(RedisArguments("CLIENT", "LIST", "ID", "\(number)"))
    link.send(command, deadline: caller.now + .init(limit)) { result in
      completion(
        result.mapError(StoreFailure.redis).flatMap { reply in
          guard let list = reply.text else { return .failure(.redis(.rejected(.other("CLIENT LIST: \(reply)")))) }
          return .success(list.hasPrefix("id=\(number) "))
        })
    }
  }

  /// Waits for a lease to be given back, for no longer than ``releaseWait``; tells the id of that release, nil for none.
  /// It has no effect. Everything behind it on its link waits too, so the link must be one of its own.
  ///
  /// - Parameter heard: the id that was told last. Nil for none: then only a release from now on is told.
  package func nextRelease(after heard: String?, completion: @escaping Completion<String?>) {
    let wait = "\(Self.releaseWait.nanoseconds / 1_000_000)"
    var command = ByteBuffer()
    command.writeRedisCommand(
      RedisArguments("XREAD", "BLOCK", wait, "COUNT", "1", "STREAMS", scripts.keys.leaseReleases, heard ?? "$"))
    link.send(command, deadline: caller.now + Self.releaseLimit) { result in
      completion(
        result.mapError(StoreFailure.redis).flatMap { reply in
          switch reply {
          case .null: return .success(nil)
          case .error(let line): return .failure(.redis(.rejected(.init(line: line))))
          default:
            guard let id = reply.firstStreamEntry else {
              return .failure(.redis(.rejected(.other("XREAD: \(reply)"))))
            }
            return .success(id)
          }
        })
    }
  }

  /// Nil while there is no link. A call that waited for the next one would tell the number of a connection that is
  /// gone.
  private func arguments(_ token: String, _ ttl: Duration, _ holder: String) -> RedisArguments? {
    precondition(token.utf8.count == LeaseRecord.tokenDigits, "scripts cut a record by the length of its token")
    precondition(holder.split(separator: " ").count == 2, "a record of other words is damage")
    guard let connection = link.connectionID else { return nil }
    var arguments = RedisArguments(token)
    arguments.append(Int(ttl / .milliseconds(1)))
    arguments.append("\(connection) \(holder)")
    return arguments
  }

  private func refuse<Outcome>(_ completion: @escaping Completion<Outcome>) {
    link.eventLoop.assumeIsolated().execute { completion(.failure(.redis(.notSent(.offline)))) }
  }

  private func run<Verdict, Outcome>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, _ limit: Duration,
    _ completion: @escaping Completion<Outcome>, _ decode: @escaping (StoreReply<Verdict>) -> Outcome?
  ) {
    let end = caller.now + .init(limit)
    caller.run(
      StoreCall(script: script, arguments: arguments, effectBefore: end, deadline: end), completion: completion,
      decode: decode)
  }
}

extension RedisReply {
  /// The id of the first entry in a reply of XREAD.
  fileprivate var firstStreamEntry: String? {
    guard case .array(let streams) = self, case .array(let stream)? = streams.first, stream.count == 2,
      case .array(let entries) = stream[1], case .array(let entry)? = entries.first
    else { return nil }
    return entry.first?.text
  }
}
