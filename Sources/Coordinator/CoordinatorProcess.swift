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
    // A few of each node, beside those of the process.
    let registry = PrometheusRegistry(maxSeries: 500 + 4 * settings.maxNodes)
    MetricsSystem.bootstrap(registry)
    ProcessMetrics.register(with: registry)
    let logger = Logger(label: "coordinator")
    // Else the last of 500 nodes could not be connected to, and would pass for dead.
    FileDescriptorLimit.raise()

    registry.describe(CoordinatorMetrics.help)
    registry.describe(AcceptPause.help)
    let watch = ClusterWatch(
      allowed: settings.allowedNetworks, maxNodes: settings.maxNodes, path: settings.stateFile,
      logger: Logger(label: "watch"))
    let site = try Site(
      watch: watch, adminTokens: settings.adminTokens, clusterToken: settings.clusterToken, base: settings.basePath,
      proxies: settings.trustedProxies, registry: registry, logger: logger)
    // Each node has a connection to announce itself by, and another while it changes over; the rest is for people.
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
    // Stopped in reverse: the last answers are still true.
    let services = ServiceGroup(
      services: [tokens, watch, server], gracefulShutdownSignals: [.sigterm, .sigint],
      logger: Logger(label: "lifecycle"))
    try await services.run()
    logger.info("stopped")
  }
}
