import Common
import Logging
import NIOCore
import RedisClient
import Store

/// What must neither wait for shoppers nor keep them waiting, on an event loop and links of its own: stock
/// administration, the audit, the watch over the store, the election of a leader and the sweep.
final class ControlPlane {
  private let links: [any LinkSet]
  private let controller: StockController
  private let watch: StoreWatch
  private let damage: DamageWatch
  let leadership: Leadership

  /// - Parameter unfit: called if the store must not be used at all.
  init(
    eventLoop: any EventLoop, store: StoreAccess, settings: NodeSettings, reports: NodeReports,
    unfit: @escaping @Sendable (StoreWatch.Unfit) -> Void
  ) {
    let (scripts, access) = (store.scripts, store.links(on: eventLoop))
    let links = access.links(name: "administration", scripts: scripts.forOperators)
    let auditLinks = access.links(name: "audit", scripts: scripts.forOperators)
    // Of its own: what it says of Redis must not depend on whether scripts can be loaded there.
    let watchLinks = access.links(name: "watch")
    // Each of its own: neither a batch nor a wait for releases may come before a renewal.
    let leaseLinks = access.links(name: "lease", scripts: scripts.forElection)
    let sweepLinks = access.links(name: "sweep", scripts: scripts.forSweeping)
    let releaseLinks = access.links(name: "releases")
    links.whenUp = { reports.update(\.canAdminister, true) }
    // The link that waits for releases, too, must lead to the master: there its probe waits behind the blocking read.
    self.links = [links, auditLinks, watchLinks, leaseLinks, sweepLinks, releaseLinks]
    let slot = scripts.slot(of: scripts.shard)

    let watch = StoreWatch(
      links: watchLinks, scripts: scripts,
      isLayoutGiven: store.isLayoutGiven, isCluster: store.topology.isCluster,
      replication: .init(
        minReplicas: store.minReplicas, isExpected: store.topology.expectsReplicas,
        stopsAlone: store.topology.isCluster),
      logger: Logger(label: "store"),
      report: { seen in
        store.fullness.isNearlyFull = seen.isNearlyFull
        reports.update(\.store, seen)
      }, unfit: unfit)
    // It inspects over a session without an alarm: what it finds, it knows.
    let damage = DamageWatch(
      eventLoop: eventLoop, stock: ShardedStore(scripts: scripts, links: links).stock, logger: Logger(label: "damage"),
      changed: { reports.update(\.damage, $0) })
    let alarm = StoreAlarm(damaged: { damage.sighted($0) }, forbidden: { watch.doubtRights() })
    (self.watch, self.damage) = (watch, damage)

    let administration = ShardedStore(scripts: scripts, links: links, fullness: store.fullness, alarm: alarm)
    let audit = ShardedStore(scripts: scripts, links: auditLinks, alarm: alarm)
    let service = StockService(stock: administration.stock, releaser: HoldReleaser(stock: administration.stock))
    controller = StockController(
      service: service, listing: StockListing(stock: administration.stock, service: service),
      audit: AuditService(stock: audit.stock, audit: audit.audit), eventLoop: eventLoop,
      logger: Logger(label: "stock"))
    leadership = Leadership(
      eventLoop: eventLoop,
      lease: StoreSession(scripts: scripts, link: leaseLinks.sender(of: slot), alarm: alarm).lease,
      releases: StoreSession(scripts: scripts, link: releaseLinks.sender(of: slot), alarm: alarm).lease,
      sweep: ShardedStore(scripts: scripts, links: sweepLinks, alarm: alarm).sweep, nodeID: settings.nodeId,
      now: { .now }, reports: reports)
  }

  func start() {
    for link in links { link.start() }
    watch.start()
    damage.start()
    leadership.start()
  }

  func stop() {
    watch.stop()
    damage.stop()
    leadership.stop()
    for link in links { link.stop() }
  }

  /// The coordinator has told what others have seen of the store.
  func heard(_ memory: StoreMemory) { watch.heard(memory) }

  /// What a shopper's request has found damaged.
  func sighted(_ damages: [StoreDamage]) { damage.sighted(damages) }

  /// A shopper's request was refused for a lack of rights.
  func forbidden() { watch.doubtRights() }

  func serve(_ request: Request, answer: @escaping (Response) -> Void) {
    switch request.operation {
    case .setStock: controller.set(request, answer: answer)
    case .adjustStock: controller.adjust(request, answer: answer)
    case .deleteStock: controller.delete(request, answer: answer)
    case .listStock: controller.list(request, answer: answer)
    case .audit: controller.audit(request, answer: answer)
    case .reserve, .confirm, .cancel, .extend, .readReservation, .readStock, .live, .ready, .health, .metrics, .openAPI:
      preconditionFailure("\(request.operation) is served by the data plane")
    }
  }
}
