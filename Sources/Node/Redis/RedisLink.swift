import DequeModule
import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// One pipelined connection to Redis, kept up for ever, on the event loop of its callers.
///
/// Everything here happens on that loop; callers are on it too. Commands are answered in order; those asked for in one
/// turn of the loop leave in one write. Every command has a deadline, time in the queue included. A command given up
/// on keeps its place, and its late reply is dropped there: it never answers a neighbour.
final class RedisLink {
  struct Configuration: Sendable {
    var url: RedisURL
    var tls: NIOSSLContext?
    /// Shown by CLIENT LIST.
    var clientName: String
    /// Scripts loaded by the handshake, so that the first calls find them.
    var scripts: [Script] = []
    /// Most commands that are waiting or unanswered.
    var mostPending = 8192
  }

  typealias Completion = (Result<RedisReply, RedisFailure>) -> Void

  /// Connect, AUTH and SELECT take at most so long together.
  static let handshakeLimit = TimeAmount.milliseconds(500)
  /// A link that owes replies and has been silent for so long takes no further commands…
  static let silenceBeforeRefusing = TimeAmount.seconds(1)
  /// …and after so long is closed and made anew.
  static let silenceBeforeClosing = TimeAmount.milliseconds(2500)
  private static let tick = TimeAmount.milliseconds(20)

  let eventLoop: any EventLoop
  private let configuration: Configuration
  private let logger: Logger
  private var machine = LinkMachine()
  private var random = SystemRandomNumberGenerator()
  private var channel: (any Channel)?
  private var waiting = Deque<Pending>()
  private var unanswered = Deque<Pending>()
  private var outgoing = ByteBuffer()
  private var flushIsDue = false
  private var lastHeard = NIODeadline.uptimeNanoseconds(0)
  private var ticker: RepeatedTask?
  private var lastProblem: String?
  /// Why we have closed the link ourselves.
  private var reasonToClose: String?
  private var attemptBegan = NIODeadline.uptimeNanoseconds(0)
  private(set) var clock = RedisClock()
  /// Redis's number of the present connection.
  private(set) var connectionID: Int64?

  init(eventLoop: any EventLoop, configuration: Configuration, logger: Logger) {
    self.eventLoop = eventLoop
    self.configuration = configuration
    self.logger = logger
  }

  private struct Pending {
    var command: ByteBuffer
    var deadline: NIODeadline
    var sentAt: NIODeadline?
    /// Nil once the caller has been answered: the place in the pipeline stays.
    var completion: Completion?
  }

  // MARK: - What callers see

  struct Status: Sendable {
    var isUp: Bool
    /// How long there has been no usable link; nil while there is one.
    var downFor: TimeAmount?
    var pending: Int
    var reconnects: Int
    var lastProblem: String?
  }

  func status(at now: NIODeadline = .now()) -> Status {
    let downSince = machine.downSince ?? silentSince(at: now)
    return Status(
      isUp: downSince == nil, downFor: downSince.map { now - $0 }, pending: waiting.count + unanswered.count,
      reconnects: machine.reconnects, lastProblem: downSince == nil ? nil : lastProblem)
  }

  func start() {
    eventLoop.preconditionInEventLoop()
    let link = NIOLoopBound(self, eventLoop: eventLoop)
    ticker = eventLoop.scheduleRepeatedTask(initialDelay: Self.tick, delay: Self.tick) { _ in
      link.value.expire(at: .now())
    }
    perform(machine.start(at: .now()))
  }

  /// Closes the link for good; what is unanswered ends as unknown.
  func stop() {
    eventLoop.preconditionInEventLoop()
    ticker?.cancel()
    perform(machine.stop())
    fail(waiting.takeAll(), with: .notSent(.offline))
  }

  /// Sends a command. `completion` is called exactly once, never before `send` returns.
  func send(_ command: ByteBuffer, deadline: NIODeadline, completion: @escaping Completion) {
    eventLoop.assertInEventLoop()
    let now = NIODeadline.now()
    let pending = Pending(command: command, deadline: deadline, sentAt: nil, completion: completion)
    guard waiting.count + unanswered.count < configuration.mostPending else {
      return refuse(pending, .overloaded)
    }
    switch machine.admission(at: now) {
    case .send where silentSince(at: now) == nil: transmit(pending, at: now)
    case .queue: waiting.append(pending)
    case .send, .refuse: refuse(pending, .offline)
    }
  }

