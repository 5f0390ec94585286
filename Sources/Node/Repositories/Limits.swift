import NIOCore

/// The bounds of the contract (`openapi.yaml`). Operators may lower some of them by settings.
enum Limits {
  /// Most pieces of one SKU in one reservation, also after summing lines.
  static let quantity = 1_000_000
  /// Most pieces that a SKU may have in all.
  static let stockTotal = 1_000_000_000
  /// Most lines that a reservation may be asked for with.
  static let lines = 20
  static let skuLength = 64
  /// Longest `customerId` and `reference`.
  static let labelLength = 128
  static let reasonLength = 256
  static let idempotencyKeyLength = 255
  static let requestIDLength = 128
  static let ttlSeconds = 3600
  static let defaultTTLSeconds = 300
  /// No hold lives longer than this after it was made, however often it is extended.
  static let holdSeconds = 3600
  static let pageSize = 1000
  static let defaultPageSize = 100
  static let bodyBytes = 64 << 10
  static let headBytes = 16 << 10
}

/// How the two seconds in which every complete request is answered are spent, counted from its arrival.
enum Budget {
  static let answer = TimeAmount.seconds(2)
  /// A write does nothing if Redis runs it later than this…
  static let effect = TimeAmount.milliseconds(1400)
  /// …and its caller is told "outcome unknown" only after that.
  static let reply = TimeAmount.milliseconds(1500)
  /// Bounds of the one further try by which a write in doubt is settled (``KeyedWriter``).
  static let lastEffect = TimeAmount.milliseconds(1750)
  static let lastReply = TimeAmount.milliseconds(1900)
  /// A read is given up after this.
  static let read = TimeAmount.milliseconds(1500)
  /// Releasing due holds on the way of a request takes no longer than this.
  static let release = TimeAmount.milliseconds(500)
}
