import Common
import NIOCore

/// The name of a thing that is sold: 1–64 of `A–Z a–z 0–9 . _ -`, the first a letter or digit.
struct SKU: Hashable, Comparable, Sendable {
  let text: String

  init?(_ text: String) {
    let bytes = text.utf8
    guard let first = bytes.first, bytes.count <= Limits.skuLength, first.isASCIIAlphanumeric,
      bytes.allSatisfy({
        $0.isASCIIAlphanumeric || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
      })
    else { return nil }
    self.text = text
  }

  /// What the store told; it holds valid names only.
  init(stored bytes: some Collection<UInt8>) { text = String(decoding: bytes, as: UTF8.self) }

  static func < (left: SKU, right: SKU) -> Bool { left.text.utf8.lexicographicallyPrecedes(right.text.utf8) }
}

extension UInt8 {
  var isASCIIAlphanumeric: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}

/// An unguessable, URL-safe name of a reservation: 128 random bits in base64url.
struct ReservationID: Equatable, Sendable {
  static let length = 22
  let text: String

  init() {
    var random = SystemRandomNumberGenerator()
    self.init(random: &random)
  }

  init(random: inout some RandomNumberGenerator) {
    text = Base64URL.text(of: random.next(), random.next())
  }

  /// Nil for what no reservation is called, so that it need not be asked for.
  init?(_ text: String) {
    guard text.utf8.count == Self.length,
      text.utf8.allSatisfy({ $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
    else { return nil }
    self.text = text
  }
}

/// So many pieces of one SKU.
struct ReservationLine: Equatable, Sendable {
  var sku: SKU
  var quantity: Int
}

/// A reservation as clients see it.
struct Reservation: Equatable, Sendable {
  enum Status: String, Sendable {
    case active = "ACTIVE"
    case confirmed = "CONFIRMED"
    case cancelled = "CANCELLED"
    case expired = "EXPIRED"

    /// The member that tells when a final state was reached.
    var instantName: String? {
      switch self {
      case .active: nil
      case .confirmed: "confirmedAt"
      case .cancelled: "cancelledAt"
      case .expired: "expiredAt"
      }
    }
  }

  var id: ReservationID
  var status: Status
  /// Merged, and sorted by SKU.
  var lines: [ReservationLine]
  /// `customerId` and `reference` as JSON members, each with a comma before it.
  var labels: ByteBuffer
  /// Instants are epoch milliseconds of Redis's clock.
  var createdAt: Int64
  var expiresAt: Int64
  /// When it was confirmed, cancelled or expired.
  var endedAt: Int64?

  /// The JSON document that clients get. Recorded answers are rebuilt by it, byte for byte: a change of this
  /// format needs a new version of the idempotency record (``IdempotencyRecord``), which keeps writing this one.
  var document: ByteBuffer {
    var body = ByteBufferAllocator().buffer(capacity: 320 + labels.readableBytes + 100 * lines.count)
    body.writeStaticString("{\"reservationId\":\"")
    body.writeString(id.text)
    body.writeStaticString("\",\"status\":\"")
    body.writeString(status.rawValue)
    body.writeStaticString("\",\"items\":")
    body.writeJSONArray(lines) { body, line in
      body.writeStaticString("{\"sku\":\"")
      body.writeString(line.sku.text)
      body.writeStaticString("\",\"quantity\":")
      body.writeDecimal(line.quantity)
      body.writeStaticString("}")
    }
    body.writeImmutableBuffer(labels)
    body.writeStaticString(",\"createdAt\":")
    body.writeJSONInstant(createdAt)
    body.writeStaticString(",\"expiresAt\":")
    body.writeJSONInstant(expiresAt)
    if let name = status.instantName, let endedAt {
      body.writeStaticString(",\"")
      body.writeString(name)
      body.writeStaticString("\":")
      body.writeJSONInstant(endedAt)
    }
    body.writeStaticString("}")
    return body
  }
}

/// The counters of a SKU as clients see them; `total = available + reserved + sold`.
struct Inventory: Equatable, Sendable {
  var sku: SKU
  var available: Int
  var total: Int
  var sold: Int
  /// The earliest deadline of its active holds, epoch milliseconds.
  var nextReleaseAt: Int64?

  var reserved: Int { total - available - sold }

  func write(to body: inout ByteBuffer) {
    body.writeStaticString("{\"sku\":\"")
    body.writeString(sku.text)
    body.writeStaticString("\",\"total\":")
    body.writeDecimal(total)
    body.writeStaticString(",\"available\":")
    body.writeDecimal(available)
    body.writeStaticString(",\"reserved\":")
    body.writeDecimal(reserved)
    body.writeStaticString(",\"sold\":")
    body.writeDecimal(sold)
    if let nextReleaseAt {
      body.writeStaticString(",\"nextReleaseAt\":")
      body.writeJSONInstant(nextReleaseAt)
    }
    body.writeStaticString("}")
  }

  var document: ByteBuffer {
    var body = ByteBuffer()
    write(to: &body)
    return body
  }
}

/// A SKU of which less is available than was asked for.
struct Shortage: Equatable, Sendable {
  var sku: SKU
  var requested: Int
  var available: Int
  var reserved: Int
  var nextReleaseAt: Int64?
}
