/// Why a command has no usable reply. The cases differ in what the caller may do next.
package enum RedisFailure: Error, Equatable, Sendable {
  /// It was never sent, or the server said that it did nothing. It has no effect and may be repeated.
  case notSent(NotSent)
  /// The server answered with an error before running it: it has no effect.
  case rejected(Rejection)
  /// It was sent, and its outcome is unknown. It may have taken effect, or may still do so until its not-after instant.
  case unknown(Unknown)

  package enum NotSent: Equatable, Sendable {
    /// The bounded queue is full.
    case overloaded
    /// There has been no link for longer than the grace for a quick reconnect.
    case offline
    /// It waited for a link until its deadline.
    case deadlinePassed
    /// The script ran past its not-after instant and did nothing.
    case late
  }

  /// The server's refusals that we treat in different ways.
  package enum Rejection: Equatable, Sendable {
    case noScript
    /// LOADING, BUSY, MASTERDOWN, CLUSTERDOWN: try again in a moment. TRYAGAIN, ASK: the same, when the slot has moved.
    /// ASK is not followed, because the other server does not have all keys of the slot yet. MOVED: the same, at the
    /// server that has the slot; the sender has heard of it.
    case notYet(String)
    /// READONLY: the server is a replica, and a new connection is needed.
    case readOnly(String)
    /// OOM, MISCONF, NOREPLICAS: the server currently takes no writes.
    case unwritable(String)
    /// Anything else: a defect in our code or in the server's settings.
    case other(String)

    /// The server's own words.
    package var line: String {
      switch self {
      case .noScript: "NOSCRIPT"
      case .notYet(let line), .readOnly(let line), .unwritable(let line), .other(let line): line
      }
    }

    package init(line: String) {
      let code = line.prefix { $0 != " " }
      switch code {
      case "NOSCRIPT": self = .noScript
      case "LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "ASK", "MOVED": self = .notYet(line)
      case "READONLY": self = .readOnly(line)
      case "OOM", "MISCONF", "NOREPLICAS": self = .unwritable(line)
      default: self = .other(line)
      }
    }
  }

  package enum Unknown: Equatable, Sendable {
    case deadlinePassed
    case linkLost
    /// It has run, and this is its reply. But the replicas may not have its write, so a failover may undo it. `because`
    /// is what Redis answered instead of the number of replicas, if it did.
    case notReplicated(RedisReply, because: String? = nil)
    /// The script failed while it ran, or its reply can't be read. What it wrote before stays. In Redis's words.
    case scriptFailed(String)
  }

  /// What Redis said, for the log. Nil if it said nothing.
  package var cause: String? {
    switch self {
    case .rejected(let rejection): rejection.line
    case .unknown(.scriptFailed(let line)): line
    case .unknown(.notReplicated(_, let why)): why
    case .notSent, .unknown(.deadlinePassed), .unknown(.linkLost): nil
    }
  }

  /// Whether Redis refused a command for a lack of rights. Inside a script the error has no code, only a text.
  package static func isLackOfRights(_ line: String) -> Bool {
    line.hasPrefix("NOPERM") || line.contains("user executing the script can't")
  }
}
