/// A key of the store that is not what it must be: missing, of another type, of other bytes, or impossible beside others.
///
/// Scripts name what they find and leave it as it is (`prelude.lua`).
package struct StoreDamage: Error, Hashable, Sendable, CustomStringConvertible {
  /// A script tells of no more in one reply.
  package static let maxPerReply = 100

  /// The SKU that it belongs to; nil for what all share, or where that can't be told.
  package var sku: SKU?
  /// Its name in Redis.
  package var key: String
  /// The script that met it, for the log; whoever meets it, it is the same damage.
  package var script: String?

  package static func == (one: Self, other: Self) -> Bool { one.sku == other.sku && one.key == other.key }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(sku)
    hasher.combine(key)
  }

  package var description: String { sku.map { "SKU \($0.text): \(key)" } ?? key }
}
