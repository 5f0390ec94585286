import Common
import Logging
import NIOCore
import RedisClient
import Store

/// What must neither wait for shoppers nor keep them waiting, on an event loop and links of its own: stock
/// administration, the audit, the watch over the store, the election of a leader and the sweep.
final class BackOffice {
  /// What the back office lets the front know.
  enum Report: Sendable {
    case store(StoreReport)
    case lease(LeaseReport)
    case sweep(SweepReport)
    case damage(DamageReport)
  }

  private let controller: StockController
  private let links: [RedisLink]
  private let probes: [LinkProbe]
  private let administration: StoreSession
  /// Of its own: what it says of Redis must not depend on whether scripts can be loaded there.
  private let watchLink: RedisLink
  private let scripts: ScriptLibrary
  private var watch: StoreWatch?
  /// What any of these meets damaged is kept account of; the watch has a session of its own.
  private let sessions: [StoreSession]
  private let eventLoop: any EventLoop
  private var damage: DamageWatch?
  let leadership: Leadership

  init(
    eventLoop: any EventLoop, scripts: ScriptLibrary, makeLink: (any EventLoop, String, [Script]) -> RedisLink,
    settings: NodeSettings
  ) {
    (self.scripts, self.eventLoop) = (scripts, eventLoop)
    let link = makeLink(eventLoop, "administration", scripts.forOperators)
    let auditLink = makeLink(eventLoop, "audit", scripts.forOperators)
    watchLink = makeLink(eventLoop, "watch", [])
    links = [link, auditLink, watchLink]
    probes = links.map { LinkProbe(link: $0, vacantKey: scripts.keys.vacant) }
    administration = StoreSession(scripts: scripts, link: link)
    let audit = StoreSession(scripts: scripts, link: auditLink)
    let stock = administration.stock
    let service = StockService(stock: stock, releaser: HoldReleaser(stock: stock))
    controller = StockController(
      service: service, listing: StockListing(stock: stock, service: service),
      audit: AuditService(stock: audit.stock, link: auditLink, keys: scripts.keys), logger: Logger(label: "stock"))
    leadership = Leadership(eventLoop: eventLoop, scripts: scripts, makeLink: makeLink, nodeID: settings.nodeId)
    sessions = [administration, audit] + leadership.sessions
  }

  func start(report: @escaping @Sendable (Report) -> Void, unfit: @escaping @Sendable (StoreWatch.Unfit) -> Void) {
    for link in links { link.start() }
    for probe in probes { probe.start() }
    let watch = StoreWatch(
      link: watchLink, scripts: scripts, logger: Logger(label: "store"),
      report: { [administration] seen in
        administration.storeIsNearlyFull = seen.isNearlyFull
        report(.store(seen))
      }, unfit: unfit)
    watch.start()
    self.watch = watch
    let damage = DamageWatch(
      eventLoop: eventLoop, stock: administration.stock, logger: Logger(label: "damage"),
      changed: { report(.damage($0)) })
    damage.start()
    self.damage = damage
    for session in sessions {
      session.tell(sighted: { damage.sighted($0) }, forbidden: { watch.doubtRights() })
    }
    leadership.start(report: { report($0) })
  }

  /// The coordinator has told what others have seen of the store.
  func heard(_ memory: StoreMemory) { watch?.heard(memory) }

  /// What a request in front has found damaged.
  func sighted(_ damages: [StoreDamage]) { damage?.sighted(damages) }

  /// A request in front was refused for a lack of rights.
  func forbidden() { watch?.doubtRights() }

  func stop() {
    for link in links { link.stop() }
    leadership.stop()
  }

  func serve(_ request: Request, answer: @escaping (Response) -> Void) {
    switch request.operation {
    case .setStock: controller.set(request, answer: answer)
    case .adjustStock: controller.adjust(request, answer: answer)
    case .deleteStock: controller.delete(request, answer: answer)
    case .listStock: controller.list(request, answer: answer)
    case .audit: controller.audit(request, answer: answer)
    case .reserve, .confirm, .cancel, .extend, .readReservation, .readStock, .live, .ready, .health, .metrics, .openAPI:
      preconditionFailure("\(request.operation) is served in front")
    }
  }
}
