import Common
import NIOCore

/// A reservation as it stands in Redis: JSON that operators can read, with what scripts look at in fixed places, so
/// that no script needs to parse it.
///
///     {"v":1,"status":"ACTIVE","expiresAt":1763801100123,"createdAt":1763800800123,"items":{"A":2,"B":1},"customerId":"c"}
///     {"v":1,"status":"CONFIRMED","confirmedAt":1763800900456,"expiresAt":…
///
/// Where the store has several shards, its home has the lines of other shards behind those of its own; each of those has a
/// *part* of it under the same id, with the number of the home:
///
///     … "items":{"A":2},"elsewhere":{"B":1},"customerId":"c"}        … "items":{"B":1},"home":3}
///
/// The scripts write all that stands before `"items"`; the node gives them the rest (``tail(lines:elsewhere:labels:)``,
/// ``partTail(lines:home:)``). Scripts (`hold.lua`) and the reader below take what is written so, to the byte, and nothing
/// else; but a part is read by scripts alone.
enum StoredReservation {
  // What a record is made of, in this order. Scripts and the reader below know it from here.
  private static let opening = "{\"v\":1,\"status\":\""
  private static let deadlineMember = member("expiresAt")
  static let creationMember = member("createdAt")
  private static let itemsMember = ",\"items\":{"
  private static let elsewhereMember = ",\"elsewhere\":{"
  private static let homeMember = member("home")

  private static func member(_ name: String) -> String { ",\"" + name + "\":" }

  /// All that stands before the first instant, which is the deadline of an ACTIVE record, else that of its end.
  static func head(_ status: Reservation.Status) -> String {
    opening + status.rawValue + "\"" + (status.instantName.map(member) ?? deadlineMember)
  }

  /// Bytes of an ACTIVE record up to the end of its status, and of its deadline: what a script puts in the place of either.
  static let statusEnd = head(.active).utf8.count - deadlineMember.utf8.count
  static let deadlineEnd = head(.active).utf8.count + StoredInstant.digits

  /// What scripts recognise a record in this state by, as a Lua pattern. It captures: deadline, creation, where the
  /// lines begin.
  static func pattern(_ status: Reservation.Status) -> String {
    let end = status == .active ? "" : StoredInstant.pattern + deadlineMember
    let instant = "(\(StoredInstant.pattern))"
    return "^\(head(status))\(end)\(instant)\(creationMember)\(instant)\(itemsMember)()"
  }

  /// One line: SKU, quantity, the mark behind it, where the next begins.
  static let linePattern = "^\"(\(SKU.pattern))\":([1-9]%d*)([,}])()"
  /// What stands before the lines of other shards, and captures where they begin; and what ends a part.
  static let elsewherePattern = "^\(elsewhereMember)()"
  static let partPattern = "^\(homeMember)%d+}$"
  /// What may stand behind the lines: the customer, of which it captures what follows, and the end with or without it.
  static let customerPattern = "^\(Labels.customerIDMember)\"\(Label.pattern)\"(.*)$"
  static let referencePattern = "^\(Labels.referenceMember)\"\(Label.pattern)\"}$"

  struct Malformed: Error { let record: String }

  /// What the node gives to the reserve script: `,"items":{…},"customerId":…}`.
  ///
  /// - Parameter elsewhere: lines of other shards than its home.
  static func tail(lines: [ReservationLine], elsewhere: [ReservationLine] = [], labels: Labels) -> ByteBuffer {
    let count = lines.count + elsewhere.count
    var tail = ByteBufferAllocator().buffer(capacity: 48 + labels.roughByteCount + 80 * count)
    write(lines, behind: itemsMember, to: &tail)
    if !elsewhere.isEmpty { write(elsewhere, behind: elsewhereMember, to: &tail) }
    labels.write(to: &tail)
    tail.writeStaticString("}")
    return tail
  }

  /// The same of a part: `,"items":{…},"home":3}`.
  static func partTail(lines: [ReservationLine], home: Shard) -> ByteBuffer {
    var tail = ByteBufferAllocator().buffer(capacity: 48 + 80 * lines.count)
    write(lines, behind: itemsMember, to: &tail)
    tail.writeString(homeMember)
    tail.writeDecimal(home.number)
    tail.writeStaticString("}")
    return tail
  }

