/// Where a list of SKUs goes on: behind a member of their index, which need not be a SKU.
package struct IndexPlace: Equatable, Sendable, CustomStringConvertible {
  package let member: [UInt8]

  package init(after sku: SKU) { member = Array(sku.text.utf8) }

  /// - Parameter member: as it stands in the index. A member that is longer than any SKU is cut, since a place is told
  ///   in a URL. What begins like it is no SKU either, and is passed over with it.
  package init(after member: [UInt8]) {
    guard member.count > Limits.maxSKUCharacters + 1 else {
      self.member = member
      return
    }
    let (head, tail) = (member.prefix(Limits.maxSKUCharacters + 1), member.dropFirst(Limits.maxSKUCharacters + 1))
    self.member = head + tail.prefix { $0 == .max } + [.max]
  }

  /// Nil for a text that is no place's.
  package init?(_ text: String) {
    member = SKU(text) == nil ? [UInt8](hexadecimal: text.utf8.dropFirst()) : Array(text.utf8)
    guard !member.isEmpty, description == text else { return nil }
  }

  /// No SKU has a tilde, and it stands in a URL as it is.
  package var description: String {
    SKU(String(decoding: member, as: UTF8.self))?.text
      ?? "~" + member.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}

extension [UInt8] {
  /// The bytes that pairs of digits stand for, as far as they do.
  init(hexadecimal digits: some Collection<UInt8>) {
    let text = Array(digits)
    self = stride(from: 1, to: text.count, by: 2).compactMap { at in
      UInt8(String(decoding: text[at - 1...at], as: UTF8.self), radix: 16)
    }
  }
}
