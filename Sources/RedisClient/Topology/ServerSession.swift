import NIOCore

/// One connection to a server, for a few questions or for a subscription. Belongs to its event loop.
final class ServerSession: ReplyReceiver {
  typealias Reply = (RedisReply) -> Void

  struct End: Equatable {
    /// Why, in plain words.
    let words: String
    /// Whether the server had answered anything before.
    let hasAnswered: Bool
  }

  private let connector: RedisConnector
  private let url: RedisURL
  private let wordsForRefusal: (String) -> String
  private let limit: TimeAmount
  private var channel: (any Channel)?
  /// One handler for each command whose reply is due.
  private var waiting: [Reply] = []
  private var hasAnswered = false
  private var ended: ((End) -> Void)?
  /// Called with messages that answer no command.
  var pushed: Reply = { _ in }

  /// - Parameters:
  ///   - limit: how long connecting may take.
  ///   - wordsForRefusal: what an error line means with which the server refuses the login.
  init(connector: RedisConnector, url: RedisURL, limit: TimeAmount, wordsForRefusal: @escaping (String) -> String) {
    (self.connector, self.url, self.limit, self.wordsForRefusal) = (connector, url, limit, wordsForRefusal)
  }

  private var eventLoop: any EventLoop { connector.eventLoop }

  /// Connects and logs in.
  ///
  /// - Parameters:
  ///   - ready: called once commands can be sent.
  ///   - ended: called once when the session ends, unless ``stop()`` ended it.
  func start(ready: @escaping () -> Void, ended: @escaping (End) -> Void) {
    self.ended = ended
    connector.connect(to: url, within: limit, receiver: self) { [self] result in
      switch result {
      case .failure(let failure): end(failure.words)
      // The session was ended while it connected.
      case .success(let channel) where self.ended == nil: channel.closeHard()
      case .success(let channel):
        self.channel = channel
        guard let login = LinkHandshake.login(url) else { return ready() }
        send(login) { [self] reply in
          guard case .error(let line) = reply else { return ready() }
          end(wordsForRefusal(line))
        }
      }
    }
  }

  func send(_ command: RedisArguments, reply: @escaping Reply) {
    guard let channel else { return }
    waiting.append(reply)
    var bytes = ByteBuffer()
    bytes.writeRedisCommand(command)
    channel.writeAndFlush(bytes, promise: nil)
  }

  /// Ends the session without calling `ended`.
  func stop() {
    ended = nil
    // The closures may retain the session.
    (waiting, pushed) = ([], { _ in })
    channel?.closeHard()
    channel = nil
  }

  /// Ends the session and calls `ended` with the reason.
  func end(_ words: String) {
    let told = ended
    stop()
    told?(End(words: words, hasAnswered: hasAnswered))
  }

  // MARK: - Events of the channel

  func received(_ reply: RedisReply) {
    guard ended != nil else { return }
    hasAnswered = true
    if waiting.isEmpty { pushed(reply) } else { waiting.removeFirst()(reply) }
  }

  func caught(_ error: any Error) {}

  func closed(because words: String) { end(words) }
}

extension ServerSession {
  /// A session with a Sentinel.
  convenience init(connector: RedisConnector, sentinel: ServerAddress, access: SentinelAccess, limit: TimeAmount) {
    let names = access.names
    self.init(connector: connector, url: access.url(of: sentinel), limit: limit) {
      LinkProblem.words(refusedBySentinel: sentinel, with: $0, login: names)
    }
  }
}
