import Common
import NIOCore

@testable import Node
@testable import Store

/// One request as its controller passes it on, with its key.
struct Call: Sendable, CustomStringConvertible {
  enum Wish: Equatable, Sendable {
    case reserve(Basket)
    case confirm(String)
    case cancel(String)
    case extend(String, ttlSeconds: Int)
    case readReservation(String)
    case readStock(String)
    case set(String, total: Int)
    case adjust(String, delta: Int, reason: String?)
    case delete(String)
    case list(after: String?, limit: Int)
    case audit
    /// Not a request: the leader sweeps until nothing is due.
    case sweep
  }

  /// The requested lines of a reserve, as written.
  struct Basket: Equatable, Sendable, CustomStringConvertible {
    var lines: [Line]
    var customerID: String?
    var reference: String?
    var ttlSeconds: Int?

    var description: String {
      let lines = lines.map { "\($0.quantity) \($0.sku)" }.joined(separator: " + ")
      return "\(lines) for \(ttlSeconds.map { "\($0) s" } ?? "-"), \(customerID ?? "-"), \(reference ?? "-")"
    }
  }

  struct Line: Equatable, Sendable {
    var sku: String
    var quantity: Int
  }

  var wish: Wish
  var caller = CallContext.anyone
  var key: String?

  var description: String {
    "\(wish)\(key.map { " by \(caller) under \($0)" } ?? "")"
  }
}

extension Call {
  static func reserve(_ sku: String, _ quantity: Int = 1, ttlSeconds: Int? = nil, key: String? = nil) -> Call {
    reserve([Line(sku: sku, quantity: quantity)], ttlSeconds: ttlSeconds, key: key)
  }

  static func reserve(_ lines: [Line], ttlSeconds: Int? = nil, key: String? = nil) -> Call {
    Call(wish: .reserve(Basket(lines: lines, ttlSeconds: ttlSeconds)), key: key)
  }
}

extension Call.Basket {
  var request: ReserveRequest {
    ReserveRequest(
      lines: lines.map { ReservationLine(sku: SKU(stored: $0.sku.utf8), quantity: $0.quantity) },
      labels: Labels(customerID: customerID.flatMap(Label.init), reference: reference.flatMap(Label.init)),
      ttlSeconds: ttlSeconds)
  }
}
