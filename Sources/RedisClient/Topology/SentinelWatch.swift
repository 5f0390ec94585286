import NIOCore

/// Listens to every Sentinel for `+switch-master`, so that links need not wait for their next try.
///
/// Sentinels learn about a failover at different instants, and the first message counts. A missed message does no harm,
/// because the locator also asks. Belongs to its event loop.
final class SentinelWatch {
  enum News: Equatable {
    case moved(to: ServerAddress)
    /// The subscription to a Sentinel has begun.
    case listens
  }

  private static let connectLimit = TimeAmount.milliseconds(250)
  private static let subscribeLimit = TimeAmount.seconds(1)
  /// A Sentinel that is silent for longer gets a new connection.
  private static let pingInterval = TimeAmount.seconds(2)
  private static let pause = TimeAmount.seconds(1)
  private static let channel = "+switch-master"

  private let group: MasterGroup
  private let connector: RedisConnector
  private let access: SentinelAccess
  private var sessions: [ServerAddress: ServerSession] = [:]
  /// The Sentinels that were heard since their last PING.
  private var hasHeard: Set<ServerAddress> = []
  /// Nil while the watch does not run.
  private var told: ((News) -> Void)?
  /// Rises with each start and stop, so that earlier attempts stop.
  private var term = 0

  init(_ group: MasterGroup, connector: RedisConnector, access: SentinelAccess) {
    (self.group, self.connector, self.access) = (group, connector, access)
  }

  func start(_ told: @escaping (News) -> Void) {
    self.told = told
    term += 1
    for sentinel in group.sentinels { listen(to: sentinel, in: term) }
  }

  func stop() {
    told = nil
    term += 1
    for session in sessions.values { session.stop() }
    sessions = [:]
  }

  private func listen(to sentinel: ServerAddress, in term: Int) {
    guard term == self.term else { return }
    let session = ServerSession(connector: connector, sentinel: sentinel, access: access, limit: Self.connectLimit)
    sessions[sentinel] = session
    session.pushed = { [self] in heard($0, from: sentinel) }
    let limit = after(Self.subscribeLimit) { session.end("silent") }
    session.start(
      ready: { [self] in
        session.send(RedisArguments("SUBSCRIBE", Self.channel)) { [self] _ in
          limit.cancel()
          hasHeard.insert(sentinel)
          ping(sentinel, session)
          told?(.listens)
        }
      },
      ended: { [self] _ in
        limit.cancel()
        after(Self.pause) { [self] in listen(to: sentinel, in: term) }
      })
  }

  private func ping(_ sentinel: ServerAddress, _ session: ServerSession) {
    guard session === sessions[sentinel] else { return }
    guard hasHeard.remove(sentinel) != nil else { return session.end("silent") }
    // A message may come before the PONG and is then taken for the answer.
    session.send(RedisArguments("PING")) { [self] in heard($0, from: sentinel) }
    after(Self.pingInterval) { [self] in ping(sentinel, session) }
  }

  private func heard(_ reply: RedisReply, from sentinel: ServerAddress) {
    hasHeard.insert(sentinel)
    if let message = SwitchMessage(reply, of: Self.channel, masterName: group.masterName) {
      told?(.moved(to: message.master))
    }
  }

  @discardableResult
  private func after(_ delay: TimeAmount, _ act: @escaping () -> Void) -> Scheduled<Void> {
    connector.eventLoop.assumeIsolated().scheduleTask(in: delay, act)
  }
}

/// The text of `+switch-master`: `name old-host old-port new-host new-port`.
struct SwitchMessage: Equatable {
  let master: ServerAddress

  /// Nil for anything else.
  init?(_ reply: RedisReply, of channel: String, masterName: String) {
    guard case .array(let parts) = reply, parts.count == 3, parts[0].text == "message", parts[1].text == channel,
      let words = parts[2].text?.split(separator: " "), words.count == 5, words[0] == masterName,
      let port = Int(words[4]), (1...65535).contains(port)
    else { return nil }
    master = ServerAddress(host: String(words[3]), port: port)
  }
}
