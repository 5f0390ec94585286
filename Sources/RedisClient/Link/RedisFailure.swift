/// Why a command has no usable reply. The kinds differ in what the caller may do next.
package enum RedisFailure: Error, Equatable, Sendable {
  /// It never reached the server's socket, or the server told that it did nothing: it has no effect and may be repeated.
  case notSent(NotSent)
  /// The server answered with an error before running it: it has no effect.
  case rejected(Rejection)
  /// It was sent, and no answer came: it may have taken effect, or may do so until its not-after instant.
  case unknown(Unknown)

  package enum NotSent: Equatable, Sendable {
    /// The bounded queue is full.
    case overloaded
    /// There is no link, and there has been none for longer than the grace for a quick reconnect.
    case offline
    /// It waited for a link until its deadline.
    case deadlinePassed
    /// The script ran past its not-after instant and did nothing.
    case late
  }

  /// The server's refusals that mean something of their own to us.
  package enum Rejection: Equatable, Sendable {
    case noScript
    /// LOADING, BUSY, MASTERDOWN, TRYAGAIN: worth another try in a moment.
    case notYet(String)
    /// READONLY: we talk to a replica; the link must be made anew.
    case readOnly(String)
    /// OOM, MISCONF, NOREPLICAS: the server takes no writes at present.
    case unwritable(String)
    /// Anything else: a defect of ours or of the server's settings.
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
      case "LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN": self = .notYet(line)
      case "READONLY": self = .readOnly(line)
      case "OOM", "MISCONF", "NOREPLICAS": self = .unwritable(line)
      default: self = .other(line)
      }
    }
  }

  package enum Unknown: Equatable, Sendable {
    case deadlinePassed
    case linkLost
    /// It has run, and was answered so, but replicas are not known to have it: a failover may undo it. With what Redis
    /// said instead of their number, if it did.
    case notReplicated(RedisReply, because: String? = nil)
    /// It failed while it ran, or told what can't be understood: what it had written by then stays. In Redis's words.
    case scriptFailed(String)
  }

  /// What Redis said, for the log; nil where it said nothing.
  package var cause: String? {
    switch self {
    case .rejected(let rejection): rejection.line
    case .unknown(.scriptFailed(let line)): line
    case .unknown(.notReplicated(_, let why)): why
    case .notSent, .unknown(.deadlinePassed), .unknown(.linkLost): nil
    }
  }

  /// Whether Redis has refused something for a lack of rights. Within a script it has no code for that, but words.
  package static func isLackOfRights(_ line: String) -> Bool {
    line.hasPrefix("NOPERM") || line.contains("user executing the script can't")
  }
}
