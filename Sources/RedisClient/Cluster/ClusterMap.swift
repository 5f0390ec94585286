import Logging
import NIOCore

/// Knows which server of a Cluster serves which slots, for all links of an event loop. Belongs to that loop.
///
/// A server says `MOVED` when a slot is elsewhere. That is news of one slot; the rest is asked for once, however many
/// say so. While a link is down, servers are asked again and again, each time another one first.
package final class ClusterMap {
  /// A server that has not answered within this time is skipped.
  private static let answerLimit = TimeAmount.milliseconds(250)
  /// Time between two looks, and between two looks at the links.
  private static let interval = TimeAmount.milliseconds(250)
  /// What a server says of one slot counts for so long against servers that have not heard of it yet.
  private static let moveCounts = TimeAmount.seconds(2)
  private static let maxServers = 64

  private struct Follower {
    weak var value: (any SlotFollower)?
  }

  private let seeds: ClusterSeeds
  private let connector: RedisConnector
  private let logger: Logger
  private var followers: [Follower] = []
  private(set) var slots = SlotMap()
  /// All servers that were ever named, the latest first.
  private var servers: [ServerAddress]
  private var moves: [(move: SlotMove, until: NIODeadline)] = []
  /// Why the last look had no answer, in plain words.
  private(set) var problem: String?
  private var isLooking = false
  /// How many looks there have been, so that each begins with another server.
  private var looks = 0
  private var nextLook = NIODeadline.uptimeNanoseconds(0)
  private var ticks: RepeatedTask?

  package init(eventLoop: any EventLoop, seeds: ClusterSeeds, tls: RedisTLS?, logger: Logger) {
    (self.seeds, self.logger, servers) = (seeds, logger, seeds.addresses)
    connector = RedisConnector(eventLoop: eventLoop, tls: tls)
  }

  var eventLoop: any EventLoop { connector.eventLoop }

  func url(of server: ServerAddress) -> RedisURL { seeds.server(at: server) }

  /// Tells `follower` of news until it is forgotten or gone.
  func tell(_ follower: any SlotFollower) {
    followers.append(Follower(value: follower))
    guard ticks == nil else { return }
    let map = NIOLoopBound(self, eventLoop: eventLoop)
    ticks = eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.interval) { _ in map.value.tick() }
  }

  func forget(_ follower: any SlotFollower) {
    followers.removeAll { $0.value == nil || $0.value === follower }
    guard followers.isEmpty else { return }
    ticks?.cancel()
    ticks = nil
  }

  /// A server has refused a command with this line.
  func heard(_ line: String, from server: ServerAddress) {
    if let move = SlotMove(line: line, from: server) {
      guard slots.move(move.slot, to: move.address) else { return }
      moves.append((move, eventLoop.now + Self.moveCounts))
      // That server knows most of what has changed.
      learn([move.address])
      tellAll()
    } else {
      guard line.hasPrefix("CLUSTERDOWN") || line.hasPrefix("READONLY") else { return }
    }
    look()
  }

  private func tick() {
    if followers.contains(where: { $0.value?.lacksServer == true }) { look() }
  }

  private func tellAll() {
    for follower in followers { follower.value?.slotsMoved() }
  }

  // MARK: - Looks

  private func look() {
    guard !isLooking, ticks != nil else { return }
    isLooking = true
    let now = eventLoop.now
    guard now < nextLook else { return ask() }
    eventLoop.assumeIsolated().scheduleTask(deadline: nextLook) { [self] in ask() }
  }

  private func ask() {
    nextLook = eventLoop.now + Self.interval
    moves.removeAll { $0.until <= eventLoop.now }
    let first = moves.isEmpty ? looks % servers.count : 0
    looks += 1
    var search = SlotSearch(order: Array(servers[first...] + servers[..<first]), takesUnsure: slots.isEmpty)
    perform(search.start(), search)
  }

  private func learn(_ named: [ServerAddress]) {
    servers = Array((named + servers.filter { !named.contains($0) }).prefix(Self.maxServers))
    // Those that the operator has named are never forgotten.
    servers += seeds.addresses.filter { !servers.contains($0) }
  }

  private func perform(_ step: SlotSearch.Step, _ search: SlotSearch) {
    switch step {
    case .ask(let server):
      ask(server) { [self] answer in
        var search = search
        perform(search.answered(answer), search)
      }
    case .found(var map):
      learn(map.servers.filter { !servers.contains($0) })
      for (move, _) in moves { _ = map.move(move.slot, to: move.address) }
      ended(map, problem: nil)
    case .failed(let words): ended(slots, problem: words)
    }
  }

  private func ended(_ map: SlotMap, problem: String?) {
    isLooking = false
    if let problem, problem != self.problem {
      logger.warning("the Cluster's slots are unknown", metadata: ["reason": "\(problem)"])
    }
    self.problem = problem
    guard map != slots else { return }
    slots = map
    tellAll()
  }

  private func ask(_ server: ServerAddress, completion: @escaping (SlotSearch.Answer) -> Void) {
    let url = seeds.server(at: server)
    let problem = connector.problem(of: url)
    let session = ServerSession(connector: connector, url: url, limit: Self.answerLimit) {
      problem.words(refusedWith: $0)
    }
    let limit = eventLoop.assumeIsolated().scheduleTask(in: Self.answerLimit) {
      session.end("\(server) does not answer within \(Self.answerLimit.nanoseconds / 1_000_000) ms")
    }
    session.start(
      ready: {
        var state: RedisReply?
        session.send(RedisArguments("CLUSTER", "INFO")) { state = $0 }
        session.send(RedisArguments("CLUSTER", "SLOTS")) { slots in
          limit.cancel()
          session.stop()
          completion(SlotSearch.Answer(state: state, slots: slots, from: problem))
        }
      },
      ended: { end in
        limit.cancel()
        completion(.none(end.words))
      })
  }
}

/// Uses the servers of a Cluster.
protocol SlotFollower: AnyObject {
  /// Whether a server that is needed is unknown, or can't be reached.
  var lacksServer: Bool { get }
  /// Slots may be elsewhere now.
  func slotsMoved()
}
