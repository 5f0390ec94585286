/// The bounds of what may be held and stocked (`openapi.yaml`). Operators may lower some of them by settings.
package enum Limits {
  /// Pieces of one SKU in one reservation, also after summing lines.
  package static let maxQuantity = 1_000_000
  /// Pieces that a SKU may have in all.
  package static let maxStockTotal = 1_000_000_000
  /// Lines of one request to reserve.
  package static let maxLines = 20
  package static let maxSKUCharacters = 64
  /// Of `customerId` and `reference`.
  package static let maxLabelCharacters = 128
  package static let maxTTLSeconds = 3600
  package static let defaultTTLSeconds = 300
  /// No hold lives longer than this after it was made, however often it is extended.
  package static let maxHoldSeconds = 3600
  /// An instant that is further ahead of Redis's clock was written by nobody.
  static let maxMillisecondsAhead: Int64 = 10 * 365 * 86_400_000

  /// Whether a hold can have lived from one instant to the other (epoch milliseconds).
  static func isLife(from createdAt: Int64, to expiresAt: Int64) -> Bool {
    (0...Int64(maxHoldSeconds) * 1000).contains(expiresAt - createdAt)
  }
}
