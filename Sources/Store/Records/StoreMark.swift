/// What tells one store from another (``StoreEvidence``): its identity, and the names of the marks that processes leave
/// in it. They are random hexadecimal digits.
enum StoreMark {
  static let nameDigits = 16
  static let identityDigits = 32
  /// What scripts recognise the identity by, as a Lua pattern.
  static let identityPattern = "^" + String(repeating: "%x", count: identityDigits) + "$"

  static func newName() -> String {
    var random = SystemRandomNumberGenerator()
    return random.hexadecimal(digits: nameDigits)
  }

  static func newIdentity() -> String {
    var random = SystemRandomNumberGenerator()
    return random.hexadecimal(digits: identityDigits)
  }
}
