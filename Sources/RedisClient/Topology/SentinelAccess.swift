/// How Sentinels are reached: who we are to them, which need not be who we are to the servers they watch.
package struct SentinelAccess: Sendable {
  package var user: String?
  package var password: String?
  /// Nil: without TLS.
  package var tls: RedisTLS?

  package init(user: String? = nil, password: String? = nil, tls: RedisTLS? = nil) {
    (self.user, self.password, self.tls) = (user, password, tls)
  }

  /// A Sentinel, as a connection is made to it.
  func url(of sentinel: ServerAddress) -> RedisURL {
    RedisURL(usesTLS: tls != nil, address: sentinel, user: user, password: password)
  }
}
