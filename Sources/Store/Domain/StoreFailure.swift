import RedisClient

/// Why a call of the store has no usable answer.
package enum StoreFailure: Error, Equatable, Sendable {
  /// Redis gave none, or refused. Its kinds differ in what the caller may do next.
  case redis(RedisFailure)
  /// What a script read is damaged: it wrote nothing.
  case damaged(StoreDamage)
  /// Redis was not asked: the store's last room is kept for what is held.
  case nearlyFull
  /// Other requests with the same idempotency key are on their way. Nothing was done.
  case contended(KeyObstacle)

  /// What Redis said, or what was found in it, for the log; nil where it said nothing.
  package var cause: String? {
    switch self {
    case .redis(let failure): failure.cause
    case .damaged(let damage): "damaged: \(damage)" + (damage.script.map { " (script \($0))" } ?? "")
    case .nearlyFull, .contended: nil
    }
  }
}

/// What stands under an idempotency key, and keeps a request from being judged.
package struct KeyObstacle: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    /// Another request's claim, at the key's own shard.
    case claim(KeyClaim.Claim)
    /// The claim by which the request came is void.
    case void
    /// Claims that came again and again, or could not be looked at.
    case rivals
  }

  let kind: Kind
}
