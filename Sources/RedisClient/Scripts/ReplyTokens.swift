import Common

/// Reads the tokens of a reply one by one. They are separated by single spaces.
package struct ReplyTokens: Equatable, Sendable {
  /// What has not been read yet.
  package private(set) var remainder: ArraySlice<UInt8>

  package init(_ bytes: ArraySlice<UInt8>) { remainder = bytes }

  package var isEmpty: Bool { remainder.isEmpty }

  package mutating func next() -> ArraySlice<UInt8>? {
    guard !remainder.isEmpty else { return nil }
    let end = remainder.firstIndex(of: UInt8(ascii: " ")) ?? remainder.endIndex
    let token = remainder[remainder.startIndex..<end]
    remainder = end == remainder.endIndex ? [] : remainder[(end + 1)...]
    return token
  }

  package mutating func nextText() -> String? {
    next().map { String(decoding: $0, as: UTF8.self) }
  }

  package mutating func nextInteger() -> Int? {
    next().flatMap(Int.init(decimal:))
  }
}
