import Common
import RedisClient
import Store

/// One thing about Redis that is not as it must be, and what it means.
struct StoreFinding: Equatable, Sendable {
  enum Meaning: Equatable, Sendable {
    /// Nothing can be sold on it: the node is not ready.
    case fault
    /// It sells, but risks data, or something beside the sale does not work.
    case warning
  }

  /// What it is about. It is told once, though its words may change meanwhile.
  var subject: String
  var meaning: Meaning
  /// A whole sentence for people.
  var words: String
  /// It does not heal by itself, so that a node that has just been started ends rather than waits.
  var endsStart = false

  static let cannotSell = HealthReport.Redis.cannotSell
}

/// What replies of Redis mean, each decided by itself. Nil: the reply is no answer, and is to be asked for again.
extension StoreFinding {
  static let minVersion = (major: 7, text: "7.0")

  struct Server: Equatable {
    var version: String?
    var findings: [StoreFinding] = []
  }

  /// - Parameters:
  ///   - hello: the reply to HELLO, which no rights can forbid.
  ///   - isCluster: whether Redis is to be a Cluster.
  static func server(hello: RedisReply, isCluster: Bool = false) -> Server? {
    if case .error(let line) = hello {
      if case .notYet = RedisFailure.Rejection(line: line) { return nil }
      // It is as old as Redis 6.0.
      guard line.saysUnknownCommand else { return Server() }
      return Server(findings: [tooOld("it does not know HELLO, and so is below 6.0")])
    }
    guard let version = hello.member("version") else { return Server() }
    var server = Server(version: version)
    if let major = Int(version.prefix { $0 != "." }), major < minVersion.major {
      server.findings.append(tooOld("it is \(version)"))
    }
    switch hello.member("mode") {
    case "cluster"? where isCluster: break
    case "cluster"?:
      server.findings.append(
        StoreFinding(
          subject: "mode", meaning: .fault,
          words: "Redis runs in cluster mode, where one script can't reach all keys; redisUrl must begin with"
            + " redis+cluster://, or name a single master: \(cannotSell)", endsStart: true))
    case "sentinel"?:
      server.findings.append(
        StoreFinding(
          subject: "mode", meaning: .fault,
          words:
            "This is a Redis Sentinel, which holds no data; redisUrl must begin with redis+sentinel://, or name the"
            + " master: \(cannotSell)",
          endsStart: true))
    default: break
    }
    return server
  }

  private static func tooOld(_ why: String) -> StoreFinding {
    StoreFinding(
      subject: "version", meaning: .fault,
      words: "Redis must be \(minVersion.text) or later, but \(why): \(cannotSell)", endsStart: true)
  }

  /// The store is cut otherwise than this node takes it to be.
  static func otherLayout(_ found: String, than own: StoreLayout) -> StoreFinding {
    StoreFinding(
      subject: "shards", meaning: .fault,
      words: "The store is cut into shards as \(found), and this node has \(own.text); a store is never cut anew:"
        + " \(cannotSell)", endsStart: true)
  }

  /// Redis does not let us see how the store is cut. A node that takes it for undivided, as all were once, goes on.
  static func unreadableLayout(_ key: String, _ line: String, own: StoreLayout) -> StoreFinding {
    let isUndivided = own.map.count == 1
    return StoreFinding(
      subject: "shards", meaning: isUndivided ? .warning : .fault,
      words: "could not check into how many shards the store is cut (\(key): \(line))"
        + (isUndivided ? "" : ": \(cannotSell)"))
  }

  /// - Parameter config: the reply to CONFIG GET of ``settings``.
  static func settings(config: RedisReply, _ demand: Replication.Demand = .init()) -> [StoreFinding]? {
    if case .error(let line) = config {
      // Busy for the moment is no answer.
      if case .notYet = RedisFailure.Rejection(line: line) { return nil }
      return [
        StoreFinding(
          subject: "settings", meaning: .warning,
          words: "could not check whether Redis keeps its data (CONFIG: \(line))")
      ]
    }
    var findings: [StoreFinding] = []
    func warn(_ subject: String, _ words: String) {
      findings.append(StoreFinding(subject: subject, meaning: .warning, words: words))
    }
    let policy = config.member("maxmemory-policy") ?? "unknown"
    if policy != "noeviction" {
      warn("policy", "Redis has maxmemory-policy \(policy), and would drop reservations: set it to noeviction")
      findings[findings.count - 1].endsStart = true
    }
    if config.member("appendonly") != "yes" {
      warn("appendonly", "Redis has appendonly no: what was sold is lost when it stops")
    } else if config.member("appendfsync") == "no" {
      warn(
        "appendfsync",
        "Redis has appendfsync no: what was sold in the last half minute or so is lost with the power;"
          + " set it to everysec or always")
    }
    if config.member("maxmemory") == "0" {
      warn(
        "maxmemory",
        "Redis has no maxmemory: it takes new holds until the system ends it for want of memory; set a limit")
    }
    if let isolation = isolation(config: config, demand) { findings.append(isolation) }
    return findings
  }

