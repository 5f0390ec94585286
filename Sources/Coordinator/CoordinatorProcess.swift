import Common
import Hummingbird
import Logging
import Metrics
import ServiceLifecycle

/// Puts the coordinator together and runs it: the one place where all parts meet.
struct CoordinatorProcess {
  let settings: CoordinatorSettings

  /// Runs until the process is told to stop.
  func run() async throws {
    LoggingSystem.bootstrapJSONLines(level: settings.logLevel, metadata: [:])
    // The process has a fixed number of series, and each node has a few.
    let metrics = PrometheusRegistry(maxSeries: 500 + 4 * settings.maxNodes)
    MetricsSystem.bootstrap(metrics)
    ProcessMetrics.register(with: metrics)
    let logger = Logger(label: "coordinator")
    // Otherwise the last of 500 nodes could not be connected to, and would pass for dead.
    FileDescriptorLimit.raise()

    metrics.describe(CoordinatorMetrics.help)
    metrics.describe(AcceptPause.help)
    let watch = ClusterWatch(
      allowed: settings.allowedNetworks, maxNodes: settings.maxNodes, path: settings.stateFile,
      logger: Logger(label: "watch"))
    let site = try Site(
      watch: watch, adminTokens: settings.adminTokens, clusterToken: settings.clusterToken, base: settings.basePath,
      proxies: settings.trustedProxies, metrics: metrics, logger: logger)
    // Each node announces itself over one connection, and has a second one while it changes over. The rest is for
    // people.
    let wantedConnections = 2 * settings.maxNodes + 256
    let maxConnections = FileDescriptorLimit.connections(atMost: wantedConnections)
    if maxConnections < wantedConnections {
      logger.warning(
        "fewer connections than wanted: the limit of file descriptors (ulimit -n) is low",
        metadata: ["connections": .number(maxConnections), "wanted": .number(wantedConnections)])
    }
    let server = site.server(
      host: settings.host, port: settings.port, maxConnections: maxConnections
    ) { address in
      logger.info("serving", metadata: ["address": "\(address)"])
    }
    let tokens = TokenRefresh(files: settings.tokenFiles, current: settings.tokens, logger: logger) {
      site.take($0)
    }
    // Stopped in reverse order, so that the last answers are still true.
    let services = ServiceGroup(
      services: [tokens, watch, server], gracefulShutdownSignals: [.sigterm, .sigint],
      logger: Logger(label: "lifecycle"))
    try await services.run()
    logger.info("stopped")
  }
}
