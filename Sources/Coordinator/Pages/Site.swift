import Common
import Hummingbird
import Logging
import NIOCore

/// All that the coordinator serves over HTTP.
struct Site {
  private static let idleTimeout = TimeAmount.seconds(60)
  private static let headBytes = 16 * 1024

  let responder: SiteResponder
  let pictures: LivePictures
  private let logger: Logger

  /// - Parameters:
  ///   - clusterToken: what nodes announce themselves with; nil: none can.
  ///   - registry: shown at `/metrics`.
  ///   - now: the clock by which sessions end and wrong tokens are bounded.
  init(
    watch: any ClusterWatching, adminTokens: AccessTokens, clusterToken: String?, registry: PrometheusRegistry,
    logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) throws {
    self.logger = logger
    let access = OperatorAccess(
      tokens: adminTokens, sessions: Sessions(now: now), attempts: AttemptLimit(logger: logger, now: now))
    let (templates, assets) = (try PageTemplates(), Assets())
    pictures = LivePictures(watch: watch, templates: templates, assets: assets)
    let nodes = NodeController(
      watch: watch, access: access, clusterTokens: clusterToken.map { AccessTokens(token: $0) } ?? AccessTokens(),
      refusals: AttemptLimit(logger: logger, now: now), logger: logger)
    let page = PageController(
      watch: watch, access: access, nodes: nodes, templates: templates, assets: assets, pictures: pictures,
      logger: logger)
    let cluster = ClusterController(watch: watch, registry: registry)

    var routes = RouteTable()
    routes.on(.get, "/", page.page)
    routes.on(.get, "/events", page.events)
    routes.on(.get, "/assets/:name", page.asset)
    routes.on(.post, "/login", page.logIn)
    routes.on(.post, "/logout", page.logOut)
    routes.on(.post, "/api/v1/nodes", nodes.announce)
    routes.on(.delete, "/api/v1/nodes/:id", nodes.leave)
    for change in NodeChange.allCases {
      routes.on(.post, "/api/v1/nodes/:id/\(change.rawValue)") { try await page.change(change, $0, $1) }
    }
    routes.on(.get, "/api/v1/cluster", cluster.cluster)
    routes.on(.get, "/leader", cluster.leader)
    routes.on(.get, "/metrics", cluster.metrics)
    routes.on(.get, "/sd/prometheus", cluster.targets)
    routes.on(.get, "/health/live", cluster.live)
    routes.on(.get, "/health/ready", cluster.ready)
    responder = routes.responder(logger: logger)
  }

  /// The server, which is to be run.
  ///
  /// - Parameters:
  ///   - mostConnections: further ones wait until others have ended.
  ///   - serves: called with the address once it listens.
  func server(
    host: String, port: Int, mostConnections: Int, serves: @escaping @Sendable (String) -> Void = { _ in }
  ) -> some ApplicationProtocol {
    var logger = logger
    // It says what `serves` says too.
    logger.logLevel = max(logger.logLevel, .notice)
    return Application(
      responder: responder,
      server: .http1(
        configuration: .init(
          idleTimeout: Self.idleTimeout,
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: Self.headBytes, maxHeaderListSize: Self.headBytes, maxHeaderFieldCount: 128))),
      configuration: .init(
        address: .hostname(host, port: port), availableConnectionsDelegate: .maximum(mostConnections, logger: logger)),
      onServerRunning: { channel in serves(channel.localAddress.map { "\($0)" } ?? "") }, logger: logger)
  }
}
