import Common
import NIOCore

/// The counters of a SKU as clients see them; `total = available + reserved + sold`.
package struct Inventory: Equatable, Sendable {
  package var sku: SKU
  package var available: Int
  package var total: Int
  package var sold: Int
  /// The earliest deadline of its active holds, epoch milliseconds.
  package var nextReleaseAt: Int64?

  package var reserved: Int { total - available - sold }

  package func write(to body: inout ByteBuffer) {
    assert(available >= 0 && reserved >= 0 && sold >= 0, "scripts tell no other counters")
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

  package var document: ByteBuffer {
    var body = ByteBuffer()
    write(to: &body)
    return body
  }
}

/// A SKU of which less is available than was asked for, in pieces.
package struct Shortage: Equatable, Sendable {
  package var sku: SKU
  package var requested: Int
  package var available: Int
  package var reserved: Int
  /// The earliest deadline of its active holds, epoch milliseconds.
  package var nextReleaseAt: Int64?
}
