import Common
import NIOCore

/// An unguessable, URL-safe name of a reservation: 128 random bits in base64url.
package struct ReservationID: Equatable, Sendable {
  package static let length = 22
  package let text: String

  package init() {
    var random = SystemRandomNumberGenerator()
    self.init(random: &random)
  }

  package init(random: inout some RandomNumberGenerator) {
    text = Base64URL.text(of: random.next(), random.next())
  }

  /// An id whose first bits tell its home (``ShardMap``); 116 random bits are left.
  package init(random: inout some RandomNumberGenerator, home: Shard) {
    let rest = (random.next() as UInt64) & (.max >> Self.homeBits)
    text = Base64URL.text(of: UInt64(home.number) << (64 - Self.homeBits) | rest, random.next())
  }

  /// The first two characters.
  static let homeBits = 12

  /// What those bits say, whether there is such a shard or not.
  var homeNumber: Int {
    text.utf8.prefix(2).reduce(0) { $0 << 6 | Int(Base64URL.value(of: $1)) }
  }

  /// Nil for what no reservation is called, so that it need not be asked for.
  package init?(_ text: String) {
    guard text.utf8.count == Self.length,
      text.utf8.allSatisfy({ $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
    else { return nil }
    self.text = text
  }
}

/// So many pieces of one SKU.
package struct ReservationLine: Equatable, Sendable {
  package var sku: SKU
  package var quantity: Int

  package init(sku: SKU, quantity: Int) {
    self.sku = sku
    self.quantity = quantity
  }
}

/// A reservation as clients see it.
package struct Reservation: Equatable, Sendable {
  package enum Status: String, Sendable {
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

  package var id: ReservationID
  package var status: Status
  /// Merged, and sorted by SKU.
  package var lines: [ReservationLine]
  package var labels: Labels
  /// Instants are epoch milliseconds of Redis's clock.
  package var createdAt: Int64
  package var expiresAt: Int64
  /// When it was confirmed, cancelled or expired.
  package var endedAt: Int64?

  /// The JSON document that clients get. Recorded answers are rebuilt by it, byte for byte: a change of this
  /// format needs a new version of the idempotency record (``IdempotencyRecord``), which keeps writing this one.
  package var document: ByteBuffer {
    assert((status == .active) == (endedAt == nil), "what is final has ended, and nothing else has")
    var body = ByteBufferAllocator().buffer(capacity: 320 + labels.roughByteCount + 100 * lines.count)
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
    labels.write(to: &body)
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
