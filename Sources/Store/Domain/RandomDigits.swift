extension RandomNumberGenerator {
  /// Random hexadecimal digits, four bits each.
  ///
  /// - Parameter digits: how many; each number that is drawn gives 16.
  mutating func hexadecimal(digits: Int) -> String {
    precondition(digits % 16 == 0, "a number gives 16 digits")
    return (0..<digits / 16).map { _ in
      let text = String(next() as UInt64, radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }.joined()
  }
}
