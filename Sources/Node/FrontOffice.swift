import Common
import Logging
import NIOCore

/// What serves requests, on one event loop: the desk, the controllers of shoppers, and their link to the store.
final class FrontOffice {
  let state: NodeState
  private(set) var desk: RequestDesk!
  private let eventLoop: any EventLoop
  private let link: RedisLink
  private let writer: KeyedWriter
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
    let runner = ScriptRunner(link: link)
    writer = KeyedWriter(runner: runner)
    let state = NodeState(nodeID: settings.nodeId, link: link)
    self.state = state
    probe = LinkProbe(link: link) { [metrics] roundTrip in
      state.roundTrip = roundTrip
      metrics.roundTrip.recordNanoseconds(roundTrip.nanoseconds)
    }

    let stock = StockRepository(scripts: scripts, runner: runner, writer: writer)
    let releaser = HoldReleaser(stock: stock)
    let reservations = ReservationController(
      service: ReservationService(
        reservations: ReservationRepository(scripts: scripts, runner: runner, writer: writer), releaser: releaser),
      stock: StockService(stock: stock, releaser: releaser),
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
      bounds: .init(inFlight: settings.maxInFlight, connections: settings.maxConnections), metrics: RequestMetrics(),
      logger: Logger(label: "http"), logsRequests: settings.logRequests
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

  func take(_ report: BackOffice.Report) {
    switch report {
    case .store(let store):
      state.store = store
      writer.storeIsNearlyFull = store.isNearlyFull
    case .lease(let lease): state.lease = lease
    case .sweep(let sweep): state.sweep = sweep
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
    metrics.update(link: link.status(), store: state.store, inFlight: desk.inFlight, isReady: state.obstacles().isEmpty)
  }
}
