/// How to connect to Sentinels. The login may differ from the login at the servers they watch.
package struct SentinelAccess: Sendable {
  package var user: String?
  package var password: String?
  /// Nil for connections without TLS.
  package var tls: RedisTLS?

  package init(user: String? = nil, password: String? = nil, tls: RedisTLS? = nil) {
    (self.user, self.password, self.tls) = (user, password, tls)
  }

  /// The URL of a Sentinel.
  func url(of sentinel: ServerAddress) -> RedisURL {
    RedisURL(usesTLS: tls != nil, address: sentinel, user: user, password: password)
  }
}
