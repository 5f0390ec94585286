import NIOCore

/// What comes with each write: its idempotency key, if it has one, and when it was asked for.
package struct Write: Sendable {
  package var key: IdempotencyKey?
  /// Of what is asked for; set where there is a key.
  package var fingerprint: Fingerprint?
  package var arrival: NIODeadline
  /// Of the claim by which it comes, if it needs one (``KeyClaim``).
  var nonce: UInt64?
  /// Set where nothing may be written, and why: what was answered before is repeated, and anything else is refused so.
  var onlyReplays: StoreFailure?

  package init(key: IdempotencyKey?, fingerprint: Fingerprint?, arrival: NIODeadline) {
    assert((key == nil) == (fingerprint == nil), "a key without what it stands for answers any request")
    self.key = key
    self.fingerprint = fingerprint
    self.arrival = arrival
  }
}

extension Write {
  /// What its idempotency record begins with; empty for one without a key.
  var recordHead: String { fingerprint.map { IdempotencyRecord.head($0, nonce: nonce) } ?? "" }
}

extension RedisKeys {
  /// The name of the write's idempotency record; nil for one without a key.
  func record(of write: Write) -> String? { write.key.map(record) }

  /// The answer that a script has found recorded under the write's key; nil if it is another request's.
  func prior(_ reply: StoreReply<some KeyedVerdict>, _ write: Write) throws(StoreDamage) -> ArraySlice<UInt8>? {
    guard let fingerprint = write.fingerprint else { return nil }
    switch IdempotencyRecord.answer(in: reply.rest.remainder, for: fingerprint) {
    case .ours(let answer): return answer
    case .anothers: return nil
    case .damaged: throw damagedRecord(of: write)
    }
  }

  func damagedRecord(of write: Write) -> StoreDamage {
    StoreDamage(key: record(of: write) ?? "")
  }
}
