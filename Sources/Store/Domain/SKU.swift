import Common

/// The name of a thing that is sold: 1–64 of `A–Z a–z 0–9 . _ -`, the first a letter or digit.
package struct SKU: Hashable, Comparable, Sendable {
  package let text: String

  package init?(_ text: String) {
    let bytes = text.utf8
    guard let first = bytes.first, bytes.count <= Limits.maxSKUCharacters, first.isASCIIAlphanumeric,
      bytes.allSatisfy({
        $0.isASCIIAlphanumeric || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
      })
    else { return nil }
    self.text = text
  }

  /// The same for scripts, as a Lua pattern; they look at the length beside it.
  static let pattern = "%w[%w._-]*"

  /// What the store told; it holds valid names only.
  package init(stored bytes: some Collection<UInt8>) { text = String(decoding: bytes, as: UTF8.self) }

  package static func < (left: SKU, right: SKU) -> Bool { left.text.utf8.lexicographicallyPrecedes(right.text.utf8) }
}
