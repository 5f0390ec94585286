import Common
import Hummingbird
import Logging
import NIOCore

/// All that the coordinator serves over HTTP.
struct Site {
  private static let idleTimeout = TimeAmount.seconds(60)

  let responder: SiteResponder
  let pictures: LivePictures
  let access: OperatorAccess
  private let clusterTokens: Replaceable<AccessTokens>
  private let logger: Logger
  private let now: @Sendable () -> ContinuousClock.Instant

  /// - Parameters:
  ///   - clusterToken: the token that nodes announce themselves with; nil if none can.
  ///   - base: the path below which browsers see the page.
  ///   - proxies: load balancers, whose word on whom they forward is believed.
  ///   - metrics: shown at `/metrics`.
  ///   - now: the clock by which sessions end, pictures are shown, and wrong tokens and log lines are bounded.
  init(
    watch: any ClusterWatching, adminTokens: AccessTokens, clusterToken: String?, base: BasePath = .root,
    proxies: TrustedProxies = TrustedProxies(nil), metrics: PrometheusRegistry, logger: Logger,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) throws {
    (self.logger, self.now) = (logger, now)
    access = OperatorAccess(
      tokens: Replaceable(adminTokens), sessions: Sessions(now: now), attempts: AttemptLimit(logger: logger, now: now))
    clusterTokens = Replaceable(Self.clusterTokens(clusterToken))
    let (templates, assets) = (try PageTemplates(), Assets(base: base))
    pictures = LivePictures(watch: watch, templates: templates, assets: assets, now: now)
    let nodes = NodeController(
      watch: watch, access: access, clusterTokens: clusterTokens,
      refusals: AttemptLimit(logger: logger, now: now), logger: logger)
    let page = PageController(
      watch: watch, access: access, nodes: nodes,
      store: StoreController(watch: watch, access: access, logger: logger), templates: templates, assets: assets,
      pictures: pictures, logger: logger)
    let cluster = ClusterController(watch: watch, metricsRegistry: metrics)

    var routes = RouteTable()
    routes.on(.get, "/", page.page)
    routes.on(.get, "/events", page.events)
    routes.on(.get, "/assets/:name", page.asset)
    routes.on(.get, "/login", page.logInPage)
    routes.on(.post, "/login", page.logIn)
    routes.on(.post, "/logout", page.logOut)
    routes.on(.post, "/api/v1/nodes", nodes.announce)
    routes.on(.delete, "/api/v1/nodes/:id", nodes.leave)
    for change in NodeChange.allCases {
      routes.on(.post, "/api/v1/nodes/:id/\(change.rawValue)") { try await page.change(change, $0, $1) }
    }
    routes.on(.post, StoreChange.acknowledgePath, page.acknowledge)
    routes.on(.get, "/api/v1/cluster", cluster.cluster)
    routes.on(.get, "/leader", cluster.leader)
    routes.on(.get, "/metrics", cluster.metrics)
    routes.on(.get, "/sd/prometheus", cluster.targets)
    routes.on(.get, "/health/live", cluster.live)
    routes.on(.get, "/health/ready", cluster.ready)
    responder = routes.responder(base: base, proxies: proxies, logger: logger, page: page.page)
  }

  /// From now on these are valid, and no others.
  func take(_ tokens: TokenFiles.Contents) {
    if access.tokens.current != tokens.admin {
      access.tokens.current = tokens.admin
      access.sessions.endAll()
    }
    clusterTokens.current = Self.clusterTokens(tokens.cluster)
  }

  private static func clusterTokens(_ token: String?) -> AccessTokens {
    token.map { AccessTokens(token: $0) } ?? AccessTokens()
  }

  /// The server. It serves once it is run.
  ///
  /// - Parameters:
  ///   - maxConnections: further ones wait until others have ended.
  ///   - serves: called with the address once the server listens.
  func server(
    host: String, port: Int, maxConnections: Int, serves: @escaping @Sendable (String) -> Void = { _ in }
  ) -> some ApplicationProtocol {
    let ours = logger
    var logger = logger
    // At a lower level Hummingbird logs the address, which `serves` does already.
    logger.logLevel = max(logger.logLevel, .notice)
    return Application(
      responder: responder,
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [FairShare(), RequestDeadline()], idleTimeout: Self.idleTimeout,
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: Request.maxHeadBytes, maxHeaderListSize: Request.maxHeadBytes, maxHeaderFieldCount: 128)
        )),
      configuration: .init(
        address: .hostname(host, port: port),
        availableConnectionsDelegate: ConnectionLimit(maxConnections, logger: ours, now: now)),
      onServerRunning: { channel in
        await Self.installAcceptPause(on: channel, ours)
        serves(channel.localAddress.map { "\($0)" } ?? "")
      }, logger: logger)
  }

  /// The pause comes before all other handlers. Otherwise Hummingbird would stop listening at the first connection that
  /// can't be accepted.
  private static func installAcceptPause(on channel: any Channel, _ logger: Logger) async {
    do {
      try await channel.eventLoop.submit {
        try channel.pipeline.syncOperations.addHandler(AcceptPause(logger: logger), position: .first)
      }.get()
    } catch {
      logger.error("shortages of file descriptors can't be borne", metadata: ["error": "\(error)"])
    }
  }
}
