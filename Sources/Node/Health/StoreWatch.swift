import Common
import Logging
import NIOCore
import RedisClient
import Store

/// Looks after Redis and the store in it: asks, on a link of its own, what ``StoreStanding`` judges. Belongs to the event
/// loop of that link.
final class StoreWatch {
  private static let interval = TimeAmount.milliseconds(500)
  private static let firstInterval = TimeAmount.milliseconds(25)
  private static let limit = TimeAmount.milliseconds(450)
  /// Settings, types and rights are looked at again after so many rounds.
  private static let roundsPerCheck = 20
  /// Each further shard is looked at once in so many rounds.
  private static let roundsPerShard = 16
  /// Rights that are in doubt are asked about at once, but no more often than this.
  private static let minBetweenDoubts = TimeAmount.seconds(1)

  /// The store can't be used as this process takes it to be, and that won't change by itself.
  enum Unfit: Error {
    /// Nothing can be promised on it.
    case damaged(reason: String)
    /// It is cut otherwise, and nobody has said how it should be.
    case otherLayout(StoreLayout)
  }

  private let links: any LinkSet
  /// Leads to the first shard.
  private let link: any CommandSender
  private let identity: IdentityRepository
  /// Those of the further shards, from the second on.
  private let shards: [IdentityRepository]
  private var nextShard = 0
  private let replication: Replication.Demand
  private let keys: [OwnKeys.Key]
  private let rights: [RedisRights.Right]
  private let layout: Layout
  private let isCluster: Bool
  private let logger: Logger
  private let wallClock: () -> Int64
  private let report: (StoreReport) -> Void
  private let unfit: (Unfit) -> Void
  private var standing: StoreStanding
  private var roundsToCheck = 0
  private var nextDoubt = NIODeadline.uptimeNanoseconds(0)
  private var isDoubting = false
  private var stage = Stage.idle

  private struct Layout {
    let key: String
    let undividedStoreKey: String
    let own: StoreLayout
    let isGiven: Bool
    /// The ways to the two keys, which are outside all shards.
    let way: any CommandSender
    let wayToUndividedStore: any CommandSender
  }

  private enum Stage { case idle, running, stopped }

  /// - Parameters:
  ///   - isLayoutGiven: whether the shards of `scripts` are an operator's wish.
  ///   - isCluster: whether Redis is to be a Cluster.
  ///   - replication: what is wanted of replicas.
  ///   - wallClock: the node's, epoch milliseconds.
  ///   - report: called after each round.
  ///   - unfit: called if the store must not be used at all. Only when starting: a node that has served goes on, and
  ///     tells.
  init(
    links: any LinkSet, scripts: ScriptLibrary, isLayoutGiven: Bool = false, isCluster: Bool = false,
    replication: Replication.Demand = .init(), logger: Logger,
    wallClock: @escaping () -> Int64 = WallClock.epochMilliseconds, report: @escaping (StoreReport) -> Void,
    unfit: @escaping (Unfit) -> Void
  ) {
    self.links = links
    self.isCluster = isCluster
    standing = StoreStanding(isCluster: isCluster)
    let sessions = scripts.shards.shards.map { shard in
      StoreSession(scripts: scripts.at(shard), link: links.sender(of: scripts.slot(of: shard)))
    }
    link = links.sender(of: scripts.slot(of: scripts.shard))
    identity = sessions[0].identity
    shards = sessions.dropFirst().map(\.identity)
    self.replication = replication
    keys = OwnKeys(scripts.keys, hasEvents: scripts.hasEvents).all
    rights =
      RedisRights(
        scripts.keys, hasEvents: scripts.hasEvents, hasBatches: scripts.hasBatches, hasShards: scripts.shards.count > 1,
        isCluster: isCluster, awaitsReplicas: replication.minReplicas > 0
      ).all
    layout = Layout(
      key: scripts.layoutKey, undividedStoreKey: scripts.undividedStoreKey, own: StoreLayout(scripts.shards),
      isGiven: isLayoutGiven, way: links.sender(of: scripts.slot(ofKey: scripts.layoutKey)),
      wayToUndividedStore: links.sender(of: scripts.slot(ofKey: scripts.undividedStoreKey)))
    (self.logger, self.wallClock) = (logger, wallClock)
    self.report = report
    self.unfit = unfit
  }

  func start() {
    precondition(stage == .idle, "a second start would double the rounds")
    stage = .running
    round()
  }

  /// Asks no more.
  func stop() { stage = .stopped }

  /// The coordinator has told what others have seen of the store.
  func heard(_ memory: StoreMemory) {
    standing.heard(memory)
    tellNews()
  }

