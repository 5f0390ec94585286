import Common
import Logging
import NIOCore
import TestSupport

@testable import Node
@testable import Store

/// All controllers for shoppers and operators, on a scripted link.
final class ControllerBench {
  let link = ScriptedLink()
  private let reservations: ReservationController
  private let stock: StockController

  /// - Parameter line: Redis's reply to every script. Nil for a store that can't be reached.
  init(saying line: String? = nil, caps: ReservationController.Caps = .init()) {
    let scripts = ScriptLibrary(tuning: .init())
    let session = ShardedStore(scripts: scripts, link: link)
    let releaser = HoldReleaser(stock: session.stock)
    let service = StockService(stock: session.stock, releaser: releaser)
    reservations = ReservationController(
      service: ReservationService(reservations: session.reservations, releaser: releaser), stock: service, caps: caps)
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    stock = StockController(
      service: service, listing: StockListing(stock: session.stock, service: service),
      audit: AuditService(stock: session.stock, audit: session.audit), eventLoop: link.loop, logger: logger)
    link.onSend = { command in
      if let line { command.line(line) } else { command.answer(.failure(.notSent(.offline))) }
    }
  }

  /// The answer to a request that may be served.
  func call(
    _ operation: Node.Operation, _ parameter: String = "", body: String = "", query: String = "", key: String? = nil
  ) -> Response? {
    let request = Request(
      operation: operation, parameter: parameter, query: query[...], id: "1",
      context: CallContext(caller: "-", keyText: key, arrival: link.loop.now), body: ByteBuffer(string: body))
    var told: Response?
    let answer = { (response: Response) in told = response }
    switch operation {
    case .reserve: reservations.reserve(request, answer: answer)
    case .confirm: reservations.confirm(request, answer: answer)
    case .cancel: reservations.cancel(request, answer: answer)
    case .extend: reservations.extend(request, answer: answer)
    case .readReservation: reservations.readReservation(request, answer: answer)
    case .readStock: reservations.readStock(request, answer: answer)
    case .setStock: stock.set(request, answer: answer)
    case .adjustStock: stock.adjust(request, answer: answer)
    case .deleteStock: stock.delete(request, answer: answer)
    case .listStock: stock.list(request, answer: answer)
    case .audit: stock.audit(request, answer: answer)
    case .live, .ready, .health, .metrics, .openAPI: break
    }
    link.loop.run()
    return told
  }
}

extension Response {
  /// The pointers of an invalid request's faults.
  func pointers() throws -> [String] {
    let errors = try body.json()["errors"] as? [[String: String]] ?? []
    return errors.compactMap { $0["pointer"] }
  }
}
