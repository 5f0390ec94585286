import Common
import Logging
import NIOCore
import RedisClient
import Store

/// What serves shoppers, on one event loop: connections, the controllers, and their link to the store.
final class DataPlane {
  let state: NodeState
  let connections: ConnectionContext
  private let eventLoop: any EventLoop
  private let links: any LinkSet
  private let minReplicas: Int
  private let traffic = Traffic()
  private let metrics = NodeMetrics()
  private var ticks: RepeatedTask?

  init(
    eventLoop: any EventLoop, controlPlane: NIOLoopBound<ControlPlane>, store: StoreAccess, settings: NodeSettings,
    reports: NodeReports, registry: PrometheusRegistry
  ) {
    self.eventLoop = eventLoop
    minReplicas = store.minReplicas
    let scripts = store.scripts
    let roundTrip = RoundTrip()
    links = store.links(on: eventLoop).links(
      name: "requests", scripts: scripts.forShoppers, checksRights: true
    ) { [metrics] time in
      roundTrip.last = time
      metrics.roundTrip.recordNanoseconds(time.nanoseconds)
    }
    let session = ShardedStore(
      scripts: scripts, links: links, fullness: store.fullness,
      alarm: StoreAlarm(
        damaged: { damages in controlPlane.eventLoop.execute { controlPlane.value.sighted(damages) } },
        forbidden: { controlPlane.eventLoop.execute { controlPlane.value.forbidden() } }))
    let state = NodeState(
      nodeID: settings.nodeId, topology: store.topology, minReplicas: store.minReplicas, shards: scripts.shards.count,
      links: links,
      roundTrip: roundTrip, reports: reports, startedAt: eventLoop.now)
    self.state = state

    let releaser = HoldReleaser(stock: session.stock)
    let reservations = ReservationController(
      service: ReservationService(reservations: session.reservations, releaser: releaser),
      stock: StockService(stock: session.stock, releaser: releaser),
      caps: .init(quantity: settings.maxQuantity, ttlSeconds: settings.maxTtlSeconds))
    let health = HealthController(
      state: state, traffic: traffic, registry: registry, background: controlPlane.eventLoop, eventLoop: eventLoop,
      leaseClock: { .now })
    let administer: Dispatcher.Handler = { request, answer in
      let answer = NIOLoopBound(answer, eventLoop: eventLoop)
      controlPlane.eventLoop.execute {
        controlPlane.value.serve(request) { response in eventLoop.execute { answer.value(response) } }
      }
    }

    let dispatcher = Dispatcher(maxInFlight: settings.maxInFlight, traffic: traffic) { request, answer in
      switch request.operation {
      case .reserve: reservations.reserve(request, answer: answer)
      case .confirm: reservations.confirm(request, answer: answer)
      case .cancel: reservations.cancel(request, answer: answer)
      case .extend: reservations.extend(request, answer: answer)
      case .readReservation: reservations.readReservation(request, answer: answer)
      case .readStock: reservations.readStock(request, answer: answer)
      case .setStock, .adjustStock, .deleteStock, .listStock, .audit: administer(request, answer)
      case .live: health.live(answer: answer)
      case .ready: health.ready(answer: answer)
      case .health: health.health(answer: answer)
      case .metrics: health.metrics(answer: answer)
      case .openAPI: health.openAPI(answer: answer)
      }
    }
    let logger = Logger(label: "http")
    connections = ConnectionContext(
      validator: RequestValidator(
        authenticator: Authenticator(adminTokens: settings.adminTokens, clientTokens: settings.clientTokens)),
      tracker: ConnectionTracker(maxConnections: FileDescriptorLimit.connections(atMost: settings.maxConnections)),
      proxies: settings.trustedProxies, wrongTokens: WrongTokenGuard(logger: logger, now: { .now }),
      dispatcher: dispatcher, encoder: ResponseEncoder(wallClock: WallClock.epochMilliseconds),
      log: RequestLog(traffic: traffic, logger: logger, logsRequests: settings.logRequests))
  }

  func start() {
    links.start()
    let plane = NIOLoopBound(self, eventLoop: eventLoop)
    ticks = eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in plane.value.tick() }
  }

  func stop() {
    ticks?.cancel()
    links.stop()
  }

  /// From now on these are valid, and no others.
  func take(_ tokens: TokenFiles.Contents) {
    connections.validator.authenticator = Authenticator(adminTokens: tokens.admin, clientTokens: tokens.client)
  }

  /// Begins to drain for this reason, or has it no longer.
  /// - Returns: whether the node drains now and did not before, or the other way round.
  func set(_ drain: NodeState.Drain, to isOn: Bool) -> Bool {
    let hasChanged = state.set(drain, to: isOn)
    connections.isDraining = state.isDraining
    return hasChanged
  }

  func announcement(url: String) -> Announcement { state.announcement(url: url, at: eventLoop.now) }

  private func tick() {
    let now = eventLoop.now
    traffic.sample(at: now)
    metrics.update(
      link: links.status(at: now), state.reports.current, minReplicas: minReplicas, inFlight: traffic.inFlight,
      isReady: state.obstacles(at: now).isEmpty)
  }
}
