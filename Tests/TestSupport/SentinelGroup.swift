import Foundation

/// A master and its replicas, watched by Sentinels that agree on the master. All are real processes.
///
/// In a divisible group each process is behind a proxy, and the others know only the proxy's port. So a test can make a
/// partition in which some processes reach only each other.
package final class SentinelGroup: Sendable {
  package static let masterName = "holdfast"
  /// How many Sentinels must find a master down before one of them starts a failover.
  private static let quorum = 2

  private struct Member: Sendable {
    let redis: PrivateRedis
    let door: ChaosProxy?
    let port: Int
  }

  private let stores: [Member]
  private let watchers: [Member]

  package var servers: [PrivateRedis] { stores.map(\.redis) }
  package var sentinels: [PrivateRedis] { watchers.map(\.redis) }

  /// Returns when all replicas have their master's data, and each Sentinel knows all servers and Sentinels.
  ///
  /// - Parameter options: command-line options of master and replicas.
  package init(replicas: Int = 2, sentinels: Int = 3, options: [String] = [], isDivisible: Bool = false) async throws {
    var (stores, watchers): ([Member], [Member]) = ([], [])
    for _ in 0...replicas {
      stores.append(
        try await Self.member(isDivisible: isDivisible) { [master = stores.first] own, announced in
          // The file makes it a replica. After a failover, the Sentinels have it rewritten.
          try await PrivateRedis(
            options: Self.pace + ["--replica-announce-ip", "127.0.0.1", "--replica-announce-port", "\(announced)"]
              + options,
            port: own, file: master.map { "replicaof 127.0.0.1 \($0.port)\n" } ?? "")
        })
    }
    let master = stores[0]
    try await eventually("the replicas are there") { try master.redis.role.replicas == replicas }
    for _ in 0..<sentinels {
      watchers.append(
        try await Self.member(isDivisible: isDivisible) { own, announced in
          try await PrivateRedis(
            .sentinel, port: own, file: Self.file(watching: master.port, announced: announced))
        })
    }
    (self.stores, self.watchers) = (stores, watchers)
    for sentinel in self.sentinels { try sentinel.cli(["SENTINEL", "DEBUG"] + Self.haste) }
    for sentinel in self.sentinels {
      try await eventually("the Sentinels know of all") {
        let facts = try sentinel.cli("SENTINEL", "MASTER", Self.masterName).split(separator: "\n")
        return Self.fact("num-slaves", of: facts) == replicas
          && Self.fact("num-other-sentinels", of: facts) == sentinels - 1
      }
    }
  }

  deinit { end() }

  /// The URL that nodes are given.
  package var url: String {
    "redis+sentinel://\(watchers.map { "127.0.0.1:\($0.port)" }.joined(separator: ","))/\(Self.masterName)"
  }

  package func end() {
    for member in watchers + stores { member.redis.kill() }
  }

  // MARK: - Making it

  private static func member(
    isDivisible: Bool, _ start: (_ own: Int, _ announced: Int) async throws -> PrivateRedis
  ) async throws -> Member {
    let own = try FreePort.find()
    let door = isDivisible ? try await ChaosProxy(to: own) : nil
    let announced = door?.port ?? own
    return Member(redis: try await start(own, announced), door: door, port: announced)
  }

  private static func file(watching port: Int, announced: Int) -> String {
    """
    sentinel monitor \(masterName) 127.0.0.1 \(port) \(quorum)
    sentinel down-after-milliseconds \(masterName) 1500
    sentinel failover-timeout \(masterName) 2000
    sentinel parallel-syncs \(masterName) 2
    sentinel announce-ip 127.0.0.1
    sentinel announce-port \(announced)

    """
  }

  /// A replica gets its data at once instead of waiting for other replicas.
  private static let pace = ["--repl-diskless-sync-delay", "0"]

  /// Sentinels check more often than by default. A Sentinel that was delayed stays in TILT mode for only one second.
  private static let haste = ["info-period", "500", "publish-period", "250", "tilt-period", "1000"]

  private static func fact(_ name: String, of facts: [Substring]) -> Int? {
    facts.firstIndex(of: name[...]).flatMap { Int(facts[$0 + 1]) }
  }

  // MARK: - Who is master

  /// The servers that report the role of master.
  package var masters: [PrivateRedis] {
    servers.filter { $0.isRunning && !$0.isStopped && (try? $0.role.isMaster) == true }
  }

  /// The master that the Sentinels agree on, if it also reports that role.
  package var master: PrivateRedis? {
    let named = sentinels.filter { $0.isRunning && !$0.isStopped }.compactMap { sentinel in
      let address = try? sentinel.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self.masterName)
      return address?.split(separator: "\n").last.flatMap { Int($0) }
    }
    let agreed = stores.first { store in named.count { $0 == store.port } >= Self.quorum }?.redis
    return masters.first { $0 === agreed }
  }

  /// The epoch known to the running Sentinels. It rises with each failover.
  package var epoch: Int {
    sentinels.filter(\.isRunning).compactMap { sentinel in
      let facts = try? sentinel.cli("SENTINEL", "MASTER", Self.masterName).split(separator: "\n")
      return facts.flatMap { Self.fact("config-epoch", of: $0) }
    }.max() ?? 0
  }

  /// Waits for another master that has this many replicas.
  @discardableResult
  package func master(otherThan past: PrivateRedis? = nil, replicas: Int) async throws -> PrivateRedis {
    var found: PrivateRedis?
    try await eventually("a master with \(replicas) replicas") {
      guard let master, master !== past, let role = try? master.role else { return false }
      found = master
      return role.isMaster && role.replicas >= replicas
    }
    guard let found else { throw ServerProcess.StartFailed(description: "no master") }
    return found
  }

  /// Waits until all running replicas have what the master has now.
  package func whenReplicasHoldAll() async throws {
    let master = try await master(replicas: 1)
    let offset = try master.role.offset
    for replica in servers where replica !== master && replica.isRunning {
      try await eventually("a replica has it all") {
        let role = try replica.role
        return !role.isMaster && role.offset >= offset
      }
    }
  }

  /// `SENTINEL FAILOVER`: a replica replaces a healthy master.
  package func failOver() async throws {
    try await eventually("a Sentinel obeys") {
      try sentinels[0].cli("SENTINEL", "FAILOVER", Self.masterName) == "OK"
    }
  }

  // MARK: - Partitions

  /// Cuts these processes (members of the group or its clients) off from all others. None of them may be started again
  /// before ``unite()``.
  package func part(_ processes: Set<Int32>) async throws {
    for member in stores + watchers {
      let (isWithin, own) = (processes.contains(member.redis.pid), member.port)
      try await member.door?.part { port in
        LoopbackSocket.isHeld(by: processes, from: port, to: own) != isWithin
      }
    }
  }

  package func unite() async throws {
    for member in stores + watchers { try await member.door?.unite() }
  }
}

extension PrivateRedis {
  /// The answer to `ROLE`.
  package struct Role {
    package var isMaster: Bool
    /// The replication offset. -1 for a replica without a link to its master.
    package var offset: Int
    package var replicas: Int
  }

  package var role: Role {
    get throws {
      let lines = try cli("ROLE").split(separator: "\n")
      let isMaster = lines.first == "master"
      guard isMaster && lines.count > 1 || lines.first == "slave" && lines.count == 5,
        let offset = Int(lines[isMaster ? 1 : 4])
      else { throw ServerProcess.StartFailed(description: "no role: \(lines)") }
      // Each replica has three lines: address, port and offset.
      return Role(isMaster: isMaster, offset: offset, replicas: isMaster ? (lines.count - 2) / 3 : 0)
    }
  }
}
