import NIOCore
import TestSupport

@testable import Store

extension SeededRandom {
  /// A SKU from few names, so that two are often the same.
  mutating func sku() -> SKU { SKU(text("ABab01", 1...1) + text("aB0._-", 0...3)) ?? SKU(stored: "A".utf8) }

  mutating func lines(_ count: ClosedRange<Int>) -> [ReservationLine] {
    (0..<number(count)).map { _ in ReservationLine(sku: sku(), quantity: pick([1, 2, number(1...50_000)])) }
  }

  /// A label of visible ASCII, or none.
  mutating func label() -> Label? {
    let visible = String(String.UnicodeScalarView((0x21...0x7E).map { Unicode.Scalar(UInt8($0)) }))
    return oneIn(2) ? nil : Label(text(visible, 1...20))
  }

  mutating func labels() -> Labels { Labels(customerID: label(), reference: label()) }

  mutating func reserveRequest() -> ReserveRequest {
    ReserveRequest(
      lines: lines(1...6), labels: labels(), ttlSeconds: oneIn(2) ? nil : number(1...3600))
  }

  mutating func reservation() -> Reservation {
    let wish = reserveRequest()
    let status = pick([Reservation.Status.active, .confirmed, .cancelled, .expired])
    let createdAt = Int64(number(1_700_000_000_000...1_999_999_999_999))
    let expiresAt = createdAt + Int64(number(1...3600)) * 1000
    let endedAt: Int64? =
      switch status {
      case .active: nil
      case .expired: expiresAt
      case .confirmed, .cancelled: createdAt + Int64(number(0...999))
      }
    return Reservation(
      id: ReservationID(), status: status, lines: wish.lines, labels: wish.labels, createdAt: createdAt,
      expiresAt: expiresAt, endedAt: endedAt)
  }
}

extension Reservation {
  /// The record that the scripts store: their own part, then the tail that the node gave them.
  var record: [UInt8] {
    var head = #"{"v":1,"status":"\#(status.rawValue)""#
    if let name = status.instantName, let endedAt { head += #","\#(name)":\#(endedAt)"# }
    head += #","expiresAt":\#(expiresAt),"createdAt":\#(createdAt)"#
    return Array(head.utf8) + Array(StoredReservation.tail(lines: lines, labels: labels).readableBytesView)
  }
}