  /// Ends the present link, for a server that must not be talked to any longer; a new one is made.
  func reconnect(because reason: String) {
    guard let channel else { return }
    // What follows from the first reason is none.
    reasonToClose = reasonToClose ?? reason
    channel.closeHard()
  }

  func observe(redisMilliseconds: Int64) {
    clock.observe(redisMilliseconds, at: .now())
  }

  // MARK: - Sending

  private func refuse(_ pending: Pending, _ why: RedisFailure.NotSent) {
    eventLoop.assumeIsolated().execute { pending.completion?(.failure(.notSent(why))) }
  }

  private func transmit(_ pending: Pending, at now: NIODeadline) {
    var pending = pending
    outgoing.writeImmutableBuffer(pending.command)
    pending.command = ByteBuffer()
    pending.sentAt = now
    // Silence is counted from when a reply first became due.
    if unanswered.isEmpty { lastHeard = now }
    unanswered.append(pending)
    guard !flushIsDue else { return }
    flushIsDue = true
    // Tasks run after all sockets of this turn have been served: everything they ask for goes out in one write.
    eventLoop.assumeIsolated().execute { [self] in
      flushIsDue = false
      guard let channel, outgoing.readableBytes > 0 else { return }
      channel.writeAndFlush(outgoing, promise: nil)
      outgoing = channel.allocator.buffer(capacity: 4096)
    }
  }

  // MARK: - Deadlines

  private func silentSince(at now: NIODeadline) -> NIODeadline? {
    guard machine.state == .up, !unanswered.isEmpty, now - lastHeard >= Self.silenceBeforeRefusing else { return nil }
    return lastHeard
  }

  private func expire(at now: NIODeadline) {
    while let index = waiting.firstIndex(where: { $0.deadline <= now }) {
      let pending = waiting.remove(at: index)
      pending.completion?(.failure(.notSent(.deadlinePassed)))
    }
    var overdue: [Completion] = []
    for index in unanswered.indices where unanswered[index].deadline <= now {
      guard let completion = unanswered[index].completion else { continue }
      unanswered[index].completion = nil
      overdue.append(completion)
    }
    // Only now: whoever is told may send again, or end the link.
    for completion in overdue { completion(.failure(.unknown(.deadlinePassed))) }
    if machine.state == .up, !unanswered.isEmpty, now - lastHeard >= Self.silenceBeforeClosing {
      reconnect(because: "no reply for \((now - lastHeard).nanoseconds / 1_000_000) ms")
    }
    // Past its grace a command in the queue need not wait for its deadline to hear that there is no link.
    if machine.admission(at: now) == .refuse { fail(waiting.takeAll(), with: .notSent(.offline)) }
  }

  private func fail(_ taken: Deque<Pending>, with failure: RedisFailure) {
    for pending in taken { pending.completion?(.failure(failure)) }
  }

  // MARK: - Connecting

