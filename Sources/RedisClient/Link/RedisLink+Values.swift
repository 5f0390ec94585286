import NIOCore

extension RedisLink {
  /// Connecting and the whole handshake together take at most this long.
  static let handshakeLimit = TimeAmount.milliseconds(500)
  /// A link that owes replies and has been silent this long is closed, and a new connection is made. Before that it
  /// already takes no more commands (``LinkMachine/silenceBeforeRefusing``).
  static let silenceBeforeClosing = TimeAmount.milliseconds(2500)
  /// How long the replicas have to confirm the writes of one flush.
  package static let replicaLimit = TimeAmount.milliseconds(400)
  /// How long a link that is leaving waits for the replies that are still due.
  static let leaveLimit = TimeAmount.milliseconds(100)

  package struct Configuration: Sendable {
    package var tls: RedisTLS?
    /// The name shown by CLIENT LIST.
    package var clientName: String
    /// Scripts loaded by the handshake, so that the first calls find them.
    package var scripts: [Script]
    /// A key that never exists, and that the Redis user may write (``LinkQuestion/write``).
    package var vacantKey: String
    /// How many replicas must have a write before it is acknowledged, if its sender asks for that.
    package var minReplicas: Int
    /// Commands that may be waiting or unanswered.
    package var maxPending: Int

    package init(
      tls: RedisTLS? = nil, clientName: String, scripts: [Script] = [], vacantKey: String, minReplicas: Int = 0,
      maxPending: Int = 8192
    ) {
      precondition(minReplicas >= 0, "minReplicas must not be negative")
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
    /// For how long Redis has served nothing on this link. Nil while it serves.
    package var downFor: TimeAmount?
    /// Whether Redis answers on the connection, but refuses every command.
    package var isRefused = false
    package var pending: Int
    package var reconnects: Int
    /// The server that the link is connected to, `host:port`. Nil without a connection.
    package var server: String?
    /// Why it serves nothing, in plain words. Nil while it serves.
    package var lastProblem: String?
    /// What works less well than it could, in plain words.
    package var warnings: [String] = []
    /// How many shards no server serves, where there are several servers.
    package var unservedShards = 0
  }
}

extension RedisLink.Status {
  package init(isUp: Bool, pending: Int, reconnects: Int) {
    self.init(isUp: isUp, pending: pending, reconnects: reconnects, server: nil)
  }
}