  /// Redis has refused something for a lack of rights. Which ones are missing is asked now, not only in the next check.
  func doubtRights() {
    guard standing.isChecked, !isDoubting else { return }
    isDoubting = true
    link.eventLoop.assumeIsolated().scheduleTask(deadline: max(link.eventLoop.now, nextDoubt)) { [self] in
      nextDoubt = link.eventLoop.now + Self.minBetweenDoubts
      isDoubting = false
      askRights { [self] in
        tellNews()
        report(standing.report)
      }
    }
  }

  // MARK: - Rounds

  /// Asks everything that is due at once, and goes on when all of it is answered, or has run out of time.
  private func round() {
    guard stage == .running else { return }
    // First of all: until it is known how the store is cut, a mark could be left in one that is none.
    if standing.knowsLayout { askEverything() } else { askLayout { [self] in askEverything() } }
  }

  private func askEverything() {
    guard stage == .running else { return }
    var questions: [(@escaping () -> Void) -> Void] = [look, lookAtShards, memory, replicas]
    if roundsToCheck == 0 { questions += [server, askLayout, settings, types, askRights] }
    var open = questions.count
    for question in questions {
      question { [self] in
        assert(open > 0, "each question is answered once, or the next round would begin twice")
        open -= 1
        if open == 0 { endRound() }
      }
    }
  }

  private func endRound() {
    // Until all has been answered, all is asked again in each round.
    roundsToCheck = !standing.isChecked ? 0 : roundsToCheck == 0 ? Self.roundsPerCheck : roundsToCheck - 1
    if let reason = standing.endRound(at: link.eventLoop.now) {
      return unfit(.damaged(reason: reason))
    }
    tellNews()
    report(standing.report)
    let pause = standing.isChecked ? Self.interval : Self.firstInterval
    link.eventLoop.assumeIsolated().scheduleTask(in: pause) { [self] in round() }
  }

  private func tellNews() {
    for news in standing.takeNews() {
      switch news {
      case .found(let finding):
        logger.log(
          level: finding.meaning == .fault ? .error : .warning, "Redis is not as it must be",
          metadata: ["reason": "\(finding.words)"])
      case .gone(let finding): logger.notice("well again", metadata: ["was": "\(finding.words)"])
      case .lost(let loss):
        logger.error(
          "Redis has lost data",
          metadata: [
            "reason": "\(loss.words)", "seenIdentity": "\(loss.seenIdentity ?? "")",
            "foundIdentity": "\(loss.foundIdentity ?? "")",
          ])
      case .acknowledged: logger.notice("the loss of data was acknowledged: the store is taken as it is")
      }
    }
  }

  // MARK: - Questions

  private func look(_ done: @escaping () -> Void) {
    let (probe, sent) = (standing.judge.begin(), link.eventLoop.now)
    identity.look(limit: lookLimit) { [self] result in
      standing.looked(
        probe, result, sent: sent, arrived: link.eventLoop.now, wall: wallClock())
      done()
    }
  }

  /// Looks at some of the further shards, each in its turn. A server of a Cluster can lose its data while others keep theirs.
  private func lookAtShards(_ done: @escaping () -> Void) {
    let count = (shards.count + Self.roundsPerShard - 1) / Self.roundsPerShard
    guard count > 0 else { return done() }
    var open = count
    for _ in 0..<count {
      let shard = nextShard
      nextShard = (nextShard + 1) % shards.count
      let probe = standing.beginLook(at: shard)
      shards[shard].look(limit: lookLimit) { [self] result in
        standing.looked(at: shard, probe, result, wall: wallClock())
        open -= 1
        if open == 0 { done() }
      }
    }
  }

  /// A mark waits for replicas.
  private var lookLimit: TimeAmount { Self.limit + (replication.minReplicas > 0 ? RedisLink.replicaLimit : .zero) }

  private func memory(_ done: @escaping () -> Void) {
    askEach(["INFO", "memory"]) { [self] replies in
      standing.answered(StoreFinding.Memory(fullestOf: replies.compactMap(StoreFinding.memory(info:))))
      done()
    }
  }

  private func replicas(_ done: @escaping () -> Void) {
    askEach(["INFO", "replication"]) { [self] replies in
      standing.answered(StoreFinding.replication(ofAll: replies, replication))
      done()
    }
  }

  private func server(_ done: @escaping () -> Void) {
    ask(["HELLO"]) { [self] reply in
      standing.answered(reply.flatMap { StoreFinding.server(hello: $0, isCluster: isCluster) })
      done()
    }
  }

  /// How the store is cut is told by the first node that has cut it.
  private func askLayout(_ done: @escaping () -> Void) {
    ask(["GET", layout.key], over: layout.way) { [self] reply in
      switch reply {
      case .bytes(let bytes): found(String(decoding: bytes, as: UTF8.self), done)
      case .null where layout.own.map.count == 1: found(layout.own.text, done)
      case .null: cut(done)
      case .error(let line): unreadable(line, done)
      default: done()
      }
    }
  }

