import NIOCore

extension RedisLink {
  package struct Configuration: Sendable {
    package var url: RedisURL
    package var tls: RedisTLS?
    /// Shown by CLIENT LIST.
    package var clientName: String
    /// Scripts loaded by the handshake, so that the first calls find them.
    package var scripts: [Script]
    /// A key that never exists, among those that the Redis user has a right to (``LinkQuestion/write``).
    package var vacantKey: String
    /// Commands that may be waiting or unanswered.
    package var maxPending: Int

    package init(
      url: RedisURL, tls: RedisTLS? = nil, clientName: String, scripts: [Script] = [], vacantKey: String,
      maxPending: Int = 8192
    ) {
      self.url = url
      self.tls = tls
      self.clientName = clientName
      self.scripts = scripts
      self.vacantKey = vacantKey
      self.maxPending = maxPending
    }

    var problem: LinkProblem {
      LinkProblem(url: url, authorities: tls?.authorities ?? RedisTLS.systemAuthorities)
    }
  }

  package struct Status: Sendable {
    package var isUp: Bool
    /// For how long Redis has served nothing on this link; nil while it serves.
    package var downFor: TimeAmount?
    /// There is a connection, and Redis answers on it, but only to refuse.
    package var isRefused = false
    package var pending: Int
    package var reconnects: Int
    /// Why it serves nothing, in plain words; nil while it serves.
    package var lastProblem: String?
    /// What works less well than it could, in plain words.
    package var warnings: [String] = []
  }
}
