import NIOCore

/// A reservation as it stands in Redis: JSON that operators can read, with what scripts look at in fixed places, so
/// that no script needs to parse it.
///
///     {"v":1,"status":"ACTIVE","expiresAt":1763801100123,"createdAt":1763800800123,"items":{"A":2,"B":1},"customerId":"c"}
///     {"v":1,"status":"CONFIRMED","confirmedAt":1763800900456,"expiresAt":…
///
/// The scripts write all that stands before `"items"`; the node gives them the rest (``tail(lines:labels:)``).
enum StoredReservation {
  /// Bytes before the first SKU of an ACTIVE record.
  static let itemsOffset = 86

  struct Malformed: Error { let record: String }

  /// What the node gives to the reserve script: `,"items":{…},"customerId":…}`.
  static func tail(lines: [ReservationLine], labels: ByteBuffer) -> ByteBuffer {
    var tail = ByteBufferAllocator().buffer(capacity: 32 + labels.readableBytes + 80 * lines.count)
    var separator: StaticString = ",\"items\":{\""
    for line in lines {
      tail.writeStaticString(separator)
      tail.writeString(line.sku.text)
      tail.writeStaticString("\":")
      tail.writeDecimal(line.quantity)
      separator = ",\""
    }
    tail.writeStaticString("}")
    tail.writeImmutableBuffer(labels)
    tail.writeStaticString("}")
    return tail
  }

  /// Reads a record as of `now`: an ACTIVE one whose deadline is not after it has expired, swept or not.
  static func read(
    _ record: ArraySlice<UInt8>, id: ReservationID, now: Int64
  ) throws(Malformed) -> Reservation {
    var cursor = Cursor(record)
    guard cursor.skip("{\"v\":1,\"status\":\""),
      let status = Reservation.Status(rawValue: String(decoding: cursor.upTo("\""), as: UTF8.self)),
      cursor.skip("\"")
    else { throw Malformed(record: String(decoding: record, as: UTF8.self)) }
    var endedAt: Int64?
    if let name = status.instantName {
      guard cursor.skip(",\""), cursor.skip(name), cursor.skip("\":"), let instant = cursor.integer() else {
        throw Malformed(record: String(decoding: record, as: UTF8.self))
      }
      endedAt = Int64(instant)
    }
    guard cursor.skip(",\"expiresAt\":"), let expiresAt = cursor.integer(), cursor.skip(",\"createdAt\":"),
      let createdAt = cursor.integer(), cursor.skip(",\"items\":{"), let lines = cursor.lines(),
      cursor.rest.last == UInt8(ascii: "}")
    else { throw Malformed(record: String(decoding: record, as: UTF8.self)) }
    let hasExpired = status == .active && Int64(expiresAt) <= now
    return Reservation(
      id: id, status: hasExpired ? .expired : status, lines: lines, labels: ByteBuffer(bytes: cursor.rest.dropLast()),
      createdAt: Int64(createdAt), expiresAt: Int64(expiresAt), endedAt: hasExpired ? Int64(expiresAt) : endedAt)
  }

  private struct Cursor {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func skip(_ text: some StringProtocol) -> Bool {
      guard rest.starts(with: text.utf8) else { return false }
      rest = rest.dropFirst(text.utf8.count)
      return true
    }

    mutating func upTo(_ end: Unicode.Scalar) -> ArraySlice<UInt8> {
      let taken = rest.prefix { $0 != UInt8(ascii: end) }
      rest = rest[taken.endIndex...]
      return taken
    }

    mutating func integer() -> Int? {
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      rest = rest[digits.endIndex...]
      return Int(decimal: digits)
    }

    /// `"A":2,"B":1}`
    mutating func lines() -> [ReservationLine]? {
      var lines: [ReservationLine] = []
      repeat {
        guard skip("\"") else { return nil }
        let sku = upTo("\"")
        guard skip("\":"), let quantity = integer() else { return nil }
        lines.append(ReservationLine(sku: SKU(stored: sku), quantity: quantity))
      } while skip(",")
      return skip("}") ? lines : nil
    }
  }
}
