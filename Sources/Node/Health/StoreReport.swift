import Common

/// What is known of Redis, and of the store in it.
struct StoreReport: Sendable {
  /// All that is asked at a start has been answered.
  var isChecked = true
  var version: String?
  /// Why nothing can be sold on it at present, in words.
  var faults: [String] = []
  /// What risks data, or works less well than it should, in words.
  var warnings: [String] = []
  /// So nearly that nothing new is taken.
  var isNearlyFull = false
  var usedBytes = 0
  /// 0 if there is no limit.
  var limitBytes = 0
  /// Nil until it is known.
  var replication: Replication?
  /// Redis's clock minus the node's, in milliseconds.
  var clockOffset: Int64?
  var judge = StoreJudge()
}

/// What is known to be damaged in the store.
struct DamageReport: Equatable, Sendable {
  /// Keys that are damaged now, as far as they were looked at.
  var count = 0
  /// A few of them.
  var words: [String] = []
}