  private func perform(_ action: LinkMachine.Action) {
    switch action {
    case .nothing: break
    case .connect: connect()
    case .handshake: handshake()
    case .serve: serve()
    case .close: channel?.closeHard()
    case .retry(let delay):
      eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in perform(machine.retryDue()) }
    }
  }

  private func connect() {
    attemptBegan = .now()
    let url = configuration.url
    let tls = configuration.tls
    let link = NIOLoopBound(self, eventLoop: eventLoop)
    let attempt = ClientBootstrap(group: eventLoop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .connectTimeout(Self.handshakeLimit)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            // SNI takes names only.
            let name = (try? SocketAddress(ipAddress: url.host, port: 0)) == nil ? url.host : nil
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
          }
          try channel.pipeline.syncOperations.addHandler(ReplyHandler(link: link.value))
        }
      }
      .connect(host: url.host, port: url.port)
    attempt.assumeIsolated().whenComplete { [self] result in
      switch result {
      case .success(let channel):
        self.channel = channel
        perform(machine.connected())
      case .failure(let error):
        lose(because: "connect: \(error)")
      }
    }
  }

  private func handshake() {
    var commands: [RedisArguments] = []
    if let password = configuration.url.password {
      commands.append(
        configuration.url.user.map { RedisArguments("AUTH", $0, password) } ?? RedisArguments("AUTH", password))
    }
    if configuration.url.database != 0 { commands.append(RedisArguments("SELECT", "\(configuration.url.database)")) }
    commands.append(RedisArguments("CLIENT", "SETNAME", configuration.clientName))
    for script in configuration.scripts { commands.append(RedisArguments("SCRIPT", "LOAD", script.source)) }
    commands.append(RedisArguments("CLIENT", "ID"))
    commands.append(RedisArguments("TIME"))

    let deadline = attemptBegan + Self.handshakeLimit
    let last = commands.count - 1
    for (index, command) in commands.enumerated() {
      var bytes = ByteBuffer()
      bytes.writeRedisCommand(command)
      let step = Pending(
        command: bytes, deadline: deadline, sentAt: nil,
        completion: { [self] result in
          guard machine.state == .handshaking else { return }
          switch result {
          case .success(.error(let line)): reconnect(because: "handshake refused: \(line)")
          case .failure(let failure): reconnect(because: "handshake: \(failure)")
          case .success(let reply) where index == last: handshakeEnded(clockReply: reply)
          case .success(.integer(let number)): connectionID = number
          case .success: break
          }
        })
      transmit(step, at: .now())
    }
  }

  private func handshakeEnded(clockReply: RedisReply) {
    guard let time = clockReply.timeMilliseconds else {
      return reconnect(because: "TIME was answered with \(clockReply)")
    }
    clock.forget()
    observe(redisMilliseconds: time)
    perform(machine.handshakeCompleted())
  }

  private func serve() {
    logger.info("Redis link is up", metadata: ["reconnects": "\(machine.reconnects)"])
    lastProblem = nil
    let queued = waiting
    waiting.removeAll()
    let now = NIODeadline.now()
    for pending in queued { transmit(pending, at: now) }
  }

  private func lose(because reason: String) {
    let wasUp = machine.state == .up
    let action = machine.lost(at: .now(), using: &random)
    channel = nil
    connectionID = nil
    reasonToClose = nil
    outgoing.clear()
    // Not on the way out, and not again and again while it stays away.
    if machine.state != .stopped, lastProblem != reason || wasUp {
      logger.warning("Redis link is down", metadata: ["reason": "\(reason)"])
    }
    lastProblem = reason
    // Asked for in this turn and still in `outgoing`, or sent: which of them Redis has run can't be told.
    fail(unanswered.takeAll(), with: .unknown(.linkLost))
    perform(action)
  }

  // MARK: - Events of the channel

  fileprivate func received(_ reply: RedisReply) {
    // What came with the reply for which the link was given up.
    guard channel != nil else { return }
    lastHeard = .now()
    guard let pending = unanswered.popFirst() else {
      return reconnect(because: "a reply that nobody asked for")
    }
    pending.completion?(.success(reply))
  }

  fileprivate func closed(because reason: String?) {
    lose(because: reasonToClose ?? reason ?? "closed by the server")
  }
}

extension Channel {
  /// Closes the connection below TLS, which would wait seconds for a silent peer to take its leave.
  fileprivate func closeHard() {
    if let tls = try? pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
      tls.close(promise: nil)
    } else {
      close(promise: nil)
    }
  }
}

extension Deque {
  /// Empties the queue before anybody is told: a caller may well send again at once.
  fileprivate mutating func takeAll() -> Self {
    defer { removeAll() }
    return self
  }
}

/// Feeds what the socket brings to hiredis and hands whole replies to the link.
private final class ReplyHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let link: RedisLink
  private var reader = ReplyReader()
  private var reason: String?

  init(link: RedisLink) { self.link = link }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    do {
      try buffer.withUnsafeReadableBytes { bytes throws(ReplyReader.ProtocolViolation) in try reader.feed(bytes) }
      while let reply = try reader.next() { link.received(reply) }
    } catch {
      reason = "protocol violation: \(error.reason)"
      context.channel.closeHard()
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    link.closed(because: reason)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    reason = "\(error)"
    context.channel.closeHard()
  }
}
