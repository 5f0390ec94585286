import Common
import Logging
import NIOCore
import RedisClient
import Store

/// What serves requests, on one event loop: the desk, the controllers of shoppers, and their link to the store.
final class FrontOffice {
  let state: NodeState
  private(set) var desk: RequestDesk!
  private let eventLoop: any EventLoop
  private let link: RedisLink
  private let session: StoreSession
  private let probe: LinkProbe
  private let metrics = NodeMetrics()
  private var rates = RequestRates()
  private var ticks: RepeatedTask?

  init(
    eventLoop: any EventLoop, backOffice: NIOLoopBound<BackOffice>, scripts: ScriptLibrary,
    makeLink: (any EventLoop, String, [Script]) -> RedisLink, settings: NodeSettings, registry: PrometheusRegistry
  ) {
    self.eventLoop = eventLoop
    link = makeLink(eventLoop, "requests", scripts.forShoppers)
    let session = StoreSession(scripts: scripts, link: link)
    session.tell(
      sighted: { damages in backOffice.eventLoop.execute { backOffice.value.sighted(damages) } },
      forbidden: { backOffice.eventLoop.execute { backOffice.value.forbidden() } })
    self.session = session
    let state = NodeState(nodeID: settings.nodeId, link: link)
    self.state = state
    probe = LinkProbe(link: link, vacantKey: scripts.keys.vacant, checksRights: true) { [metrics] roundTrip in
      state.roundTrip = roundTrip
      metrics.roundTrip.recordNanoseconds(roundTrip.nanoseconds)
    }

    let releaser = HoldReleaser(stock: session.stock)
    let reservations = ReservationController(
      service: ReservationService(reservations: session.reservations, releaser: releaser),
      stock: StockService(stock: session.stock, releaser: releaser),
      caps: .init(quantity: settings.maxQuantity, ttlSeconds: settings.maxTtlSeconds))
    let health = HealthController(
      state: state, registry: registry, background: backOffice.eventLoop, eventLoop: eventLoop)
    let behind: (Request, @escaping (Response) -> Void) -> Void = { request, answer in
      let answer = NIOLoopBound(answer, eventLoop: eventLoop)
      backOffice.eventLoop.execute {
        backOffice.value.serve(request) { response in eventLoop.execute { answer.value(response) } }
      }
    }

    desk = RequestDesk(
      gate: RequestGate(adminTokens: settings.adminTokens, clientTokens: settings.clientTokens),
      bounds: .init(
        inFlight: settings.maxInFlight,
        connections: FileDescriptorLimit.connections(atMost: settings.maxConnections)), metrics: RequestMetrics(),
      logger: Logger(label: "http"), logsRequests: settings.logRequests,
      proxies: settings.trustedProxies
    ) { request, answer in
      switch request.operation {
      case .reserve: reservations.reserve(request, answer: answer)
      case .confirm: reservations.confirm(request, answer: answer)
      case .cancel: reservations.cancel(request, answer: answer)
      case .extend: reservations.extend(request, answer: answer)
      case .readReservation: reservations.readReservation(request, answer: answer)
      case .readStock: reservations.readStock(request, answer: answer)
      case .setStock, .adjustStock, .deleteStock, .listStock, .audit: behind(request, answer)
      case .live: health.live(answer: answer)
      case .ready: health.ready(answer: answer)
      case .health: health.health(answer: answer)
      case .metrics: health.metrics(answer: answer)
      case .openAPI: health.openAPI(answer: answer)
      }
    }
    health.traffic = { [unowned self] in traffic }
  }

  func start() {
    link.start()
    probe.start()
    let office = NIOLoopBound(self, eventLoop: eventLoop)
    ticks = eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in office.value.tick() }
  }

  func stop() {
    ticks?.cancel()
    link.stop()
  }

  /// From now on these are valid, and no others.
  func take(_ tokens: TokenFiles.Contents) {
    (desk.gate.adminTokens, desk.gate.clientTokens) = (tokens.admin, tokens.client)
  }

  func take(_ report: BackOffice.Report) {
    switch report {
    case .store(let store):
      state.store = store
      session.storeIsNearlyFull = store.isNearlyFull
    case .lease(let lease): state.lease = lease
    case .sweep(let sweep): state.sweep = sweep
    case .damage(let damage): state.damage = damage
    }
  }

  /// Begins to drain for this reason, or has it no longer.
  /// - Returns: whether the node drains now and did not before, or the other way round.
  func set(_ drain: NodeState.Drain, to isOn: Bool) -> Bool {
    let hasChanged = state.set(drain, to: isOn)
    desk.isDraining = state.isDraining
    return hasChanged
  }

  private var traffic: HealthReport.Requests {
    let perSecond = rates.perSecond
    return HealthReport.Requests(
      inFlight: desk.inFlight, ratePerSecond: perSecond.answered.rounded(decimals: 1),
      errorsPerSecond: perSecond.failed.rounded(decimals: 1), total: desk.answered, errors: desk.serverErrors)
  }

  private func tick() {
    rates.sample(answered: desk.answered, failed: desk.serverErrors, at: .now())
    metrics.update(
      link: link.status(), store: state.store, damage: state.damage, inFlight: desk.inFlight,
      isReady: state.obstacles().isEmpty)
  }
}
