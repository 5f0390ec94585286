import Foundation

/// A Redis Cluster: masters that share the slots, and replicas of each. All are real processes.
package final class RedisCluster: Sendable {
  private static let slots = 16_384

  package let servers: [PrivateRedis]
  /// The port of each server on which the others talk to it.
  private let busPorts: [Int]

  /// Returns when all slots are served, and all replicas have their masters' data.
  ///
  /// - Parameters:
  ///   - replicas: of each master.
  ///   - nodeTimeout: how long a server may be silent until it is taken for dead, in milliseconds.
  ///   - options: further command-line options of all servers.
  package init(
    masters: Int = 3, replicas: Int = 1, nodeTimeout: Int = 5000, options: [String] = []
  ) async throws {
    let count = masters * (1 + replicas)
    busPorts = try (0..<count).map { _ in try FreePort.find() }
    var servers: [PrivateRedis] = []
    for busPort in busPorts {
      servers.append(
        try await PrivateRedis(
          options: [
            "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", "\(busPort)",
            "--cluster-node-timeout", "\(nodeTimeout)", "--cluster-require-full-coverage", "no",
            "--repl-diskless-sync-delay", "0",
          ] + options))
    }
    self.servers = servers
    for (number, server) in servers.enumerated() {
      // Each begins with an epoch of its own, so that none need be negotiated.
      try server.cli("CLUSTER", "SET-CONFIG-EPOCH", "\(number + 1)")
      if number < masters {
        let (first, next) = (number * Self.slots / masters, (number + 1) * Self.slots / masters)
        try server.cli("CLUSTER", "ADDSLOTSRANGE", "\(first)", "\(next - 1)")
      }
      try servers[0].cli("CLUSTER", "MEET", "127.0.0.1", "\(server.port)", "\(busPorts[number])")
    }
    for server in servers {
      try await eventually("each server knows all others") {
        try server.cli("CLUSTER", "NODES").split(separator: "\n").count { !$0.contains("handshake") } == count
      }
    }
    for number in masters..<count {
      let master = try servers[number % masters].cli("CLUSTER", "MYID")
      try await eventually("the replica obeys") { try servers[number].cli("CLUSTER", "REPLICATE", master) == "OK" }
    }
    try await whenWhole(replicas: replicas)
  }

  deinit { end() }

  package func end() {
    for server in servers { server.kill() }
  }

  /// The URL that nodes are given.
  package var url: String { "redis+cluster://\(servers.map { "127.0.0.1:\($0.port)" }.joined(separator: ","))" }

  // MARK: - Who is what

  private func isSpeaking(_ server: PrivateRedis) -> Bool { server.isRunning && !server.isStopped }

  /// The servers that run, and say that they are masters.
  package var masters: [PrivateRedis] { servers.filter { isSpeaking($0) && (try? $0.role.isMaster) == true } }

  /// Waits until three servers say that they are masters.
  package func whenMasters() async throws -> [PrivateRedis] {
    var found: [PrivateRedis] = []
    try await eventually("three masters") {
      found = masters
      return found.count == 3
    }
    return found
  }

  /// The master of a slot, as all servers that run know it. Nil while they do not agree, or it does not run.
  package func master(of slot: Int) -> PrivateRedis? {
    let told = servers.filter(isSpeaking).map { server -> Int? in
      let lines = (try? server.cli("CLUSTER", "NODES").split(separator: "\n")) ?? []
      return lines.lazy.compactMap { Self.port(of: $0, serving: slot) }.first
    }
    guard let port = told.first ?? nil, told.allSatisfy({ $0 == port }) else { return nil }
    return servers.first { $0.port == port && isSpeaking($0) && (try? $0.role.isMaster) == true }
  }

  /// The port of the server in a line of CLUSTER NODES, if it is a master that serves the slot.
  private static func port(of line: Substring, serving slot: Int) -> Int? {
    // id host:port@bus flags master ping pong epoch link slots…
    let words = line.split(separator: " ")
    guard words.count > 8, words[2].contains("master") else { return nil }
    let serves = words[8...].contains { range in
      let ends = range.split(separator: "-").compactMap { Int($0) }
      return !range.hasPrefix("[") && ends.count > 0 && (ends[0]...ends[ends.count - 1]).contains(slot)
    }
    return serves ? words[1].split(separator: "@")[0].split(separator: ":").last.flatMap { Int($0) } : nil
  }

  /// A replica of this master that runs.
  package func replica(of master: PrivateRedis) throws -> PrivateRedis? {
    let id = try master.cli("CLUSTER", "MYID")
    return servers.first { server in
      guard isSpeaking(server), let nodes = try? server.cli("CLUSTER", "NODES") else { return false }
      let own = nodes.split(separator: "\n").first { $0.contains("myself") }?.split(separator: " ") ?? []
      return own.count > 3 && own[3] == id
    }
  }

  /// Waits until every slot has a master, and each master has so many replicas that follow it.
  package func whenWhole(replicas: Int = 1) async throws {
    try await eventually("all slots are served") {
      try servers.filter(isSpeaking).allSatisfy { server in
        let info = try server.cli("CLUSTER", "INFO")
        return info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:\(Self.slots)")
      }
    }
    try await eventually("each master has \(replicas) replicas") {
      try servers.filter(isSpeaking).allSatisfy { server in
        let role = try server.role
        return role.isMaster ? role.replicas >= replicas : role.offset >= 0
      }
    }
  }

  /// Waits until each replica that runs has what its master has now.
  package func whenReplicasHoldAll() async throws {
    for master in masters {
      guard let replica = try replica(of: master) else { continue }
      let offset = try master.role.offset
      try await eventually("a replica has it all") { try replica.role.offset >= offset }
    }
  }

  // MARK: - What is done to it

  /// `CLUSTER FAILOVER`: the replica of a healthy master takes its place.
  package func failOver(_ master: PrivateRedis) async throws {
    guard let replica = try replica(of: master) else { throw ServerProcess.StartFailed(description: "no replica") }
    // Repeated early, the command would begin anew what is under way.
    try await eventually("the replica is master", every: .seconds(5)) {
      if try replica.role.isMaster { return true }
      try replica.cli("CLUSTER", "FAILOVER")
      for _ in 0..<20 where try !replica.role.isMaster { try await Task.sleep(for: .milliseconds(50)) }
      return try replica.role.isMaster
    }
  }

  /// Moves so many slots with all that is in them from one master to another.
  package func reshard(slots count: Int, from source: PrivateRedis, to target: PrivateRedis) async throws {
    let arguments = [
      "--cluster", "reshard", "127.0.0.1:\(source.port)", "--cluster-from", try source.cli("CLUSTER", "MYID"),
      "--cluster-to", try target.cli("CLUSTER", "MYID"), "--cluster-slots", "\(count)", "--cluster-yes",
    ]
    // It takes its time, and a thread of the tests must not wait for it.
    let output = try await withCheckedThrowingContinuation { (told: CheckedContinuation<String, any Error>) in
      Thread.detachNewThread { told.resume(with: Result { try Shell.run("redis-cli", arguments) }) }
    }
    guard !output.contains("ERR"), output.contains("Moving slot") else {
      throw ServerProcess.StartFailed(description: output)
    }
  }
}
