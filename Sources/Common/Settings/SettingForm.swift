/// The form of a setting's value: how it is read, and how that is said to an operator.
package struct SettingForm<Value: Sendable>: Sendable {
  /// Completes the sentence "must be …".
  package let allowed: String
  /// Reads the text of a value; nil if it is none.
  package let parse: @Sendable (String) -> Value?
  /// Says what is wrong with a text that is none, without repeating it. Nil where the form says all there is to say.
  package let fault: @Sendable (String) -> String?

  package init(
    _ allowed: String, fault: @escaping @Sendable (String) -> String? = { _ in nil },
    parse: @escaping @Sendable (String) -> Value?
  ) {
    self.allowed = allowed
    self.fault = fault
    self.parse = parse
  }
}

extension SettingForm<Int> {
  package static func integer(_ range: ClosedRange<Int>) -> Self {
    Self("an integer from \(range.lowerBound) to \(range.upperBound)") { text in
      Int(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }
}

extension SettingForm<Duration> {
  /// Seconds, with or without a fraction.
  package static func seconds(_ range: ClosedRange<Int>) -> Self {
    Self("seconds from \(range.lowerBound) to \(range.upperBound), fractions allowed") { text in
      // `Double` would also take hexadecimal numbers, infinity and the like.
      guard text.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }),
        let seconds = Double(text),
        (Double(range.lowerBound)...Double(range.upperBound)).contains(seconds)
      else { return nil }
      return .seconds(seconds)
    }
  }
}

extension SettingForm<Bool> {
  package static var boolean: Self { Self("true or false") { Bool($0) } }
}

extension SettingForm<String> {
  /// Any text but an empty one.
  package static func text(_ allowed: String) -> Self {
    Self(allowed) { $0.isEmpty ? nil : $0 }
  }

  /// A name that is safe in logs, labels and URLs.
  package static var name: Self {
    Self("1 to 64 of A-Z a-z 0-9 . _ -") { isName($0) ? $0 : nil }
  }

  private static func isName(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "._-".utf8.contains(byte)
        }
      }
  }
}

extension SettingForm where Value: CaseIterable & RawRepresentable<String> {
  package static var choice: Self {
    Self("one of " + Value.allCases.map(\.rawValue).joined(separator: ", ")) {
      Value(rawValue: $0)
    }
  }
}
