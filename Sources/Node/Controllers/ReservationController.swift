import Common
import NIOCore
import Store

/// The shop's calls: reserve, confirm, cancel, extend, and reading. HTTP in, HTTP out.
final class ReservationController {
  typealias Answer = (Response) -> Void

  /// The operator's own bounds, within those of the contract.
  struct Caps: Sendable {
    var quantity = Limits.maxQuantity
    var ttlSeconds = Limits.maxTTLSeconds
  }

  private let service: ReservationService
  private let stock: StockService
  private let caps: Caps

  init(service: ReservationService, stock: StockService, caps: Caps) {
    precondition(
      1...Limits.maxQuantity ~= caps.quantity && 1...Limits.maxTTLSeconds ~= caps.ttlSeconds,
      "operators may lower the contract's bounds, and no more")
    self.service = service
    self.stock = stock
    self.caps = caps
  }

  func reserve(_ request: Request, answer: @escaping Answer) {
    switch readBody(request.body, { Self.reserveRequest(&$0, caps) }) {
    case .failure(let problem): answer(.problem(problem))
    case .success(let wish):
      service.reserve(wish, request.context) { result in
        answer(
          .of(result) { told in
            var response = Response.json(201, told.value.document, isReplay: told.isReplay)
            response.headers.append(.init("Location", "/reservations/\(told.value.id.text)"))
            return response
          })
      }
    }
  }

  /// What the body of a reserve asks for.
  static func reserveRequest(_ body: inout BodyReader, _ caps: Caps) -> ReserveRequest? {
    let lines: [ReservationLine]?
    if body.has("items") {
      lines = body.objects("items", 1...Limits.maxLines) { line(&$0, caps) }
      for name in ["sku", "quantity"] where body.has(name) { body.fault(name, "must not stand beside \"items\"") }
    } else {
      lines = line(&body, caps).map { [$0] }
    }
    let ttlSeconds = body.optionalInteger("ttlSeconds", 1...caps.ttlSeconds)
    let labels = Labels(customerID: body.label("customerId"), reference: body.label("reference"))
    guard let lines else { return nil }
    let request = ReserveRequest(lines: lines, labels: labels, ttlSeconds: ttlSeconds)
    for line in request.lines where line.quantity > caps.quantity {
      body.fault(
        "items", "\(line.sku.text) comes to \(line.quantity); at most \(caps.quantity) can be reserved at once")
    }
    return request
  }

  private static func line(_ body: inout BodyReader, _ caps: Caps) -> ReservationLine? {
    let sku = body.sku("sku")
    let quantity = body.integer("quantity", 1...caps.quantity)
    guard let sku, let quantity else { return nil }
    return ReservationLine(sku: sku, quantity: quantity)
  }

  func confirm(_ request: Request, answer: @escaping Answer) {
    checkOut(request, answer) { body in
      body.text("reservationId").map { id in { [service] in service.confirm(id, request.context, completion: $0) } }
    }
  }

  func cancel(_ request: Request, answer: @escaping Answer) {
    checkOut(request, answer) { body in
      body.text("reservationId").map { id in { [service] in service.cancel(id, request.context, completion: $0) } }
    }
  }

  func extend(_ request: Request, answer: @escaping Answer) {
    checkOut(request, answer) { [caps] body in
      let id = body.text("reservationId")
      let ttlSeconds = body.integer("ttlSeconds", 1...caps.ttlSeconds)
      guard let id, let ttlSeconds else { return nil }
      return { [service] in service.extend(id, ttlSeconds: ttlSeconds, request.context, completion: $0) }
    }
  }

  private typealias Step = (@escaping ReservationService.Completion<Told<Reservation>>) -> Void

  private func checkOut(_ request: Request, _ answer: @escaping Answer, _ read: (inout BodyReader) -> Step?) {
    switch readBody(request.body, read) {
    case .failure(let problem): answer(.problem(problem))
    case .success(let step):
      step { result in answer(.of(result) { .json(200, $0.value.document, isReplay: $0.isReplay) }) }
    }
  }

  func readReservation(_ request: Request, answer: @escaping Answer) {
    service.read(request.parameter, arrival: request.context.arrival) { result in
      answer(.of(result) { .json(200, $0.document) })
    }
  }

  func readStock(_ request: Request, answer: @escaping Answer) {
    guard let sku = SKU(request.parameter) else {
      return answer(.problem(.invalid([Fault("path/sku", SKU.rule)])))
    }
    stock.read(sku, arrival: request.context.arrival) { result in answer(.of(result) { .json(200, $0.document) }) }
  }
}

extension Response {
  /// The answer of a result: its problem, or what `success` makes of its value.
  static func of<Value>(_ result: Result<Value, Problem>, _ success: (Value) -> Response) -> Response {
    switch result {
    case .success(let value): success(value)
    case .failure(let problem): .problem(problem)
    }
  }
}
