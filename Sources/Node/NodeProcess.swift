import Common
import Logging
import Metrics
import NIOCore
import NIOPosix
import RedisClient
import ServiceLifecycle
import Store

/// Puts a node together and runs it: the one place where all parts meet.
///
/// Two event loops. On the first, requests of shoppers go from their HTTP bytes to Redis and back without a change of
/// thread, over one pipelined link. On the second, with links of its own, work what must never wait for shoppers, nor
/// they for it: stock administration, the audit, the watch over the store, the lease and the sweep, metrics.
struct NodeProcess {
  let settings: NodeSettings

  /// Runs until the process is told to stop.
  func run() async throws {
    LoggingSystem.bootstrapJSONLines(level: settings.logLevel, metadata: ["node": "\(settings.nodeId)"])
    let registry = PrometheusRegistry()
    for help in [NodeMetrics.help, LeaseMetrics.help, SweepMetrics.help, DamageWatch.help, AcceptPause.help] {
      registry.describe(help)
    }
    MetricsSystem.bootstrap(registry)
    ProcessMetrics.register(with: registry)
    let logger = Logger(label: "node")
    FileDescriptorLimit.raise()
    tellOfFewConnections(logger)

    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let (front, back) = (group.next(), group.next())
    let scripts = ScriptLibrary(
      tuning: .init(
        retentionSeconds: settings.retentionSeconds, eventsMaxLength: settings.eventsMaxLength,
        keyPrefix: settings.keyPrefix))
    let makeLink = try linkFactory(vacantKey: scripts.keys.vacant)

    let backOffice = try await back.submit { [settings] in
      NIOLoopBound(
        BackOffice(eventLoop: back, scripts: scripts, makeLink: makeLink, settings: settings), eventLoop: back)
    }.get()
    let frontOffice = try await front.submit { [settings] in
      NIOLoopBound(
        FrontOffice(
          eventLoop: front, backOffice: backOffice, scripts: scripts, makeLink: makeLink, settings: settings,
          registry: registry), eventLoop: front)
    }.get()

    let duty = Duty(front: frontOffice, back: backOffice, frontLoop: front, backLoop: back)
    let server = HTTPServer(
      host: settings.host, port: settings.port, drainDelay: settings.drainDelay,
      desk: try await front.submit { NIOLoopBound(frontOffice.value.desk, eventLoop: front) }.get(), eventLoop: front,
      serves: { port in duty.begin(at: settings.host, port, advertisedURL: settings.advertisedUrl) },
      willDrain: { duty.set(.stopping, to: true) }, logger: logger)
    let store = StoreService(front: frontOffice, back: backOffice, frontLoop: front, backLoop: back)
    let clusterToken = Replaceable(settings.clusterToken ?? "")
    let announcer = settings.coordinatorUrl.map { coordinator in
      Announcer(
        coordinator: coordinator, token: clusterToken, client: CurlClient(), duty: duty,
        logger: Logger(label: "announcer"))
    }
    let tokens = TokenRefresh(files: settings.tokenFiles, current: settings.tokens, logger: logger) { tokens in
      front.execute { frontOffice.value.take(tokens) }
      clusterToken.current = tokens.cluster ?? ""
    }
    // Stopped in reverse: the store serves until the last request is answered, and the coordinator sees the node drain.
    let all: [any Service] = [tokens, store] + (announcer.map { [$0] } ?? []) + [server]
    let services = ServiceGroup(
      services: all, gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "lifecycle"))
    do {
      try await services.run()
    } catch let error as StoreWatch.Unfit {
      throw SettingsError(error.reason)
    }
    try await group.shutdownGracefully()
  }

  private func tellOfFewConnections(_ logger: Logger) {
    let connections = FileDescriptorLimit.connections(atMost: settings.maxConnections)
    guard connections < settings.maxConnections else { return }
    logger.warning(
      "fewer connections than maxConnections: the limit of file descriptors (ulimit -n) is low",
      metadata: ["connections": .number(connections), "maxConnections": .number(settings.maxConnections)])
  }

  private func linkFactory(
    vacantKey: String
  ) throws -> @Sendable (any EventLoop, String, [Script]) -> RedisLink {
    let url = settings.redisUrl
    let tls =
      url.usesTLS
      ? try RedisTLS(
        caFile: settings.redisCaFile, certFile: settings.redisCertFile, keyFile: settings.redisKeyFile) : nil
    return { [nodeID = settings.nodeId] eventLoop, name, scripts in
      RedisLink(
        eventLoop: eventLoop,
        configuration: .init(
          url: url, tls: tls, clientName: "holdfast:\(nodeID):\(name)", scripts: scripts, vacantKey: vacantKey),
        logger: Logger(label: "redis.\(name)"))
    }
  }
}

/// Keeps the links to the store up from start to stop, and ends the process if the store is not fit to be used.
struct StoreService: Service {
  let front: NIOLoopBound<FrontOffice>
  let back: NIOLoopBound<BackOffice>
  let frontLoop: any EventLoop
  let backLoop: any EventLoop

  func run() async throws {
    let (unfit, refuse) = AsyncStream.makeStream(of: StoreWatch.Unfit.self)
    try await frontLoop.submit { front.value.start() }.get()
    try await backLoop.submit {
      back.value.start(
        report: { report in frontLoop.execute { front.value.take(report) } }, unfit: { refuse.yield($0) })
    }.get()
    // Ends with the first of: the store is unfit, the process is to stop.
    for await reason in unfit.cancelOnGracefulShutdown() { throw reason }
    try await frontLoop.submit { front.value.stop() }.get()
    try await backLoop.submit { back.value.stop() }.get()
  }
}
