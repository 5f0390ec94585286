/// How the store is cut into shards, as it stands in the store itself: `8`, or `8 -` where SKUs that are alike before a
/// separator stay together. A store of one shard that nobody has cut has no such key.
package struct StoreLayout: Equatable, Sendable {
  package let map: ShardMap

  package init(_ map: ShardMap) { self.map = map }

  package var text: String { "\(map.count)" + (map.separator.map { " \(Character(Unicode.Scalar($0)))" } ?? "") }

  /// Nil for what no node has written.
  package init?(stored text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard let count = words.first.flatMap({ Int($0) }), (1...ShardMap.maxCount).contains(count), words.count <= 2 else {
      return nil
    }
    var separator: UInt8?
    if words.count == 2 {
      guard let character = ShardMap.separator(of: words[1]) else { return nil }
      separator = character
    }
    map = ShardMap(count: count, separator: separator)
    guard self.text == text else { return nil }
  }
}

extension ShardMap {
  /// Nil for a text that is none of the marks in SKUs.
  package static func separator(of text: some StringProtocol) -> UInt8? {
    [".", "_", "-"].contains(text) ? text.utf8.first : nil
  }
}
