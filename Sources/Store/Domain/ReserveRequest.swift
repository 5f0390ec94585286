/// What a shopper asks to be held, in its one normal form: the same for every spelling of the same wish.
package struct ReserveRequest: Equatable, Sendable {
  /// Merged, and sorted by SKU.
  package let lines: [ReservationLine]
  package let labels: Labels
  /// As asked for; nil if the default is wanted, which is another wish than the same number.
  package let ttlSeconds: Int?
  /// All of it in one line, for the fingerprint.
  package let canonical: String

  /// - Parameter lines: as asked for, in any order, the same SKU any number of times.
  package init(lines: [ReservationLine], labels: Labels, ttlSeconds: Int?) {
    assert(lines.count <= Limits.maxLines, "a request of more lines was to be refused")
    self.lines = Self.merged(lines)
    self.labels = labels
    self.ttlSeconds = ttlSeconds
    // No part can hold a line feed, and no label is empty.
    var canonical = ""
    for line in self.lines { canonical += "\(line.sku.text) \(line.quantity)," }
    canonical += "\n\(ttlSeconds.map(String.init) ?? "")\n\(labels.customerID?.text ?? "")"
    canonical += "\n\(labels.reference?.text ?? "")"
    self.canonical = canonical
  }

  private static func merged(_ lines: [ReservationLine]) -> [ReservationLine] {
    guard lines.count > 1 else { return lines }
    var quantities: [SKU: Int] = [:]
    for line in lines { quantities[line.sku, default: 0] += line.quantity }
    return quantities.map { ReservationLine(sku: $0.key, quantity: $0.value) }.sorted { $0.sku < $1.sku }
  }
}
