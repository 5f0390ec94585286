import Common
import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Says in plain words what is wrong with a link. The log, `/health` and the operators' page show the words, alone or
/// after "no link to Redis: ". They never name a Swift type.
package struct LinkProblem: Sendable {
  let url: RedisURL
  /// Who may sign the server's certificate, in words.
  var authorities = RedisTLS.systemAuthorities
  /// What the operator calls the files by which TLS is set up. Nil if nobody has named them.
  var files: RedisTLS.FileNames?
  /// The time of day, in epoch milliseconds.
  var wallClock: @Sendable () -> Int64 = WallClock.epochMilliseconds

  /// `host:port`.
  var server: String { url.address.description }

  // MARK: - The connection

  /// - Parameter lookup: the state of the name lookup when the attempt ended.
  func words(connecting error: any Error, lookup: NameLookup.State = .answered) -> String {
    if case ChannelError.connectTimeout(let limit) = error {
      switch lookup {
      case .failing(let failure): return wordsForUnknownName(failure)
      case .unanswered:
        return "the name \(url.host) was not found within \(limit.nanoseconds / 1_000_000) ms: the resolver (DNS) does"
          + " not answer"
      case .answered: break
      }
    }
    switch error {
    case let error as NIOConnectionError:
      // A name may have several addresses. Each different failure is told once.
      var all: [String] = []
      for failure in error.connectionErrors {
        let words = words(reaching: failure.error)
        if !all.contains(words) { all.append(words) }
      }
      return all.isEmpty ? wordsForUnknownName(error.dnsAError ?? error.dnsAAAAError) : all.joined(separator: "; ")
    default: return words(reaching: error)
    }
  }

  private func wordsForUnknownName(_ error: (any Error)?) -> String {
    let failure = error as? NameLookup.Failure
    let reason = failure.map { ": \($0.words)" } ?? ""
    return failure?.isSilence == true
      ? "the name \(url.host) can't be looked up: the resolver (DNS) does not answer\(reason)"
      : "the name \(url.host) has no address\(reason)"
  }

  private func words(reaching error: any Error) -> String {
    switch error {
    case let error as IOError:
      switch error.errnoCode {
      case ECONNREFUSED: return "\(server) refuses connections: nothing listens there"
      case ETIMEDOUT: return "\(server) does not answer"
      case EHOSTUNREACH: return "\(server) is unreachable (no route to the host)"
      case ENETUNREACH: return "\(server) is unreachable (no route to its network)"
      case ECONNRESET: return "\(server) reset the connection"
      case let code: return "\(server) cannot be reached: \(Self.text(of: code))"
      }
    case ChannelError.connectTimeout(let limit):
      return "\(server) does not answer: no connection within \(limit.nanoseconds / 1_000_000) ms"
    default: return "\(server) cannot be reached: \(Self.text(of: error))"
    }
  }

  /// Describes an error of an established connection.
  ///
  /// - Parameters:
  ///   - hasHeard: whether anything was read before.
  ///   - certificate: the server's certificate, if it sent one.
  func words(for error: any Error, hasHeard: Bool = true, certificate: ServerCertificate? = nil) -> String {
    switch error {
    case let error as IOError:
      switch error.errnoCode {
      case ECONNRESET, EPIPE: return "\(server) reset the connection" + (hasHeard ? "" : hintAtTLS)
      case ETIMEDOUT: return "\(server) does not answer any more"
      case let code: return "the connection to \(server) failed: \(Self.text(of: code))"
      }
    case NIOSSLError.uncleanShutdown: return wordsForClosing(hasHeard: hasHeard)
    default:
      return TLSProblem(error)?.words(
        server: server, host: url.host, authorities: authorities, files: files, certificate: certificate,
        epochSeconds: Int(wallClock() / 1000))
        ?? "the connection to \(server) failed: \(Self.text(of: error))"
    }
  }

  func words(violated rule: String) -> String {
    "\(server) does not speak Redis's protocol: \(Self.line(rule))"
  }

  /// What the server's first bytes show, if they are not Redis's protocol.
  func words(begunWith bytes: ByteBuffer) -> String? {
    let start = bytes.getBytes(at: bytes.readerIndex, length: min(5, bytes.readableBytes)) ?? []
    // A TLS record: an alert (0x15) or a handshake (0x16).
    if !url.usesTLS, start.count > 1, [0x15, 0x16].contains(start[0]), start[1] == 3 {
      return "\(server) speaks TLS: the URL must begin with rediss://"
    }
    return start.elementsEqual("HTTP/".utf8) ? "\(server) speaks HTTP: it is no Redis" : nil
  }

  func wordsForClosing(hasHeard: Bool) -> String {
    if hasHeard { return "closed by the server (\(server))" }
    return "closed by the server (\(server))\(hintAtTLS)"
  }

  private var hintAtTLS: String {
    " before it answered anything: \(url.usesTLS ? "does it speak TLS" : "does it want TLS (rediss://)")?"
  }

  func wordsForSilence(of duration: TimeAmount) -> String {
    "no reply for \(duration.nanoseconds / 1_000_000) ms from \(server)"
  }

  func wordsForUnansweredHandshake(hasHeard: Bool) -> String {
    let limit = RedisLink.handshakeLimit.nanoseconds / 1_000_000
    let hint = url.usesTLS && !hasHeard ? ": does it speak TLS?" : ""
    return "\(server) did not answer the handshake within \(limit) ms\(hint)"
  }

  // MARK: - What Redis says

  /// - Parameter command: the refused command, if the message should name it.
  func words(refusedWith line: String, to command: String? = nil) -> String {
    guard let meaning = meaning(of: line) else {
      return "Redis at \(server) refuses \(command ?? "commands"): \(Self.line(line))"
    }
    // Redis's own line is a whole manual, so it is left out.
    return line.hasPrefix("DENIED") ? meaning : "\(meaning): \(Self.line(line))"
  }

  private func meaning(of line: String) -> String? {
    let redis = "Redis at \(server)"
    switch line.prefix(while: { $0 != " " }) {
    case "WRONGPASS": return "\(redis) does not accept the user or the password"
    case "NOAUTH": return "\(redis) wants a password, and none is set"
    case "NOPERM": return "the Redis user lacks a right at \(server)"
    case "DENIED": return "\(redis) is in protected mode: it takes connections from its own machine only (DENIED)"
    case "LOADING": return "\(redis) is still loading its data"
    case "BUSY": return "\(redis) is busy with a long script"
    case "MASTERDOWN": return "\(redis) is a replica that has lost its master"
    case "READONLY": return "\(redis) is a replica"
    case "MISCONF": return "\(redis) can't save its data and takes no writes"
    case "NOREPLICAS": return "\(redis) has too few replicas and takes no writes"
    case "OOM": return "\(redis) is full"
    case "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "CROSSSLOT": return "\(redis) runs in cluster mode"
    case "ERR": return meaning(ofGeneral: line.lowercased())
    default: return nil
    }
  }

  /// The meaning of lines that begin with the general code ERR.
  private func meaning(ofGeneral line: String) -> String? {
    let redis = "Redis at \(server)"
    if line.contains("max number of clients") { return "\(redis) has as many clients as it takes (maxclients)" }
    if line.contains("db index is out of range") { return "\(redis) has no database \(url.database)" }
    if line.contains("without any password configured") { return "\(redis) wants no password, and one is set" }
    if line.contains("select is not allowed in cluster mode") { return "\(redis) runs in cluster mode" }
    return nil
  }

  /// Describes an error reply of a Sentinel.
  ///
  /// - Parameter login: what the operator calls user and password. Nil if nobody has named them.
  static func words(
    refusedBySentinel sentinel: ServerAddress, with line: String, login: SentinelAccess.LoginNames?
  ) -> String {
    switch line.prefix(while: { $0 != " " }) {
    case "NOAUTH": "the Sentinel at \(sentinel) wants a password\(login.map { ": set \($0.password)" } ?? "")"
    case "WRONGPASS":
      "the Sentinel at \(sentinel) does not accept "
        + (login.map { "\($0.user) or \($0.password)" } ?? "the user or the password")
    case _ where line.lowercased().contains("unknown command"): "\(sentinel) is no Sentinel: \(Self.line(line))"
    default: "the Sentinel at \(sentinel) refuses to answer: \(Self.line(line))"
    }
  }

  /// Whether an error line means that Redis currently refuses every command on this link.
  static func refusesAll(_ line: String) -> Bool {
    switch line.prefix(while: { $0 != " " }) {
    case "LOADING", "BUSY", "MASTERDOWN", "NOPERM", "NOAUTH", "READONLY": true
    case "CLUSTERDOWN": !concernsOneSlot(line)
    default: false
    }
  }

  /// Whether an error line of a Cluster's server is about the slot of the key, and says nothing of other slots.
  package static func concernsOneSlot(_ line: String) -> Bool {
    switch line.prefix(while: { $0 != " " }) {
    case "MOVED", "ASK", "TRYAGAIN": true
    case "CLUSTERDOWN": line.lowercased().contains("slot not served")
    default: false
    }
  }

  // MARK: - Texts of others

  /// One line of bounded length.
  private static func line(_ text: String) -> String {
    let flat = text.replacing(#/\s+/#, with: " ")
    return flat.count > 200 ? flat.prefix(200) + "…" : flat
  }

  private static func text(of code: CInt) -> String { String(cString: strerror(code)) }

  /// The text for an unforeseen error. Its own description may be a Swift type name, which belongs in the debug log.
  private static func text(of error: any Error) -> String {
    switch error {
    case ChannelError.ioOnClosedChannel, ChannelError.inputClosed, ChannelError.outputClosed, ChannelError.eof:
      "it was closed"
    default: "an unforeseen error"
    }
  }
}
