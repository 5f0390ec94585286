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
package final class RedisLink {
  package typealias Completion = (Result<RedisReply, RedisFailure>) -> Void

  private struct Connection {
    let channel: any Channel
    /// How to speak of the server that it leads to.
    let problem: LinkProblem
  }

  package let eventLoop: any EventLoop
  private let configuration: Configuration
  private let servers: any ServerLocator
  private let connector: RedisConnector
  private let logger: Logger
  private var machine: LinkMachine
  private var random = SystemRandomNumberGenerator()
  private var connection: Connection?
  private var pipeline: CommandPipeline
  private var flushIsDue = false
  private var ticker: RepeatedTask?
  private var retry: Scheduled<Void>?
  private var lastProblem: String?
  /// Why we have closed the link ourselves.
  private var reasonToClose: String?
  /// Redis answers, but refuses whatever it is asked: since when, and why.
  private var refusal: (since: NIODeadline, words: String)?
  private var warnings: [String] = []
  private var attemptBegan = NIODeadline.uptimeNanoseconds(0)
  package private(set) var clock = RedisClock()
  /// Redis's number of the present connection.
  package private(set) var connectionID: Int64?
  package var reconnects: Int { machine.reconnects }
  /// Called whenever the link has come up, after what has waited for it was sent.
  package var whenUp: (() -> Void)?

  /// - Parameter servers: tells the server to connect to, whenever a connection is made.
  package init(
    eventLoop: any EventLoop, servers: any ServerLocator, configuration: Configuration, logger: Logger
  ) {
    self.eventLoop = eventLoop
    self.servers = servers
    self.configuration = configuration
    connector = RedisConnector(eventLoop: eventLoop, tls: configuration.tls)
    machine = LinkMachine(longestDelay: servers.longestRetryDelay)
    pipeline = CommandPipeline(at: eventLoop.now)
    self.logger = logger
  }

  // MARK: - What callers see

  package func status() -> Status { status(at: eventLoop.now) }

  package func status(at now: NIODeadline) -> Status {
    var status = Status(
      isUp: false, pending: pipeline.count, reconnects: machine.reconnects, server: connection?.problem.server,
      warnings: warnings)
    if let since = machine.downSince {
      status.downFor = now - since
      status.lastProblem = reasonToClose ?? refusal?.words ?? lastProblem
      status.isRefused = reasonToClose == nil && refusal != nil
    } else if let since = silentSince {
      status.downFor = now - since
      status.lastProblem = connection?.problem.wordsForSilence(of: now - since)
    } else if let refusal {
      status.downFor = now - refusal.since
      status.lastProblem = refusal.words
      status.isRefused = true
    } else {
      status.isUp = true
    }
    return status
  }

  package func start() {
    eventLoop.preconditionInEventLoop()
    let link = NIOLoopBound(self, eventLoop: eventLoop)
    let interval = CommandPipeline.tickInterval
    ticker = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [eventLoop] _ in
      link.value.expire(at: eventLoop.now)
    }
    assert(pipeline.count == 0, "nothing is sent before the start")
    pipeline = CommandPipeline(at: eventLoop.now)
    servers.tell(self)
    perform(machine.start(at: eventLoop.now))
  }

  /// Closes the link for good; what is unanswered ends as unknown.
  package func stop() {
    eventLoop.preconditionInEventLoop()
    ticker?.cancel()
    servers.forget(self)
    perform(machine.stop())
    fail(pipeline.takeWaiting(), with: .notSent(.offline))
  }

  package func send(
    _ command: ByteBuffer, deadline: NIODeadline, awaitsReplicas: Bool, completion: @escaping Completion
  ) {
    eventLoop.assertInEventLoop()
    let now = eventLoop.now
    let command = CommandPipeline.Command(
      bytes: command, deadline: deadline, awaitsReplicas: awaitsReplicas && configuration.minReplicas > 0,
      completion: completion)
    guard pipeline.count < configuration.maxPending else { return refuse(command, .overloaded) }
    switch machine.admission(at: now) {
    case .send where silentSince == nil: transmit(command, at: now)
    case .queue: pipeline.wait(command)
    case .send, .refuse: refuse(command, .offline)
    }
  }

  /// Ends the present link, for a server that must not be talked to any longer; a new one is made. What was sent before
  /// is still answered, within ``leaveLimit``: its neighbours in the pipeline keep their replies.
  package func reconnect(because reason: String) {
    guard connection != nil else { return }
    // What follows from the first reason is none.
    reasonToClose = reasonToClose ?? reason
    perform(machine.left(at: eventLoop.now))
  }

  package func serverMoved(to address: ServerAddress) {
    let isElsewhere = connection.map { $0.problem.url.address != address } ?? false
    if isElsewhere { reasonToClose = reasonToClose ?? "the master is now \(address)" }
    perform(machine.serverMoved(at: eventLoop.now, isElsewhere: isElsewhere, using: &random))
  }

  /// The same at once, for a connection on which no reply can be trusted or expected any more.
  private func abandon(because reason: String) {
    reasonToClose = reasonToClose ?? reason
    connection?.channel.closeHard()
  }

  /// What a probe has found.
  package func take(_ findings: LinkFindings) {
    guard let problem = connection?.problem else { return }
    if let obstacle = findings.role.obstacle(at: problem.server) { return reconnect(because: obstacle) }
    if findings.hasWritten { machine.wrote() }
    if let line = findings.refusal {
      if case .readOnly = RedisFailure.Rejection(line: line) {
        return reconnect(because: problem.words(refusedWith: line))
      }
      note(refusal: line, problem)
    } else if refusal != nil {
      refusal = nil
      logger.info("Redis takes commands again")
    }
    for warning in findings.warnings where !warnings.contains(warning) {
      logger.warning("Redis is not set up well", metadata: ["warning": "\(warning)"])
    }
    warnings = findings.warnings
  }

  private func note(refusal line: String, _ problem: LinkProblem) {
    let words = problem.words(refusedWith: line)
    if refusal?.words != words { logger.warning("Redis refuses commands", metadata: ["reason": "\(words)"]) }
    refusal = (refusal?.since ?? eventLoop.now, words)
  }

  package func observe(redisMilliseconds: Int64) {
    clock.observe(redisMilliseconds, at: eventLoop.now)
  }

  // MARK: - Sending

  private func refuse(_ command: CommandPipeline.Command, _ why: RedisFailure.NotSent) {
    eventLoop.assumeIsolated().execute { command.completion?(.failure(.notSent(why))) }
  }

  private func transmit(_ command: CommandPipeline.Command, at now: NIODeadline) {
    pipeline.send(command, at: now)
    guard !flushIsDue else { return }
    flushIsDue = true
    // Tasks run after all sockets of this turn have been served: everything they ask for goes out in one write.
    eventLoop.assumeIsolated().execute { [self] in
      flushIsDue = false
      if pipeline.outgoingAwaitsReplicas { awaitReplicas() }
      guard let channel = connection?.channel, let bytes = pipeline.takeOutgoing(channel.allocator) else { return }
      channel.writeAndFlush(bytes, promise: nil)
    }
  }

  /// One WAIT behind all writes of a flush: a group commit. It holds up what the next flush brings, which then shares
  /// the next one.
  private func awaitReplicas() {
    let (wanted, now) = (configuration.minReplicas, eventLoop.now)
    var command = ByteBuffer()
    command.writeRedisCommand(
      RedisArguments("WAIT", "\(wanted)", "\(Self.replicaLimit.nanoseconds / 1_000_000)"))
    let wait = CommandPipeline.Command(
      bytes: command, deadline: now + Self.silenceBeforeClosing,
      completion: { [self] result in
        // A link that is lost has told all who were held.
        guard case .success(let reply) = result else { return }
        let answer = WaitReply(reply, wanted: wanted)
        for held in pipeline.takeHeld() {
          held.completion(
            answer.isDone
              ? .success(held.reply) : .failure(.unknown(.notReplicated(held.reply, because: answer.objection))))
        }
        if let objection = answer.objection { reconnect(because: objection) }
      })
    pipeline.send(wait, at: now)
  }

  // MARK: - Deadlines

  private var silentSince: NIODeadline? {
    machine.state == .up ? pipeline.silent(for: LinkMachine.silenceBeforeRefusing) : nil
  }

  private func expire(at now: NIODeadline) {
    let (unsent, unknown) = pipeline.tick(at: now)
    // Only now: whoever is told may send again, or end the link.
    for completion in unsent { completion(.failure(.notSent(.deadlinePassed))) }
    for completion in unknown { completion(.failure(.unknown(.deadlinePassed))) }
    if machine.state == .up, let since = pipeline.silent(for: Self.silenceBeforeClosing) {
      abandon(because: connection?.problem.wordsForSilence(of: now - since) ?? "silent")
    }
    // Past its grace a command in the queue need not wait for its deadline to hear that there is no link.
    if machine.admission(at: now) == .refuse { fail(pipeline.takeWaiting(), with: .notSent(.offline)) }
  }

  private func fail(_ commands: Deque<CommandPipeline.Command>, with failure: RedisFailure) {
    for command in commands { command.completion?(.failure(failure)) }
  }

  // MARK: - Connecting

  private func perform(_ action: LinkMachine.Action) {
    switch action {
    case .nothing: break
    case .connect: connect()
    case .handshake: handshake()
    case .serve: serve()
    case .leave: leave()
    case .close: connection?.channel.closeHard()
    case .retry(let delay):
      retry?.cancel()
      retry = eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in perform(machine.retryDue()) }
    }
  }

  private func connect() {
    servers.locate { [self] result in
      switch result {
      case .failure(let failure): lose(because: failure.words)
      case .success(let url): connect(to: url)
      }
    }
  }

  private func connect(to url: RedisURL) {
    attemptBegan = eventLoop.now
    connector.connect(to: url, within: Self.handshakeLimit, receiver: self) { [self] result in
      switch result {
      case .success(let channel):
        connection = Connection(channel: channel, problem: connector.problem(of: url))
        perform(machine.connected())
      case .failure(let failure):
        caught(failure.cause)
        lose(because: failure.words)
      }
    }
  }

  private func handshake() {
    guard let problem = connection?.problem else { return }
    let handshake = LinkHandshake(problem, configuration)
    let deadline = attemptBegan + Self.handshakeLimit
    for (step, command) in handshake.steps {
      var bytes = ByteBuffer()
      bytes.writeRedisCommand(command)
      let asked = CommandPipeline.Command(
        bytes: bytes, deadline: deadline,
        completion: { [self] result in
          guard machine.state == .handshaking else { return }
          switch result {
          case .failure:
            let hasHeard = step != handshake.steps.first?.step
            abandon(because: problem.wordsForUnansweredHandshake(hasHeard: hasHeard))
          case .success(let reply): handshakeWent(handshake.verdict(on: reply, to: step))
          }
        })
      transmit(asked, at: eventLoop.now)
    }
  }

  private func handshakeWent(_ verdict: LinkHandshake.Verdict) {
    // What follows a refusal counts no more.
    guard reasonToClose == nil else { return }
    switch verdict {
    case .goOn: break
    case .connection(let number): connectionID = number
    case .refused(let reason): abandon(because: reason)
    case .completed(let time):
      clock.forget()
      observe(redisMilliseconds: time)
      perform(machine.handshakeCompleted())
    }
  }

  private func serve() {
    let now = eventLoop.now
    for command in pipeline.takeWaiting() { transmit(command, at: now) }
    prove(at: now)
    whenUp?()
  }

  /// Asks for a write without effect, so that a link which nobody uses shows as well that it serves.
  private func prove(at now: NIODeadline) {
    var command = ByteBuffer()
    command.writeRedisCommand(LinkQuestion.write.arguments(vacantKey: configuration.vacantKey))
    let proof = CommandPipeline.Command(
      bytes: command, deadline: now + LinkMachine.silenceBeforeRefusing,
      completion: { [self] result in if case .success(.integer) = result { machine.wrote() } })
    transmit(proof, at: now)
  }

  /// While the link is not known to serve.
  private func judge(_ reply: RedisReply) {
    guard machine.state == .up, let problem = connection?.problem else { return }
    if case .error(let line) = reply, LinkProblem.refusesAll(line) { return note(refusal: line, problem) }
    machine.served()
    refusal = nil
    lastProblem = nil
    logger.info("Redis link is up", metadata: ["server": "\(problem.server)", "reconnects": "\(machine.reconnects)"])
  }

  private func leave() {
    guard let left = connection?.channel, pipeline.owesReplies else { return perform(.close) }
    eventLoop.assumeIsolated().scheduleTask(in: Self.leaveLimit) { [self] in
      if connection?.channel === left { left.closeHard() }
    }
  }

  private func lose(because reason: String) {
    let wasUp = machine.isSettled || machine.state == .leaving
    let now = eventLoop.now
    let heard = min(pipeline.heard(at: now), refusal?.since ?? now)
    let action = machine.lost(at: now, heard: heard, using: &random)
    connection = nil
    connectionID = nil
    reasonToClose = nil
    refusal = nil
    // Not on the way out, and not again and again while it stays away.
    if machine.state != .stopped, lastProblem != reason || wasUp {
      logger.warning("Redis link is down", metadata: ["reason": "\(reason)"])
    }
    lastProblem = reason
    // Asked for in this turn, or sent: which of them Redis has run can't be told.
    for completion in pipeline.takeUnanswered() { completion(.failure(.unknown(.linkLost))) }
    perform(action)
  }

  // MARK: - Events of the channel

  func received(_ reply: RedisReply) {
    // What came with the reply for which the link was given up.
    guard connection != nil else { return }
    guard let command = pipeline.answered(at: eventLoop.now) else {
      // Only here, since each reply would else pay for the copy.
      let problem = connection?.problem
      return abandon(because: problem?.words(violated: "a reply that nobody asked for") ?? "")
    }
    if machine.isSettled {
      answer(command, reply)
    } else {
      judge(reply)
      answer(command, reply)
      if machine.state == .leaving, !pipeline.owesReplies { perform(.close) }
    }
  }

  private func answer(_ command: CommandPipeline.Command, _ reply: RedisReply) {
    guard command.awaitsReplicas, !reply.isError else { return command.completion?(.success(reply)) ?? () }
    pipeline.hold(command, reply)
  }

  /// As it is, for whoever mends this program; everybody else is told in words.
  func caught(_ error: any Error) {
    logger.debug("error on a Redis link", metadata: ["error": "\(error)"])
  }

  func closed(because reason: String) {
    lose(because: reasonToClose ?? reason)
  }
}

extension RedisLink: ReplyReceiver, ServerFollower {}
