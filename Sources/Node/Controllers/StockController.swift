import Common
import Logging
import NIOCore
import Store

/// The operator's calls: stock, its list, and the audit. HTTP in, HTTP out.
final class StockController {
  typealias Answer = (Response) -> Void

  private let service: StockService
  private let listing: StockListing
  private let audit: AuditService
  private let eventLoop: any EventLoop
  private let logger: Logger

  /// - Parameter eventLoop: where the services live.
  init(
    service: StockService, listing: StockListing, audit: AuditService, eventLoop: any EventLoop, logger: Logger
  ) {
    self.service = service
    self.listing = listing
    self.audit = audit
    self.eventLoop = eventLoop
    self.logger = logger
  }

  func set(_ request: Request, answer: @escaping Answer) {
    withSKU(request, answer) { sku in
      switch readBody(request.body, { $0.integer("total", 0...Limits.maxStockTotal) }) {
      case .failure(let problem): answer(.problem(problem))
      case .success(let total):
        service.set(sku, total: total, request.context) { [self] result in
          answer(
            .of(result) { told in
              log("stock set", sku, request, ["total": .number(total)])
              return .json(told.value.isNew ? 201 : 200, told.value.inventory.document, isReplay: told.isReplay)
            })
        }
      }
    }
  }

  func adjust(_ request: Request, answer: @escaping Answer) {
    withSKU(request, answer) { sku in
      let read = readBody(request.body) { body in
        let delta = body.integer("delta", -Limits.maxStockTotal...Limits.maxStockTotal)
        if delta == 0 { body.fault("delta", "must not be 0") }
        let reason = body.optionalText("reason", 1...HTTPLimits.maxReasonCharacters)
        return delta.map { (delta: $0, reason: reason) }
      }
      switch read {
      case .failure(let problem): answer(.problem(problem))
      case .success(let wish):
        service.adjust(sku, delta: wish.delta, reason: wish.reason, request.context) { [self] result in
          answer(
            .of(result) { told in
              log("stock adjusted", sku, request, ["delta": .number(wish.delta)])
              return .json(200, told.value.inventory.document, isReplay: told.isReplay)
            })
        }
      }
    }
  }

  func delete(_ request: Request, answer: @escaping Answer) {
    withSKU(request, answer) { sku in
      service.delete(sku, request.context) { [self] result in
        answer(
          .of(result) { told in
            log("stock deleted", sku, request, [:])
            return .json(204, ByteBuffer(), isReplay: told.isReplay)
          })
      }
    }
  }

  func list(_ request: Request, answer: @escaping Answer) {
    var faults: [Fault] = []
    let limit = Self.limit(request, &faults)
    let cursor = Self.cursor(request, &faults, IndexPlace.init)
    guard faults.isEmpty else { return answer(.problem(.invalid(faults))) }
    respond(answer) { controller throws(Problem) in
      let page = try await controller.listing.page(after: cursor, limit: limit, arrival: request.context.arrival)
      return .json(200, page.document)
    }
  }

  func audit(_ request: Request, answer: @escaping Answer) {
    var faults: [Fault] = []
    let cursor = Self.cursor(request, &faults, AuditService.Cursor.init)
    guard faults.isEmpty else { return answer(.problem(.invalid(faults))) }
    respond(answer) { controller throws(Problem) in
      let report = try await controller.audit.slice(after: cursor, arrival: request.context.arrival)
      return .json(200, report.document)
    }
  }

  /// Answers with what async work comes to, done on the services' loop.
  private func respond(
    _ answer: @escaping Answer, _ work: @escaping @Sendable (StockController) async throws(Problem) -> Response
  ) {
    NIOLoopBound((controller: self, answer: answer), eventLoop: eventLoop).task { bound in
      do throws(Problem) {
        bound.answer(try await work(bound.controller))
      } catch {
        bound.answer(.problem(error))
      }
    }
  }

  private func withSKU(_ request: Request, _ answer: Answer, _ act: (SKU) -> Void) {
    guard let sku = SKU(request.parameter) else {
      return answer(.problem(.invalid([Fault("path/sku", SKU.rule)])))
    }
    act(sku)
  }

  /// How much a page may hold.
  private static func limit(_ request: Request, _ faults: inout [Fault]) -> Int {
    guard let text = request.queryValue("limit") else { return HTTPLimits.defaultPageItems }
    if let number = Int(decimal: text.utf8), (1...HTTPLimits.maxPageItems).contains(number) { return number }
    faults.append(Fault("query/limit", "must be a whole number from 1 to \(HTTPLimits.maxPageItems)"))
    return HTTPLimits.defaultPageItems
  }

  /// A cursor names what was told last. Clients need not know that.
  private static func cursor<Cursor>(
    _ request: Request, _ faults: inout [Fault], _ read: (String) -> Cursor?
  ) -> Cursor? {
    // An empty one, as in `cursor=`, is none.
    guard let text = request.queryValue("cursor"), !text.isEmpty else { return nil }
    let cursor = read(text)
    if cursor == nil { faults.append(Fault("query/cursor", "must be a nextCursor of an earlier answer")) }
    return cursor
  }

  private func log(_ message: Logger.Message, _ sku: SKU, _ request: Request, _ facts: Logger.Metadata) {
    let who: Logger.Metadata = [
      "sku": "\(sku.text)", "caller": "\(request.context.caller)", "requestID": "\(request.id)",
    ]
    logger.notice(message, metadata: who.merging(facts) { $1 })
  }
}

extension StockListing.Page {
  fileprivate var document: ByteBuffer {
    var body = ByteBufferAllocator().buffer(capacity: 64 + 160 * items.count)
    body.writeStaticString("{\"items\":")
    body.writeJSONArray(items) { $1.write(to: &$0) }
    if !damaged.isEmpty {
      body.writeStaticString(",\"damaged\":")
      body.writeJSONArray(damaged) { $0.writeJSONString($1.text) }
    }
    body.writeNextCursor(next?.description)
    body.writeStaticString("}")
    return body
  }
}

extension AuditService.Report {
  var document: ByteBuffer {
    var body = ByteBuffer()
    body.writeString("{\"consistent\":\(violations.isEmpty),\"skus\":\(skus),\"violations\":")
    body.writeJSONArray(violations) { body, violation in
      let sku = violation.sku.map { "\"sku\":\"\($0.text)\"," } ?? ""
      body.writeString("{\(sku)\"rule\":\"\(violation.rule.rawValue)\",")
      body.writeString("\"expected\":\(violation.expected),\"found\":\(violation.found)}")
    }
    body.writeStaticString(",\"unverified\":")
    body.writeJSONArray(unverified) { $0.writeJSONString($1.text) }
    body.writeNextCursor(next?.description)
    body.writeStaticString("}")
    return body
  }
}

extension ByteBuffer {
  fileprivate mutating func writeNextCursor(_ cursor: String?) {
    guard let cursor else { return }
    writeStaticString(",\"nextCursor\":\"")
    writeString(cursor)
    writeStaticString("\"")
  }
}
