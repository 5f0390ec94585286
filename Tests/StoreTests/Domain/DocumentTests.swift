import Common
import Foundation
import NIOCore
import TestSupport
import Testing

@testable import Store

/// The JSON that clients get follows the contract.
@Suite struct DocumentTests {
  @Test func `a reservation is the document of the contract`() {
    let reservation = Reservation(
      id: ReservationID("9tKc2VbQ0yXh4LrJmA7sEw") ?? ReservationID(), status: .confirmed,
      lines: ["B", "a"].map { ReservationLine(sku: SKU(stored: $0.utf8), quantity: 2) },
      labels: Labels(customerID: Label(#"c"1\"#), reference: Label("r")),
      createdAt: 1_795_337_100_123, expiresAt: 1_795_337_400_123, endedAt: 1_795_337_101_000)
    #expect(
      String(buffer: reservation.document) == """
        {"reservationId":"9tKc2VbQ0yXh4LrJmA7sEw","status":"CONFIRMED",\
        "items":[{"sku":"B","quantity":2},{"sku":"a","quantity":2}],"customerId":"c\\"1\\\\","reference":"r",\
        "createdAt":"2026-11-22T08:45:00.123Z","expiresAt":"2026-11-22T08:50:00.123Z",\
        "confirmedAt":"2026-11-22T08:45:01.000Z"}
        """)
  }

  @Test(arguments: UInt64(1)...10)
  func `every reservation is a whole document`(seed: UInt64) throws {
    var random = SeededRandom(seed)
    for _ in 0..<50 {
      let reservation = random.reservation()
      let json = try reservation.document.json()
      var names: Set = ["reservationId", "status", "items", "createdAt", "expiresAt"]
      if let name = reservation.status.instantName { names.insert(name) }
      #expect(Set(json.keys).subtracting(["customerId", "reference"]) == names)
      #expect(json["status"] as? String == reservation.status.rawValue)
      let items = json["items"] as? [[String: Any]] ?? []
      #expect(items.map { $0["sku"] as? String } == reservation.lines.map(\.sku.text))
      #expect(items.map { $0["quantity"] as? Int } == reservation.lines.map(\.quantity))
    }
  }

  @Test func `an inventory adds up`() throws {
    var random = SeededRandom(1)
    for _ in 0..<100 {
      let (available, reserved, sold) = (random.number(0...1000), random.number(0...1000), random.number(0...1000))
      let inventory = Inventory(
        sku: random.sku(), available: available, total: available + reserved + sold, sold: sold,
        nextReleaseAt: reserved > 0 ? 1_795_337_100_123 : nil)
      let json = try inventory.document.json()
      #expect(
        json["available"] as? Int == available && json["reserved"] as? Int == reserved && json["sold"] as? Int == sold)
      #expect(json["total"] as? Int == available + reserved + sold && json["sku"] as? String == inventory.sku.text)
      #expect(json["nextReleaseAt"] as? String == (reserved > 0 ? "2026-11-22T08:45:00.123Z" : nil))
      #expect(json.count == (reserved > 0 ? 6 : 5))
    }
  }
}
