import NIOCore

/// What the lease key says: whose term it is.
struct LeaseRecord: Equatable, Sendable {
  var token: String
  var epoch: Int64
  /// Epoch milliseconds by Redis's clock.
  var acquiredAt: Int64
  /// Redis's number of the connection on which it was taken or renewed last.
  var connection: Int64
  var nodeID: String
  /// Where the node serves, `host:port`.
  var address: String

  /// As it stands in the key: `token epoch acquired-at connection node-id address`.
  init?(_ words: inout Words) {
    guard let token = words.nextText(), let epoch = words.nextInteger(), let acquiredAt = words.nextInteger(),
      let connection = words.nextInteger(), let nodeID = words.nextText(), let address = words.nextText()
    else { return nil }
    (self.token, self.epoch, self.acquiredAt) = (token, Int64(epoch), Int64(acquiredAt))
    (self.connection, self.nodeID, self.address) = (Int64(connection), nodeID, address)
  }
}

/// The lease in the store: which script does what, and what its reply means.
///
/// Lives on the event loop of its link; completions are called there. No call has an effect, or an answer, after
/// `limit`.
final class LeaseRepository {
  typealias Completion<Outcome> = (Result<Outcome, RedisFailure>) -> Void

  private let scripts: ScriptLibrary
  private let link: RedisLink
  private let runner: ScriptRunner

  init(scripts: ScriptLibrary, link: RedisLink) {
    self.scripts = scripts
    self.link = link
    runner = ScriptRunner(link: link)
  }

  /// Calls `act` whenever there is a link anew.
  func whenConnected(_ act: @escaping () -> Void) { link.whenUp = act }

  enum AcquireOutcome: Equatable {
    /// Since when: epoch milliseconds by Redis's clock.
    case acquired(epoch: Int64, since: Int64)
    case held(LeaseRecord, remaining: Duration)
  }

  /// Takes the lease if it is free, is held by `token` already, or is held by the token `replacing`, if given only
  /// while that is found on `connection`.
  ///
  /// - Parameter holder: `node-id address` of this node.
  func acquire(
    token: String, replacing: String?, on connection: Int64? = nil, holder: String, ttl: Duration, limit: Duration,
    completion: @escaping Completion<AcquireOutcome>
  ) {
    guard var arguments = arguments(token, ttl, holder) else { return refuse(completion) }
    arguments.append(replacing ?? "")
    if let connection { arguments.append(Int(connection)) }
    run(scripts.acquireLease, arguments, limit, completion) { reply in
      var words = reply.rest
      switch reply.verdict {
      case .ok:
        guard let epoch = words.nextInteger(), let since = words.nextInstant() else { return nil }
        return .acquired(epoch: Int64(epoch), since: since)
      case .held:
        guard let remaining = words.nextInteger(), let record = LeaseRecord(&words) else { return nil }
        return .held(record, remaining: .milliseconds(max(0, remaining)))
      default: return nil
      }
    }
  }

  /// Prolongs the term of `token`; tells whether it still was.
  func renew(
    token: String, holder: String, ttl: Duration, limit: Duration, completion: @escaping Completion<Bool>
  ) {
    guard let arguments = arguments(token, ttl, holder) else { return refuse(completion) }
    run(scripts.renewLease, arguments, limit, completion, Self.isOurs)
  }

  /// Ends the term of `token`; tells whether it still was.
  func release(token: String, limit: Duration, completion: @escaping Completion<Bool>) {
    run(scripts.releaseLease, RedisArguments(token), limit, completion, Self.isOurs)
  }

  /// Whether Redis has a connection of this number.
  func hasConnection(_ number: Int64, limit: Duration, completion: @escaping Completion<Bool>) {
    var command = ByteBuffer()
    command.writeRedisCommand(RedisArguments("CLIENT", "LIST", "ID", "\(number)"))
    link.send(command, deadline: .now() + .init(limit)) { result in
      completion(
        result.flatMap { reply in
          guard let list = reply.text else { return .failure(.rejected(.other("CLIENT LIST: \(reply)"))) }
          return .success(list.hasPrefix("id=\(number) "))
        })
    }
  }

  private static func isOurs(_ reply: ScriptReply) -> Bool? {
    switch reply.verdict {
    case .ok: true
    case .lost: false
    default: nil
    }
  }

  /// Nil while there is no link: what waited for the next one would tell a number that is nobody's.
  private func arguments(_ token: String, _ ttl: Duration, _ holder: String) -> RedisArguments? {
    guard let connection = link.connectionID else { return nil }
    var arguments = RedisArguments(token)
    arguments.append(Int(ttl / .milliseconds(1)))
    arguments.append("\(connection) \(holder)")
    return arguments
  }

  private func refuse<Outcome>(_ completion: @escaping Completion<Outcome>) {
    link.eventLoop.assumeIsolated().execute { completion(.failure(.notSent(.offline))) }
  }

  private func run<Outcome>(
    _ script: Script, _ arguments: RedisArguments, _ limit: Duration, _ completion: @escaping Completion<Outcome>,
    _ decode: @escaping (ScriptReply) -> Outcome?
  ) {
    let end = NIODeadline.now() + .init(limit)
    runner.run(.init(script: script, arguments: arguments, effectBefore: end, deadline: end)) { result in
      completion(result.decoded(decode))
    }
  }
}
