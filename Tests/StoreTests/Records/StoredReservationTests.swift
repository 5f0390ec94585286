import Foundation
import NIOCore
import TestSupport
import Testing

@testable import Store

@Suite struct StoredReservationTests {
  @Test(arguments: UInt64(1)...20)
  func `a record reads as the reservation it was made of`(seed: UInt64) throws {
    var random = SeededRandom(seed)
    for _ in 0..<100 {
      let reservation = random.reservation()
      #expect(try StoredReservation.read(reservation.record[...], id: reservation.id, now: 0) == reservation)
    }
  }

  @Test func `lines of other shards are read among those of home, and none stands there twice`() throws {
    let id = ReservationID()
    func record(_ lines: [String], elsewhere: [String]) throws -> [UInt8] {
      func read(_ names: [String]) throws -> [ReservationLine] {
        try names.map { ReservationLine(sku: try #require(SKU($0)), quantity: 2) }
      }
      let tail = StoredReservation.tail(lines: try read(lines), elsewhere: try read(elsewhere), labels: Labels())
      let head = StoredReservation.head(.active) + "1763801100123" + StoredReservation.creationMember + "1763800800123"
      return Array(head.utf8) + tail.readableBytesView
    }
    let cart = try StoredReservation.read(record(["B", "D"], elsewhere: ["A", "C"])[...], id: id, now: 0)
    #expect(cart.lines.map(\.sku.text) == ["A", "B", "C", "D"] && cart.labels == Labels())
    #expect(throws: StoredReservation.Malformed.self) {
      try StoredReservation.read(record(["B"], elsewhere: ["B"])[...], id: id, now: 0)
    }
  }

  @Test func `a record is JSON that operators can read`() throws {
    var random = SeededRandom(1)
    for _ in 0..<100 {
      let reservation = random.reservation()
      let json = try ByteBuffer(bytes: reservation.record).json()
      #expect(json["v"] as? Int == 1 && json["status"] as? String == reservation.status.rawValue)
      let items = Dictionary(uniqueKeysWithValues: reservation.lines.map { ($0.sku.text, $0.quantity) })
      #expect(json["items"] as? [String: Int] == items)
    }
  }

  /// Scripts read fixed positions instead of parsing (Lua counts from 1).
  @Test func `what scripts put anew stands in fixed places`() throws {
    var random = SeededRandom(2)
    for _ in 0..<50 {
      var reservation = random.reservation()
      reservation.status = .active
      reservation.endedAt = nil
      let text = String(decoding: reservation.record, as: UTF8.self)
      #expect(text.prefix(StoredReservation.statusEnd) == #"{"v":1,"status":"ACTIVE""#)
      #expect(text.prefix(StoredReservation.deadlineEnd).hasSuffix(#","expiresAt":\#(reservation.expiresAt)"#))
    }
  }

  /// The contract: from `expiresAt` on, no answer treats the hold as active, whether or not a sweep has run.
  @Test func `an active record has expired from its deadline on`() throws {
    var random = SeededRandom(3)
    var reservation = random.reservation()
    reservation.status = .active
    reservation.endedAt = nil
    func read(_ now: Int64) throws -> Reservation {
      try StoredReservation.read(reservation.record[...], id: reservation.id, now: now)
    }
    #expect(try read(reservation.expiresAt - 1) == reservation)
    for now in [reservation.expiresAt, reservation.expiresAt + 1, .max] {
      let expired = try read(now)
      #expect(expired.status == .expired && expired.endedAt == reservation.expiresAt)
      // This is the record after the sweep. The body of a final reservation never changes.
      var swept = reservation
      swept.status = .expired
      swept.endedAt = reservation.expiresAt
      #expect(try expired.document == StoredReservation.read(swept.record[...], id: swept.id, now: now).document)
    }
  }

  @Test func `a final record stays what it is`() throws {
    var random = SeededRandom(4)
    for _ in 0..<50 {
      let reservation = random.reservation()
      guard reservation.status != .active else { continue }
      #expect(try StoredReservation.read(reservation.record[...], id: reservation.id, now: .max) == reservation)
    }
  }

  @Test(arguments: UInt64(1)...10)
  func `a record that was cut short is malformed`(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let reservation = random.reservation()
    let record = reservation.record
    // A label may contain a brace. If the cut ends there, that brace may be taken for the record's own.
    for count in 0..<record.count where !(count > 0 && record[count - 1] == UInt8(ascii: "}")) {
      #expect(throws: StoredReservation.Malformed.self, "\(count)") {
        try StoredReservation.read(record.prefix(count), id: reservation.id, now: 0)
      }
    }
  }

  /// A record of one line that is active until a minute after 1795337100123, but for what is given.
  private static func record(
    v: Int = 1, _ status: String = #"ACTIVE""#, deadline: String = "1795337160123", created: String = "1795337100123",
    items: String = #"{"A":2}"#
  ) -> String {
    #"{"v":\#(v),"status":"\#(status),"expiresAt":\#(deadline),"createdAt":\#(created),"items":\#(items)}"#
  }

  @Test func `each of the records that are spoiled below is one but for that`() throws {
    for record in [Self.record(), Self.record(#"CONFIRMED","confirmedAt":1795337100124"#)] {
      _ = try StoredReservation.read(Array(record.utf8)[...], id: ReservationID(), now: 0)
    }
  }

  @Test(arguments: [
    "", "{}", "null", "x",
    record(v: 2), record(#"HELD""#), record(#"CONFIRMED""#), record(#"CONFIRMED","cancelledAt":1795337100124"#),
    record(deadline: ""), record(deadline: "179533716012"), record(deadline: "0795337160123"),
    record(created: "99999999999999999999"), record(created: "17953371001230"), record(created: "-795337100123"),
    record(items: "{}"), record(items: #"{"A":}"#), record(items: #"{"A":2,}"#), record(items: #"{"A":02}"#),
    record(items: #"{"A":0}"#), record(items: #"{"A":1000001}"#), record(items: #"{"A":2"#), record(items: #"{"A"#),
  ])
  func `what no script writes is malformed`(record: String) {
    #expect(throws: StoredReservation.Malformed.self) {
      try StoredReservation.read(Array(record.utf8)[...], id: ReservationID(), now: 0)
    }
  }

  @Test(arguments: UInt64(1)...20)
  func `a spoiled record is malformed, or else the very record of what is read`(seed: UInt64) {
    var random = SeededRandom(seed)
    var (read, malformed) = (0, 0)
    for _ in 0..<200 {
      var record = random.reservation().record
      for _ in 0..<random.number(1...3) { random.mutate(&record, with: Array(#"{}":,0123456789"#.utf8)) }
      guard let found = try? StoredReservation.read(record[...], id: ReservationID(), now: 0) else {
        malformed += 1
        continue
      }
      read += 1
      // Readers accept unsorted lines, but a node never stores them.
      guard zip(found.lines, found.lines.dropFirst()).allSatisfy({ $0.sku < $1.sku }) else { continue }
      #expect(found.record == record)
    }
    #expect(read > 0 && malformed > 0)
  }
}
