/// An instant as it stands in Redis: epoch milliseconds by Redis's clock. All have the same number of digits, and none
/// begins with a zero, so that scripts compare them as they are.
enum StoredInstant {
  static let digits = 13
  /// The greatest that has so many digits.
  static let greatest = (0..<digits).reduce(1) { power, _ in power * 10 } - 1
  /// As a Lua pattern.
  static let pattern = "[1-9]" + String(repeating: "%d", count: digits - 1)
  /// Scripts part it here, as Lua counts from the end: behind its seconds, before its milliseconds.
  static let secondsEnd = millisecondsStart - 1
  static let millisecondsStart = -3
}

extension Int64 {
  /// An instant in epoch milliseconds. Nil for a number that has more digits than Redis's clock can tell.
  init?(instant number: Int) {
    guard (0...StoredInstant.greatest).contains(number) else { return nil }
    self = Int64(number)
  }
}
