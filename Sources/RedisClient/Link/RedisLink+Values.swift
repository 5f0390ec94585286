import NIOCore

extension RedisLink {
  /// Connect, AUTH and SELECT take at most so long together.
  static let handshakeLimit = TimeAmount.milliseconds(500)
  /// A link that owes replies and has been silent for so long is closed and made anew; before that it takes no further
  /// commands (``LinkMachine/silenceBeforeRefusing``).
  static let silenceBeforeClosing = TimeAmount.milliseconds(2500)
  /// Replicas have so long to take in what a flush has written.
  package static let replicaLimit = TimeAmount.milliseconds(400)
  /// A link that is left waits no longer for what was sent on it.
  static let leaveLimit = TimeAmount.milliseconds(100)

  package struct Configuration: Sendable {
    package var tls: RedisTLS?
    /// Shown by CLIENT LIST.
    package var clientName: String
    /// Scripts loaded by the handshake, so that the first calls find them.
    package var scripts: [Script]
    /// A key that never exists, among those that the Redis user has a right to (``LinkQuestion/write``).
    package var vacantKey: String
    /// So many replicas have a write before it is acknowledged, where its sender wants that.
    package var minReplicas: Int
    /// Commands that may be waiting or unanswered.
    package var maxPending: Int

    package init(
      tls: RedisTLS? = nil, clientName: String, scripts: [Script] = [], vacantKey: String, minReplicas: Int = 0,
      maxPending: Int = 8192
    ) {
      precondition(minReplicas >= 0, "0 waits for none")
      self.tls = tls
      self.clientName = clientName
      self.scripts = scripts
      self.vacantKey = vacantKey
      self.minReplicas = minReplicas
      self.maxPending = maxPending
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
    /// The server that the link leads to, `host:port`; nil without one.
    package var server: String?
    /// Why it serves nothing, in plain words; nil while it serves.
    package var lastProblem: String?
    /// What works less well than it could, in plain words.
    package var warnings: [String] = []
  }
}
