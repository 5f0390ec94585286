import RedisClient

/// How a master and its replicas stand, and what that means for a node that is to wait for some of them.
struct Replication: Equatable, Sendable {
  /// What is wanted of replicas.
  struct Demand: Equatable, Sendable {
    /// So many have a change before it is acknowledged.
    var minReplicas = 0
    /// Whether there are to be some at all.
    var isExpected = false
    /// Whether a master that is cut off from the other servers stops by itself, as in a Cluster.
    var stopsAlone = false
  }

  private static let maxSilentSeconds = 2

  /// Replicas that take in what the master writes, and have lately said so.
  var connected = 0
  /// How far the one is behind that is the last of those that count, in bytes of the stream; nil without one.
  var lagBytes: Int?

  /// - Parameters:
  ///   - info: the text of INFO replication.
  ///   - minReplicas: the best so many count; at least one.
  init(info: String, minReplicas: Int) {
    let offset = StoreFinding.number("master_repl_offset", in: info) ?? 0
    var lags: [Int] = []
    for line in info.split(whereSeparator: \.isNewline) where line.hasPrefix("slave") {
      // slave0:ip=127.0.0.1,port=6380,state=online,offset=1234,lag=0
      let members = line.drop { $0 != ":" }.dropFirst().split(separator: ",")
      // Replicas tell every second how far they are. The master gives one up only after a minute.
      guard members.contains("state=online"),
        let age = members.first(where: { $0.hasPrefix("lag=") }).flatMap({ Int($0.dropFirst("lag=".count)) }),
        age <= Self.maxSilentSeconds,
        let own = members.first(where: { $0.hasPrefix("offset=") }).flatMap({ Int($0.dropFirst("offset=".count)) })
      else { continue }
      let (lag, isOverflow) = offset.subtractingReportingOverflow(own)
      lags.append(isOverflow ? 0 : max(0, lag))
    }
    connected = lags.count
    lagBytes = lags.isEmpty ? nil : lags.sorted()[min(max(minReplicas, 1), lags.count) - 1]
  }

  func findings(_ demand: Demand) -> [StoreFinding] {
    let replicas = connected == 1 ? "1 replica" : "\(connected) replicas"
    if connected < demand.minReplicas {
      return [
        StoreFinding(
          subject: "replicas", meaning: .fault,
          words: "Redis has \(replicas), and \(demand.minReplicas) must have a change before it is acknowledged"
            + " (minReplicas): \(StoreFinding.cannotSell)")
      ]
    }
    guard demand.isExpected, connected == 0 else { return [] }
    return [
      StoreFinding(
        subject: "replicas", meaning: .warning,
        words: "Redis has no replica: if this master fails, none can take its place")
    ]
  }
}

extension StoreFinding {
  /// - Parameter info: the reply to INFO replication.
  /// - Returns: nil if it is no answer, and is to be asked for again.
  static func replication(
    info: RedisReply, _ demand: Replication.Demand
  ) -> (replication: Replication?, findings: [StoreFinding])? {
    if case .error(let line) = info {
      if case .notYet = RedisFailure.Rejection(line: line) { return nil }
      return (nil, [])  // That INFO is forbidden is told with the memory.
    }
    guard let text = info.text else { return nil }
    let replication = Replication(info: text, minReplicas: demand.minReplicas)
    return (replication, replication.findings(demand))
  }

  /// Several masters: the one that has the fewest replicas is shown. What only some of them lack stops only what is on
  /// them.
  ///
  /// - Parameter infos: the replies of all.
  /// - Returns: nil if there is no answer among them.
  static func replication(
    ofAll infos: [RedisReply], _ demand: Replication.Demand
  ) -> (replication: Replication?, findings: [StoreFinding])? {
    let answers = infos.compactMap { replication(info: $0, demand) }
    guard var worst = answers.min(by: { $0.replication?.connected ?? 0 < $1.replication?.connected ?? 0 }) else {
      return nil
    }
    let lack = answers.count { $0.findings.contains { $0.meaning == .fault } }
    if lack < answers.count {
      for index in worst.findings.indices where worst.findings[index].meaning == .fault {
        worst.findings[index] = StoreFinding(
          subject: "replicas", meaning: .warning,
          words: "\(lack) of \(answers.count) masters have fewer replicas than must have a change before it is"
            + " acknowledged (minReplicas): what is kept there can't be sold")
      }
    }
    return worst
  }

  /// Whether a master that is cut off from its replicas goes on taking writes, which are lost when it comes back.
  ///
  /// - Parameter config: the reply to CONFIG GET of ``settings``.
  static func isolation(config: RedisReply, _ demand: Replication.Demand) -> StoreFinding? {
    guard demand.isExpected, !demand.stopsAlone, let text = config.member("min-replicas-to-write"),
      let least = Int(text)
    else {
      return nil
    }
    let lag = config.member("min-replicas-max-lag").flatMap { Int($0) } ?? 0
    // Either at zero turns it off.
    guard least == 0 || lag == 0 else { return nil }
    return StoreFinding(
      subject: "isolation", meaning: .warning,
      words:
        "Redis has min-replicas-to-write \(least) and min-replicas-max-lag \(lag): a master that is cut off from its"
        + " replicas goes on selling, and what it sells then is lost; set them to 1 and 10, or less")
  }
}
