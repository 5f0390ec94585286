import Common

/// A name that a shopper gives: 1–128 visible ASCII characters.
package struct Label: Hashable, Sendable {
  package let text: String

  package init?(_ text: String) {
    let bytes = text.utf8
    guard (1...Limits.maxLabelCharacters).contains(bytes.count), bytes.allSatisfy(\.isVisibleASCII) else { return nil }
    self.text = text
  }

  /// A label from the store. Its reader has seen to it that it is visible ASCII.
  init(stored bytes: some Collection<UInt8>) { text = String(decoding: bytes, as: UTF8.self) }

  /// What scripts recognise a label by, as a Lua pattern: visible ASCII without quote and backslash. (In a set, a
  /// bracket that comes first stands for itself.) Those two are escaped in JSON: each such pair counts as one character.
  static let pattern = "[]-~!#-[]+"
  static let escapePattern = #"\["\]"#
}
