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
/// There are two event loops. On the first, requests of shoppers go from their HTTP bytes to Redis and back without a
/// change of thread, over one pipelined link. The second has links of its own, and what must neither wait for shoppers
/// nor keep them waiting: stock administration, the audit, the watch over the store, the lease and the sweep, metrics.
struct NodeProcess {
  let settings: NodeSettings

  /// Runs until the process is told to stop.
  ///
  /// A node that was not told how the store is cut takes it for undivided at first. If it finds it otherwise, it has
  /// served nobody yet, and begins anew.
  func run() async throws {
    let registry = bootstrap()
    var layout: StoreLayout?
    while true {
      do {
        return try await serve(registry, layout)
      } catch StoreWatch.Unfit.otherLayout(let found) {
        Logger(label: "node").notice(
          "the store is cut into shards: this node takes it so", metadata: ["shards": "\(found.text)"])
        layout = found
      } catch StoreWatch.Unfit.damaged(let reason) {
        throw SettingsError(reason)
      }
    }
  }

  private func bootstrap() -> PrometheusRegistry {
    LoggingSystem.bootstrapJSONLines(level: settings.logLevel, metadata: ["node": "\(settings.nodeId)"])
    let registry = PrometheusRegistry()
    for help in [
      NodeMetrics.help, RequestMetrics.help, WrongTokenGuard.help, LeaseMetrics.help, SweepMetrics.help,
      DamageWatch.help, AcceptPause.help,
    ] {
      registry.describe(help)
    }
    MetricsSystem.bootstrap(registry)
    ProcessMetrics.register(with: registry)
    FileDescriptorLimit.raise()
    tellOfFewConnections(Logger(label: "node"))
    return registry
  }

  private func serve(_ registry: PrometheusRegistry, _ layout: StoreLayout?) async throws {
    let logger = Logger(label: "node")
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let (dataLoop, controlLoop) = (group.next(), group.next())
    let store = try StoreAccess(settings, adopted: layout)
    let reports = NodeReports()
    let (unfit, refuse) = AsyncStream.makeStream(of: StoreWatch.Unfit.self)
    let controlPlane = try await controlLoop.submit { [settings] in
      NIOLoopBound(
        ControlPlane(
          eventLoop: controlLoop, store: store, settings: settings, reports: reports, unfit: { refuse.yield($0) }),
        eventLoop: controlLoop)
    }.get()
    let dataPlane = try await dataLoop.submit { [settings] in
      NIOLoopBound(
        DataPlane(
          eventLoop: dataLoop, controlPlane: controlPlane, store: store, settings: settings, reports: reports,
          registry: registry), eventLoop: dataLoop)
    }.get()

    let lifecycle = Lifecycle(dataPlane: dataPlane, controlPlane: controlPlane)
    let server = HTTPServer(
      host: settings.host, port: settings.port, drainDelay: settings.drainDelay,
      connections: try await dataLoop.submit { NIOLoopBound(dataPlane.value.connections, eventLoop: dataLoop) }.get(),
      serves: { port in lifecycle.begin(at: settings.host, port, advertisedURL: settings.advertisedUrl) },
      willDrain: { lifecycle.set(.stopping, to: true) }, logger: logger)
    let links = StoreService(dataPlane: dataPlane, controlPlane: controlPlane, unfit: unfit)
    let clusterToken = Replaceable(settings.clusterToken ?? "")
    let announcer = settings.coordinatorUrl.map { coordinator in
      Announcer(
        coordinator: coordinator, token: clusterToken, client: CurlClient(), node: lifecycle,
        logger: Logger(label: "announcer"))
    }
    let tokens = TokenRefresh(files: settings.tokenFiles, current: settings.tokens, logger: logger) { tokens in
      dataLoop.execute { dataPlane.value.take(tokens) }
      clusterToken.current = tokens.cluster ?? ""
    }
    // Stopped in reverse: the store serves until the last request is answered, and the coordinator sees the node drain.
    let all: [any Service] = [tokens, links] + (announcer.map { [$0] } ?? []) + [server]
    let services = ServiceGroup(
      services: all, gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "lifecycle"))
    let result: Result<Void, any Error>
    do { result = .success(try await services.run()) } catch { result = .failure(error) }
    try await group.shutdownGracefully()
    try result.get()
  }

  private func tellOfFewConnections(_ logger: Logger) {
    let connections = FileDescriptorLimit.connections(atMost: settings.maxConnections)
    guard connections < settings.maxConnections else { return }
    logger.warning(
      "fewer connections than maxConnections: the limit of file descriptors (ulimit -n) is low",
      metadata: ["connections": .number(connections), "maxConnections": .number(settings.maxConnections)])
  }
}

/// Keeps the links to the store up from start to stop, and ends the process if the store is not fit to be used.
struct StoreService: Service {
  let dataPlane: NIOLoopBound<DataPlane>
  let controlPlane: NIOLoopBound<ControlPlane>
  /// Yields why, if it is not.
  let unfit: AsyncStream<StoreWatch.Unfit>

  func run() async throws {
    let (dataPlane, controlPlane) = (dataPlane, controlPlane)
    try await dataPlane.eventLoop.submit { dataPlane.value.start() }.get()
    try await controlPlane.eventLoop.submit { controlPlane.value.start() }.get()
    // Ends with the first of: the store is unfit, the process is to stop.
    let reason = await unfit.cancelOnGracefulShutdown().first { _ in true }
    try await dataPlane.eventLoop.submit { dataPlane.value.stop() }.get()
    try await controlPlane.eventLoop.submit { controlPlane.value.stop() }.get()
    if let reason { throw reason }
  }
}
