import Common
import NIOCore

/// A reservation as it stands in Redis: JSON that operators can read, with what scripts look at in fixed places, so
/// that no script needs to parse it.
///
///     {"v":1,"status":"ACTIVE","expiresAt":1763801100123,"createdAt":1763800800123,"items":{"A":2,"B":1},"customerId":"c"}
///     {"v":1,"status":"CONFIRMED","confirmedAt":1763800900456,"expiresAt":…
///
/// The scripts write all that stands before `"items"`; the node gives them the rest (``tail(lines:labels:)``).
enum StoredReservation {
  /// Bytes of an ACTIVE record up to the end of its status, and of its deadline: what a script puts in the place of either.
  static let statusEnd = 24
  static let deadlineEnd = 50

  /// What scripts recognise a record by, as Lua patterns. They capture: deadline, creation, where the lines begin.
  static let activePattern =
    #"^{"v":1,"status":"ACTIVE","expiresAt":(\#(instant)),"createdAt":(\#(instant)),"items":{()"#
  /// The status before those.
  static let finalPattern =
    #"^{"v":1,"status":"(%u+)","%l+At":\#(instant),"expiresAt":(\#(instant)),"createdAt":(\#(instant)),"items":{()"#
  /// One line: SKU, quantity, the mark behind it, where the next begins.
  static let linePattern = #"^"(%w[%w._-]*)":([1-9]%d*)([,}])()"#

  private static let instant = String(repeating: "%d", count: 13)

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
      guard cursor.skip(",\""), cursor.skip(name), cursor.skip("\":"), let instant = cursor.instant() else {
        throw Malformed(record: String(decoding: record, as: UTF8.self))
      }
      endedAt = instant
    }
    guard cursor.skip(",\"expiresAt\":"), let expiresAt = cursor.instant(), cursor.skip(",\"createdAt\":"),
      let createdAt = cursor.instant(), cursor.skip(",\"items\":{"), let lines = cursor.lines(),
      let labels = cursor.labels(), cursor.skip("}"), cursor.rest.isEmpty,
      Limits.isLife(from: createdAt, to: expiresAt)
    else { throw Malformed(record: String(decoding: record, as: UTF8.self)) }
    let hasExpired = status == .active && expiresAt <= now
    return Reservation(
      id: id, status: hasExpired ? .expired : status, lines: lines, labels: ByteBuffer(bytes: labels),
      createdAt: createdAt, expiresAt: expiresAt, endedAt: hasExpired ? expiresAt : endedAt)
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

    mutating func instant() -> Int64? { integer().flatMap(Int64.init(instant:)) }

    /// `"A":2,"B":1}`
    mutating func lines() -> [ReservationLine]? {
      var lines: [ReservationLine] = []
      repeat {
        guard skip("\"") else { return nil }
        let name = upTo("\"")
        guard let sku = SKU(String(decoding: name, as: UTF8.self)), skip("\":"), let quantity = integer(),
          (1...Limits.quantity).contains(quantity), lines.last?.sku != sku
        else { return nil }
        lines.append(ReservationLine(sku: sku, quantity: quantity))
      } while skip(",")
      return skip("}") ? lines : nil
    }

    /// `,"customerId":"c","reference":"r"`, either of them or none: bytes that can be told as they are.
    mutating func labels() -> ArraySlice<UInt8>? {
      let start = rest
      for name in [",\"customerId\":\"", ",\"reference\":\""] where skip(name) {
        guard skipLabel() else { return nil }
      }
      return start[..<rest.startIndex]
    }

    /// The text of a label to its closing quote: visible ASCII, escaped where JSON must have it so.
    private mutating func skipLabel() -> Bool {
      while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "\""): return true
        case UInt8(ascii: "\\"):
          guard let escaped = rest.popFirst(), [UInt8(ascii: "\""), UInt8(ascii: "\\")].contains(escaped) else {
            return false
          }
        case 0x21...0x7E: break
        default: return false
        }
      }
      return false
    }
  }
}