  private func unreadable(_ line: String, _ done: @escaping () -> Void) {
    if case .notYet = RedisFailure.Rejection(line: line) { return done() }
    standing.answered(.layout, [.unreadableLayout(layout.key, line, own: layout.own)])
    done()
  }

  private func cut(_ done: @escaping () -> Void) {
    ask(["EXISTS", layout.undividedStoreKey], over: layout.wayToUndividedStore) { [self] reply in
      guard case .integer(let count) = reply else { return done() }
      // An undivided store has no such key, as none had before there were shards.
      guard count == 0 else { return found("1", done) }
      ask(["SET", layout.key, layout.own.text, "NX"], over: layout.way) { [self] reply in
        // Another node may have been first: then the next round tells.
        switch reply {
        case .status: found(layout.own.text, done)
        case .error(let line): unreadable(line, done)
        default: done()
        }
      }
    }
  }

  private func found(_ text: String, _ done: @escaping () -> Void) {
    defer { done() }
    guard text != layout.own.text else { return standing.answered(.layout, []) }
    if !layout.isGiven, !standing.isChecked, stage == .running, let found = StoreLayout(stored: text) {
      stage = .stopped
      return unfit(.otherLayout(found))
    }
    standing.answered(.layout, [.otherLayout(text, than: layout.own)])
  }

  private func settings(_ done: @escaping () -> Void) {
    askEach(["CONFIG", "GET"] + StoreFinding.settings) { [self] replies in
      let answers = replies.compactMap { StoreFinding.settings(config: $0, replication) }
      standing.answered(.settings, answers.isEmpty ? nil : StoreFinding.together(answers))
      done()
    }
  }

  private func types(_ done: @escaping () -> Void) {
    askAll(keys.map { ["TYPE", $0.name] }) { [self] replies in
      standing.answered(.types, replies.flatMap { OwnKeys.findings(keys, $0) })
      done()
    }
  }

  /// By ACL DRYRUN where the user may ask that; else by commands that do nothing.
  private func askRights(_ done: @escaping () -> Void) {
    ask(["ACL", "WHOAMI"]) { [self] reply in
      guard let user = reply?.text else { return tryRights(user: nil, done) }
      ask(["ACL", "DRYRUN", user, "TIME"]) { [self] reply in
        guard reply?.text == "OK" || reply?.text?.contains("no permissions") == true else {
          return tryRights(user: user, done)
        }
        judgeRights(rights, asking: { ["ACL", "DRYRUN", user] + $0.command }, user: user, done)
      }
    }
  }

  private func tryRights(user: String?, _ done: @escaping () -> Void) {
    judgeRights(rights.filter { !$0.isOnlyAsked }, asking: \.command, user: user, done)
  }

  private func judgeRights(
    _ rights: [RedisRights.Right], asking: (RedisRights.Right) -> [String], user: String?, _ done: @escaping () -> Void
  ) {
    askAll(rights.map(asking)) { [self] replies in
      defer { done() }
      guard let replies else { return }
      var denied: [RedisRights.Right] = []
      for (right, reply) in zip(rights, replies) {
        guard let isDenied = RedisRights.isDenied(reply) else { return }
        if isDenied { denied.append(right) }
      }
      standing.answered(.rights, RedisRights.findings(denied, user: user))
    }
  }

  // MARK: - Asking

  /// - Parameter completion: called with nil if there is no reply.
  private func ask(
    _ words: [String], over other: (any CommandSender)? = nil, completion: @escaping (RedisReply?) -> Void
  ) {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    var command = ByteBuffer()
    command.writeRedisCommand(arguments)
    (other ?? link).send(command, deadline: link.eventLoop.now + Self.limit) { result in completion(try? result.get()) }
  }

  /// Asks each server.
  ///
  /// - Parameter completion: called with all replies. A server that does not reply is told of by its link.
  private func askEach(_ words: [String], completion: @escaping ([RedisReply]) -> Void) {
    let servers = links.senders
    var (replies, missing) = ([RedisReply](), servers.count)
    guard missing > 0 else { return completion([]) }
    for server in servers {
      ask(words, over: server) { reply in
        missing -= 1
        if let reply { replies.append(reply) }
        if missing == 0 { completion(replies) }
      }
    }
  }

  /// - Parameter completion: called with all replies in order, or nil if one is missing.
  private func askAll(_ commands: [[String]], completion: @escaping ([RedisReply]?) -> Void) {
    assert(!commands.isEmpty, "nothing would ever be told, and the round never end")
    var (replies, missing) = ([RedisReply](), commands.count)
    for command in commands {
      ask(command) { reply in
        missing -= 1
        // In order on one link.
        if let reply { replies.append(reply) }
        if missing == 0 { completion(replies.count == commands.count ? replies : nil) }
      }
    }
  }
}
