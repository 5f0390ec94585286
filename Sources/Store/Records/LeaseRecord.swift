import RedisClient

/// What the lease key says: whose term it is.
package struct LeaseRecord: Equatable, Sendable {
  package var token: String
  package var epoch: Int64
  /// Epoch milliseconds by Redis's clock.
  package var acquiredAt: Int64
  /// Redis's number of the connection on which it was taken or renewed last.
  package var connection: Int64
  package var nodeID: String
  /// Where the node serves, `host:port`.
  package var address: String

  /// What scripts recognise it by, as a Lua pattern.
  static let pattern =
    "^" + String(repeating: "%x", count: 32) + " " + instant + " " + instant + " %d+ %S+ %S+$"
  private static let instant = String(repeating: "%d", count: 13)

  /// As it stands in the key: `token epoch acquired-at connection node-id address`.
  init?(_ tokens: inout ReplyTokens) {
    guard let token = tokens.nextText(), let epoch = tokens.nextInteger(), let acquiredAt = tokens.nextInteger(),
      let connection = tokens.nextInteger(), let nodeID = tokens.nextText(), let address = tokens.nextText()
    else { return nil }
    (self.token, self.epoch, self.acquiredAt) = (token, Int64(epoch), Int64(acquiredAt))
    (self.connection, self.nodeID, self.address) = (Int64(connection), nodeID, address)
  }
}