  static let settings = [
    "maxmemory-policy", "appendonly", "appendfsync", "maxmemory", "min-replicas-to-write", "min-replicas-max-lag",
  ]

  struct Memory: Equatable {
    var used = 0
    /// 0 for none.
    var limit = 0
    var findings: [StoreFinding] = []

    init(used: Int = 0, limit: Int = 0, findings: [StoreFinding] = []) {
      (self.used, self.limit, self.findings) = (used, limit, findings)
    }

    /// Of several servers, the one that is fullest. Nil if there is none.
    init?(fullestOf servers: [Memory]) {
      func fill(_ memory: Memory) -> Double { memory.limit == 0 ? 0 : Double(memory.used) / Double(memory.limit) }
      guard var fullest = servers.max(by: { fill($0) < fill($1) }) else { return nil }
      fullest.findings = StoreFinding.together(servers.map(\.findings))
      self = fullest
    }
  }

  /// What was found of several servers: each subject once.
  static func together(_ servers: [[StoreFinding]]) -> [StoreFinding] {
    servers.joined().reduce(into: []) { all, finding in
      if !all.contains(where: { $0.subject == finding.subject }) { all.append(finding) }
    }
  }

  /// - Parameter info: the reply to INFO memory.
  static func memory(info: RedisReply) -> Memory? {
    if case .error(let line) = info {
      if case .notYet = RedisFailure.Rejection(line: line) { return nil }
      return Memory(
        findings: [
          StoreFinding(
            subject: "memory", meaning: .warning,
            words: "could not check how full Redis is (INFO: \(line)): the guard that keeps memory for what is held is"
              + " off")
        ])
    }
    guard let text = info.text else { return nil }
    return Memory(used: number("used_memory", in: text) ?? 0, limit: number("maxmemory", in: text) ?? 0)
  }

  /// The value of a `name:value` line of INFO.
  static func number(_ name: String, in info: String) -> Int? {
    info.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name + ":") }
      .flatMap { Int($0.dropFirst(name.utf8.count + 1)) }
  }

  /// What a write that was refused tells; nil: nothing of Redis.
  static func write(refused failure: StoreFailure) -> StoreFinding? {
    // It was let run, so that writes are taken.
    if case .redis(.unknown(.scriptFailed(let line))) = failure {
      return StoreFinding(
        subject: "identity", meaning: .warning,
        words: "could not look at the store's identity and marks (\(line)): \(OwnKeys.unnoticed)")
    }
    guard case .redis(.rejected(let rejection)) = failure else { return nil }
    func fault(_ words: String) -> StoreFinding {
      StoreFinding(subject: "writes", meaning: .fault, words: "\(words): \(cannotSell)")
    }
    switch rejection {
    // The slot is on its way, or is elsewhere: the next look finds it.
    case .notYet(let line) where LinkProblem.concernsOneSlot(line): return nil
    case .unwritable(let line), .readOnly(let line): return fault("Redis takes no writes: \(line)")
    case .notYet(let line) where line.hasPrefix("LOADING"):
      return fault("Redis reads its data after a start, and answers nothing before: \(line)")
    case .notYet(let line) where line.hasPrefix("BUSY"):
      return fault("Redis is busy with one long script or command: \(line)")
    case .notYet(let line): return fault("Redis answers nothing at present: \(line)")
    case .other(let line) where line.hasPrefix("NOPERM"):
      return fault("Redis forbids its user what the node needs: \(line)")
    case .other(let line): return fault("Redis refuses the node's scripts: \(line)")
    case .noScript: return fault("Redis forgets scripts as soon as they are loaded")
    }
  }
}

extension RedisReply {
  /// A value in a reply of names and values by turns, in any order.
  func member(_ name: String) -> String? {
    guard case .array(let parts) = self else { return nil }
    for index in stride(from: 0, to: parts.count - 1, by: 2) where parts[index].text == name {
      return parts[index + 1].text
    }
    return nil
  }
}

extension String {
  fileprivate var saysUnknownCommand: Bool { lowercased().contains("unknown command") }
}
