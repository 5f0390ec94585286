/// How to connect to Sentinels. The login may differ from the login at the servers they watch.
package struct SentinelAccess: Sendable {
  /// What the operator calls user and password. Messages name them, so that it is known what to mend.
  package struct LoginNames: Sendable {
    package var user: String
    package var password: String

    package init(user: String, password: String) {
      (self.user, self.password) = (user, password)
    }
  }

  package var user: String?
  package var password: String?
  /// Nil if nobody has named them.
  package var names: LoginNames?
  /// Nil for connections without TLS.
  package var tls: RedisTLS?

  package init(user: String? = nil, password: String? = nil, names: LoginNames? = nil, tls: RedisTLS? = nil) {
    (self.user, self.password, self.names, self.tls) = (user, password, names, tls)
  }

  /// The URL of a Sentinel.
  func url(of sentinel: ServerAddress) -> RedisURL {
    RedisURL(usesTLS: tls != nil, address: sentinel, user: user, password: password)
  }
}
