import Common
import NIOCore
import NIOPosix
import RedisClient
import TestSupport

@testable import Node
@testable import Store

/// A node without HTTP: repositories and services over real links, on an event loop.
final class Engine: Sendable {
  /// Belongs to the event loop.
  final class Parts {
    let store: ShardedStore
    let caller: StoreCaller
    let writer: KeyedWriter
    let reservations: ReservationService
    let stock: StockService
    let listing: StockListing
    let audit: AuditService

    init(scripts: ScriptLibrary, link: RedisLink, auditLink: RedisLink) {
      store = ShardedStore(scripts: scripts, link: link)
      (caller, writer) = (store[scripts.shard].caller, store[scripts.shard].writer)
      let releaser = HoldReleaser(stock: store.stock)
      reservations = ReservationService(reservations: store.reservations, releaser: releaser)
      stock = StockService(stock: store.stock, releaser: releaser)
      listing = StockListing(stock: store.stock, service: stock)
      let auditStore = ShardedStore(scripts: scripts, link: auditLink)
      audit = AuditService(stock: auditStore.stock, audit: auditStore.audit)
    }
  }

  /// A negative age, which gives more time than a node allows. These tests are not about answers in time.
  static let patience = TimeAmount.seconds(-30)

  let link: LinkHandle
  let auditLink: LinkHandle
  let parts: NIOLoopBound<Parts>

  /// - Parameter auditURL: the server of the audit's link. Nil for the same server as all links.
  init(_ url: String, scripts: ScriptLibrary = ScriptLibrary(tuning: .init())) async throws {
    let link = try await LinkHandle(url, scripts: scripts.forShoppers)
    let auditLink = try await LinkHandle(url, scripts: scripts.forOperators, eventLoop: link.eventLoop)
    parts = try await link.eventLoop.submit {
      NIOLoopBound(
        Parts(scripts: scripts, link: link.link.value, auditLink: auditLink.link.value), eventLoop: link.eventLoop)
    }.get()
    (self.link, self.auditLink) = (link, auditLink)
    try await link.whenUp()
    try await auditLink.whenUp()
  }

  /// Does what the call's controller does, and returns the answer.
  ///
  /// - Parameter age: how long ago the request arrived. A negative age gives more time than a node allows.
  func ask(_ call: Call, age: TimeAmount = .zero) async -> Answer { await ask([call], age: age)[0] }

  /// The same of several calls that come in one turn of the event loop.
  func ask(_ calls: [Call], age: TimeAmount = .zero) async -> [Answer] {
    await withCheckedContinuation { continuation in
      link.eventLoop.execute { [parts] in
        var answers = [Answer?](repeating: nil, count: calls.count)
        for (index, call) in calls.enumerated() {
          let context = CallContext(caller: call.caller, keyText: call.key, arrival: .now() - age)
          parts.value.perform(call.wish, context) { answer in
            answers[index] = answer
            let told = answers.compactMap(\.self)
            if told.count == calls.count { continuation.resume(returning: told) }
          }
        }
      }
    }
  }

  /// The parts of all carts have followed what was decided.
  func whenSettled() async throws {
    while try await link.eventLoop.submit({ [parts] in parts.value.store.cartsBeingSettled > 0 }).get() {
      await Task.yield()
    }
  }

  /// - Parameter age: as for ``ask(_:age:)``.
  func audit(after cursor: AuditService.Cursor? = nil, age: TimeAmount = .zero) async throws -> AuditService.Report {
    try await parts.task { await $0.audited(after: cursor, arrival: .now() - age) }.value.get()
  }

  /// The IDs of the outbox entries of one type.
  func idsOfEvents(_ type: String) async throws -> [String] {
    try await link.reply("XRANGE", "events", "-", "+").elements.compactMap { entry in
      let fields = entry.elements[1].elements
      return fields[1].text == type ? fields[3].text : nil
    }
  }

  /// Follows the cursors of the audit to the end.
  func wholeAudit() async throws -> AuditService.Report { try await slices().whole }

  /// Does the same, and also returns the number of answers.
  func slices() async throws -> (whole: AuditService.Report, count: Int) {
    var (whole, count) = (try await audit(), 1)
    while let next = whole.next {
      let slice = try await audit(after: next)
      whole.skus += slice.skus
      whole.violations += slice.violations
      whole.unverified += slice.unverified
      whole.next = slice.next
      count += 1
    }
    return (whole, count)
  }
}

extension Engine.Parts {
  func page(after cursor: IndexPlace?, limit: Int, arrival: NIODeadline) async -> Result<StockListing.Page, Problem> {
    do throws(Problem) {
      return .success(try await listing.page(after: cursor, limit: limit, arrival: arrival))
    } catch {
      return .failure(error)
    }
  }

  func audited(after cursor: AuditService.Cursor?, arrival: NIODeadline) async -> Result<AuditService.Report, Problem> {
    do throws(Problem) {
      return .success(try await audit.slice(after: cursor, arrival: arrival))
    } catch {
      return .failure(error)
    }
  }

  private func respond(
    _ answer: @escaping (Answer) -> Void, _ work: @escaping @Sendable (Engine.Parts) async -> Answer
  ) {
    NIOLoopBound((parts: self, answer: answer), eventLoop: caller.link.eventLoop).task { bound in
      bound.answer(await work(bound.parts))
    }
  }

  func perform(_ wish: Call.Wish, _ context: CallContext, answer: @escaping (Answer) -> Void) {
    switch wish {
    case .reserve(let basket):
      reservations.reserve(basket.request, context) { answer(Answer($0, status: 201)) }
    case .confirm(let id): reservations.confirm(id, context) { answer(Answer($0, status: 200)) }
    case .cancel(let id): reservations.cancel(id, context) { answer(Answer($0, status: 200)) }
    case .extend(let id, let ttlSeconds):
      reservations.extend(id, ttlSeconds: ttlSeconds, context) { answer(Answer($0, status: 200)) }
    case .readReservation(let id):
      reservations.read(id, arrival: context.arrival) { result in
        answer(Answer(result) { Answer(status: 200, body: String(buffer: $0.document)) })
      }
    case .readStock(let sku):
      stock.read(SKU(stored: sku.utf8), arrival: context.arrival) { result in
        answer(Answer(result) { Answer(status: 200, body: String(buffer: $0.document)) })
      }
    case .set(let sku, let total):
      stock.set(SKU(stored: sku.utf8), total: total, context) { answer(Answer($0)) }
    case .adjust(let sku, let delta, let reason):
      stock.adjust(SKU(stored: sku.utf8), delta: delta, reason: reason, context) { answer(Answer($0)) }
    case .delete(let sku):
      stock.delete(SKU(stored: sku.utf8), context) { result in
        answer(Answer(result) { Answer(status: 204, body: "", isReplay: $0.isReplay) })
      }
    case .list(let cursor, let limit):
      respond(answer) { parts in
        let page = await parts.page(
          after: cursor.flatMap(IndexPlace.init), limit: limit, arrival: context.arrival)
        return Answer(page) { page in
          let items = page.items.map { String(buffer: $0.document) }.joined(separator: ",")
          return Answer(status: 200, body: "[\(items)] next \(page.next?.description ?? "none")")
        }
      }
    case .audit:
      respond(answer) { parts in
        // Only violations, because the number of SKUs in a slice depends on time.
        Answer(await parts.audited(after: nil, arrival: context.arrival)) {
          Answer(status: 200, body: "\($0.violations) unverified \($0.unverified)")
        }
      }
    case .sweep: sweep(answer)
    }
  }
}
