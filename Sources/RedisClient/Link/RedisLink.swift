import DequeModule
import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// One pipelined connection to Redis, kept up for ever, on the event loop of its callers.
///
/// All calls must be on that loop. Commands are answered in order. Those sent in one turn of the loop leave in one
/// write. Every command has a deadline that includes its time in the queue. A command past its deadline keeps its place
/// in the pipeline, so that its late reply is dropped and never answers another command.
package final class RedisLink {
  package typealias Completion = (Result<RedisReply, RedisFailure>) -> Void

  private struct Connection {
    let channel: any Channel
    /// Describes problems of the connected server.
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
  /// Why this side closed the link.
  private var reasonToClose: String?
  /// Redis answers but refuses every command: since when, and why.
  private var refusal: (since: NIODeadline, words: String)?
  private var warnings: [String] = []
  private var attemptBegan = NIODeadline.uptimeNanoseconds(0)
  package private(set) var clock = RedisClock()
  /// The ID that Redis gave the current connection (CLIENT ID).
  package private(set) var connectionID: Int64?
  package var reconnects: Int { machine.reconnects }
  /// Called each time the link has come up, after the queued commands were sent.
  package var whenUp: (() -> Void)? { willSet { precondition(whenUp == nil, "a second one would replace the first") } }

  /// - Parameter servers: asked for the server before each new connection.
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

  /// Closes the link for good. Unanswered commands end as unknown.
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

  /// Ends the current connection, because its server must not be used any longer. The link then makes a new one.
  /// Commands already sent still get their replies, within ``leaveLimit``.
  package func reconnect(because reason: String) {
    guard connection != nil else { return }
    // Keep the first reason: later ones are its consequences.
    reasonToClose = reasonToClose ?? reason
    perform(machine.left(at: eventLoop.now))
  }

  package func serverMoved(to address: ServerAddress) {
    let isElsewhere = connection.map { $0.problem.url.address != address } ?? false
    if isElsewhere { reasonToClose = reasonToClose ?? "the master is now \(address)" }
    perform(machine.serverMoved(at: eventLoop.now, isElsewhere: isElsewhere, using: &random))
  }

  /// Closes at once a connection on which no reply can be trusted or expected any more.
  private func abandon(because reason: String) {
    reasonToClose = reasonToClose ?? reason
    connection?.channel.closeHard()
  }

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
    // Tasks run after all sockets of this turn were served, so all commands of the turn leave in one write.
    eventLoop.assumeIsolated().execute { [self] in
      flushIsDue = false
      if pipeline.outgoingAwaitsReplicas { awaitReplicas() }
      guard let channel = connection?.channel, let bytes = pipeline.takeOutgoing(channel.allocator) else { return }
      channel.writeAndFlush(bytes, promise: nil)
    }
  }

  /// Sends one WAIT after all writes of a flush (group commit). Commands sent meanwhile wait behind it and share the
  /// next WAIT.
  private func awaitReplicas() {
    let (wanted, now) = (configuration.minReplicas, eventLoop.now)
    var command = ByteBuffer()
    command.writeRedisCommand(
      RedisArguments("WAIT", "\(wanted)", "\(Self.replicaLimit.nanoseconds / 1_000_000)"))
    let wait = CommandPipeline.Command(
      bytes: command, deadline: now + Self.silenceBeforeClosing,
      completion: { [self] result in
        // When a link is lost, all held commands have already been answered.
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
    // Callers are told last, because they may send again or end the link.
    for completion in unsent { completion(.failure(.notSent(.deadlinePassed))) }
    for completion in unknown { completion(.failure(.unknown(.deadlinePassed))) }
    if machine.state == .up, let since = pipeline.silent(for: Self.silenceBeforeClosing) {
      abandon(because: connection?.problem.wordsForSilence(of: now - since) ?? "silent")
    }
    // When the grace is over, queued commands fail now instead of at their deadlines.
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
    // After a refusal the other answers do not matter.
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

  /// Sends a write without effect, so that a link that nobody uses also shows whether it serves.
  private func prove(at now: NIODeadline) {
    var command = ByteBuffer()
    command.writeRedisCommand(LinkQuestion.write.arguments(vacantKey: configuration.vacantKey))
    let proof = CommandPipeline.Command(
      bytes: command, deadline: now + LinkMachine.silenceBeforeRefusing,
      completion: { [self] result in if case .success(.integer) = result { machine.wrote() } })
    transmit(proof, at: now)
  }

  /// Handles a reply while the link is not yet known to serve.
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
    // Not logged on shutdown, and not repeated while Redis stays away for the same reason.
    if machine.state != .stopped, lastProblem != reason || wasUp {
      logger.warning("Redis link is down", metadata: ["reason": "\(reason)"])
    }
    lastProblem = reason
    // Some may not have left this process yet, but nobody can tell which ones Redis has run.
    for completion in pipeline.takeUnanswered() { completion(.failure(.unknown(.linkLost))) }
    perform(action)
  }

  // MARK: - Events of the channel

  func received(_ reply: RedisReply) {
    // The link was given up for an earlier reply in the same read.
    guard connection != nil else { return }
    guard let command = pipeline.answered(at: eventLoop.now) else {
      // Read only here: otherwise each reply would pay for the copy.
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

  /// Logs the error itself for developers. Others see plain words.
  func caught(_ error: any Error) {
    logger.debug("error on a Redis link", metadata: ["error": "\(error)"])
  }

  func closed(because reason: String) {
    lose(because: reasonToClose ?? reason)
  }
}

extension RedisLink: ReplyReceiver, ServerFollower {}
