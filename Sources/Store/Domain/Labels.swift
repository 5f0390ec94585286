import Common
import NIOCore

/// The names by which a shopper knows a reservation.
package struct Labels: Hashable, Sendable {
  package var customerID: Label?
  package var reference: Label?

  package init(customerID: Label? = nil, reference: Label? = nil) {
    self.customerID = customerID
    self.reference = reference
  }

  /// What stands before a label in JSON.
  static let customerIDMember = ",\"customerId\":"
  static let referenceMember = ",\"reference\":"

  /// About how many bytes they take as JSON.
  var roughByteCount: Int {
    (customerID.map { $0.text.utf8.count + 20 } ?? 0) + (reference.map { $0.text.utf8.count + 20 } ?? 0)
  }

  /// Writes them as JSON members, each with a comma before it. Documents and records have them alike.
  func write(to body: inout ByteBuffer) {
    if let customerID {
      body.writeString(Self.customerIDMember)
      body.writeJSONString(customerID.text)
    }
    if let reference {
      body.writeString(Self.referenceMember)
      body.writeJSONString(reference.text)
    }
  }
}
