import Common
import Logging
import NIOCore

/// What must neither wait for shoppers nor keep them waiting, on an event loop and links of its own: stock
/// administration, the audit, the watch over the store, the election of a leader and the sweep.
final class BackOffice {
  /// What the back office lets the front know.
  enum Report: Sendable {
    case store(StoreReport)
    case lease(LeaseReport)
    case sweep(SweepReport)
  }

  private let controller: StockController
  private let links: [RedisLink]
  private let probes: [LinkProbe]
  private let writer: KeyedWriter
  private let link: RedisLink
  private var watch: StoreWatch?
  let leadership: Leadership

  init(
    eventLoop: any EventLoop, scripts: ScriptLibrary, makeLink: (any EventLoop, String, [Script]) -> RedisLink,
    settings: NodeSettings
  ) {
    link = makeLink(eventLoop, "administration", scripts.forOperators)
    let auditLink = makeLink(eventLoop, "audit", scripts.forOperators)
    links = [link, auditLink]
    probes = links.map { LinkProbe(link: $0) }
    let runner = ScriptRunner(link: link)
    writer = KeyedWriter(runner: runner)
    let stock = StockRepository(scripts: scripts, runner: runner, writer: writer)
    let service = StockService(stock: stock, releaser: HoldReleaser(stock: stock))
    let auditRunner = ScriptRunner(link: auditLink)
    let audited = StockRepository(scripts: scripts, runner: auditRunner, writer: KeyedWriter(runner: auditRunner))
    controller = StockController(
      service: service, listing: StockListing(stock: stock, service: service),
      audit: AuditService(stock: audited, link: auditLink), logger: Logger(label: "stock"))
    leadership = Leadership(eventLoop: eventLoop, scripts: scripts, makeLink: makeLink, nodeID: settings.nodeId)
  }

  func start(report: @escaping @Sendable (Report) -> Void, unfit: @escaping @Sendable (StoreWatch.Unfit) -> Void) {
    for link in links { link.start() }
    for probe in probes { probe.start() }
    let watch = StoreWatch(
      link: link, logger: Logger(label: "store"),
      report: { [writer] seen in
        writer.storeIsNearlyFull = seen.isNearlyFull
        report(.store(seen))
      }, unfit: unfit)
    watch.start()
    self.watch = watch
    leadership.start { report($0) }
  }

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
    default: preconditionFailure("\(request.operation) is served in front")
    }
  }
}
