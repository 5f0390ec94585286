/// The bounds of the contract (`openapi.yaml`). Operators may lower some of them by settings.
package enum Limits {
  /// Most pieces of one SKU in one reservation, also after summing lines.
  package static let quantity = 1_000_000
  /// Most pieces that a SKU may have in all.
  package static let stockTotal = 1_000_000_000
  /// Most lines that a reservation may be asked for with.
  package static let lines = 20
  package static let skuLength = 64
  /// Longest `customerId` and `reference`.
  package static let labelLength = 128
  package static let reasonLength = 256
  package static let idempotencyKeyLength = 255
  package static let ttlSeconds = 3600
  package static let defaultTTLSeconds = 300
  /// No hold lives longer than this after it was made, however often it is extended.
  package static let holdSeconds = 3600
  /// What is told to be further ahead of Redis's clock was written by nobody.
  static let millisecondsAhead: Int64 = 10 * 365 * 86_400_000

  /// Whether a hold can have lived from one instant to the other (epoch milliseconds).
  static func isLife(from createdAt: Int64, to expiresAt: Int64) -> Bool {
    (0...Int64(holdSeconds) * 1000).contains(expiresAt - createdAt)
  }

  package static let pageSize = 1000
  package static let defaultPageSize = 100
}
