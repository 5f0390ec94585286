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
  private let logger: Logger

  init(service: StockService, listing: StockListing, audit: AuditService, logger: Logger) {
    self.service = service
    self.listing = listing
    self.audit = audit
    self.logger = logger
  }

  func set(_ request: Request, answer: @escaping Answer) {
    withSKU(request, answer) { sku in
      switch readBody(request.body, { $0.integer("total", 0...Limits.stockTotal) }) {
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
        let delta = body.integer("delta", -Limits.stockTotal...Limits.stockTotal)
        if delta == 0 { body.fault("delta", "must not be 0") }
        let reason = body.optionalText("reason", 1...Limits.reasonLength)
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
    var limit = Limits.defaultPageSize
    if let text = request.queryValue("limit") {
      if let number = Int(decimal: text.utf8), (1...Limits.pageSize).contains(number) {
        limit = number
      } else {
        faults.append(Fault("query/limit", "must be a whole number from 1 to \(Limits.pageSize)"))
      }
    }
    let cursor = Self.cursor(request, &faults, IndexPlace.init)
    guard faults.isEmpty else { return answer(.problem(.invalid(faults))) }
    listing.page(after: cursor, limit: limit, arrival: request.context.arrival) { result in
      answer(
        .of(result) { page in
          var body = ByteBufferAllocator().buffer(capacity: 64 + 160 * page.items.count)
          body.writeStaticString("{\"items\":")
          body.writeJSONArray(page.items) { $1.write(to: &$0) }
          if !page.damaged.isEmpty {
            body.writeStaticString(",\"damaged\":")
            body.writeJSONArray(page.damaged) { $0.writeJSONString($1.text) }
          }
          body.writeNextCursor(page.next?.description)
          body.writeStaticString("}")
          return .json(200, body)
        })
    }
  }

  func audit(_ request: Request, answer: @escaping Answer) {
    var faults: [Fault] = []
    let cursor = Self.cursor(request, &faults, AuditService.Cursor.init)
    guard faults.isEmpty else { return answer(.problem(.invalid(faults))) }
    audit.slice(after: cursor, arrival: request.context.arrival) { result in
      answer(.of(result) { .json(200, $0.document) })
    }
  }

  private func withSKU(_ request: Request, _ answer: Answer, _ act: (SKU) -> Void) {
    guard let sku = SKU(request.parameter) else {
      return answer(.problem(.invalid([Fault("path/sku", SKU.rule)])))
    }
    act(sku)
  }

  /// A cursor tells what was told last; clients need not know.
  private static func cursor<Cursor>(
    _ request: Request, _ faults: inout [Fault], _ read: (String) -> Cursor?
  ) -> Cursor? {
    // An empty one is what `cursor=` with nothing to go on from comes to.
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

extension ByteBuffer {
  mutating func writeNextCursor(_ cursor: String?) {
    guard let cursor else { return }
    writeStaticString(",\"nextCursor\":\"")
    writeString(cursor)
    writeStaticString("\"")
  }
}
