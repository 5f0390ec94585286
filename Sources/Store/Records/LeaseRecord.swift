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

  static let tokenDigits = 32
  /// Scripts cut the record by these places, as Lua counts them: from 1, ends included. One space parts two fields.
  static let tokenEnd = tokenDigits
  static let epochStart = tokenEnd + 2
  static let epochEnd = epochStart + StoredInstant.digits - 1
  /// The end of the epoch and the instant of acquisition.
  static let termEnd = epochEnd + 1 + StoredInstant.digits
  /// Where the holder is told: connection, node id, address.
  static let holderStart = termEnd + 2
  /// What scripts recognise the record by, as a Lua pattern.
  static let pattern =
    "^" + String(repeating: "%x", count: tokenDigits) + " " + StoredInstant.pattern + " " + StoredInstant.pattern
    + " %d+ %S+ %S+$"

  /// A token that nobody has had before.
  package static func newToken(using random: inout some RandomNumberGenerator) -> String {
    random.hexadecimal(digits: tokenDigits)
  }

  /// As it stands in the key: `token epoch acquired-at connection node-id address`.
  init?(_ tokens: inout ReplyTokens) {
    guard let token = tokens.nextText(), let epoch = tokens.nextInteger(), let acquiredAt = tokens.nextInteger(),
      let connection = tokens.nextInteger(), let nodeID = tokens.nextText(), let address = tokens.nextText()
    else { return nil }
    (self.token, self.epoch, self.acquiredAt) = (token, Int64(epoch), Int64(acquiredAt))
    (self.connection, self.nodeID, self.address) = (Int64(connection), nodeID, address)
  }
}