  private static func write(_ lines: [ReservationLine], behind member: String, to tail: inout ByteBuffer) {
    assert(zip(lines, lines.dropFirst()).allSatisfy { $0.sku < $1.sku }, "a SKU that stands there twice is damage")
    assert(!lines.isEmpty && lines.allSatisfy { $0.quantity > 0 }, "so is a reservation of nothing")
    tail.writeString(member)
    var separator: StaticString = "\""
    for line in lines {
      tail.writeStaticString(separator)
      tail.writeString(line.sku.text)
      tail.writeStaticString("\":")
      tail.writeDecimal(line.quantity)
      separator = ",\""
    }
    tail.writeStaticString("}")
  }

  /// Reads a record as of `now`: an ACTIVE one whose deadline is not after it has expired, swept or not.
  static func read(
    _ record: ArraySlice<UInt8>, id: ReservationID, now: Int64
  ) throws(Malformed) -> Reservation {
    var cursor = Cursor(record)
    guard cursor.skip(opening),
      let status = Reservation.Status(rawValue: String(decoding: cursor.upTo("\""), as: UTF8.self)),
      cursor.skip("\"")
    else { throw Malformed(record: String(decoding: record, as: UTF8.self)) }
    var endedAt: Int64?
    if let name = status.instantName {
      guard cursor.skip(member(name)), let instant = cursor.instant() else {
        throw Malformed(record: String(decoding: record, as: UTF8.self))
      }
      endedAt = instant
    }
    guard cursor.skip(deadlineMember), let expiresAt = cursor.instant(), cursor.skip(creationMember),
      let createdAt = cursor.instant(), cursor.skip(itemsMember), let lines = cursor.allLines(),
      let labels = cursor.labels(), cursor.skip("}"), cursor.rest.isEmpty,
      Limits.isLife(from: createdAt, to: expiresAt)
    else { throw Malformed(record: String(decoding: record, as: UTF8.self)) }
    let hasExpired = status == .active && expiresAt <= now
    return Reservation(
      id: id, status: hasExpired ? .expired : status, lines: lines, labels: labels,
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

    /// A number of one spelling: it has no zero before it.
    mutating func integer() -> Int? {
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      rest = rest[digits.endIndex...]
      return digits.first == UInt8(ascii: "0") ? nil : Int(decimal: digits)
    }

    mutating func instant() -> Int64? {
      let start = rest.startIndex
      guard let number = integer(), rest.startIndex - start == StoredInstant.digits else { return nil }
      return Int64(number)
    }

    /// Those of other shards among them.
    mutating func allLines() -> [ReservationLine]? {
      guard let own = lines() else { return nil }
      guard skip(elsewhereMember) else { return own }
      guard let others = lines() else { return nil }
      let all = (own + others).sorted { $0.sku < $1.sku }
      return zip(all, all.dropFirst()).allSatisfy { $0.sku != $1.sku } ? all : nil
    }

    /// `"A":2,"B":1}`
    private mutating func lines() -> [ReservationLine]? {
      var lines: [ReservationLine] = []
      repeat {
        guard skip("\"") else { return nil }
        let name = upTo("\"")
        guard let sku = SKU(String(decoding: name, as: UTF8.self)), skip("\":"), let quantity = integer(),
          (1...Limits.maxQuantity).contains(quantity), lines.last?.sku != sku
        else { return nil }
        lines.append(ReservationLine(sku: sku, quantity: quantity))
      } while skip(",")
      return skip("}") ? lines : nil
    }

    /// `,"customerId":"c","reference":"r"`, either of them or none.
    mutating func labels() -> Labels? {
      var labels = Labels()
      if skip(Labels.customerIDMember) {
        guard let label = label() else { return nil }
        labels.customerID = label
      }
      if skip(Labels.referenceMember) {
        guard let label = label() else { return nil }
        labels.reference = label
      }
      return labels
    }

    /// A label in its quotes: visible ASCII, escaped where JSON must have it so, and at least one character.
    private mutating func label() -> Label? {
      guard skip("\"") else { return nil }
      let plain = rest.prefix { $0.isVisibleASCII && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
      rest = rest[plain.endIndex...]
      if skip("\"") { return plain.isEmpty ? nil : Label(stored: plain) }
      // An escape: from here on the label is not what stands in the record.
      var text = Array(plain)
      while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "\""): return Label(stored: text)
        case UInt8(ascii: "\\"):
          guard let escaped = rest.popFirst(), escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\") else {
            return nil
          }
          text.append(escaped)
        case 0x21...0x7E: text.append(byte)
        default: return nil
        }
      }
      return nil
    }
  }
}
