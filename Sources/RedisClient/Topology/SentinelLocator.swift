import Logging
import NIOCore

/// Asks Sentinels for the master before each connection, and listens to them for a change of master.
///
/// All links of an event loop share one locator. If several links ask at once, the Sentinels are asked once. Belongs to
/// that loop.
package final class SentinelLocator: ServerLocator {
  /// A Sentinel that has not answered within this time is skipped.
  static let answerLimit = TimeAmount.milliseconds(250)
  private static let lookInterval = TimeAmount.seconds(5)

  package var longestRetryDelay: TimeAmount { .milliseconds(250) }

  private struct Follower {
    weak var value: (any ServerFollower)?
  }

  private let group: MasterGroup
  private let access: SentinelAccess
  private let connector: RedisConnector
  private let logger: Logger
  private let watch: SentinelWatch
  private var followers: [Follower] = []
  /// The Sentinel that answered last comes first. Those that the majority contradicts come last.
  private var order: [ServerAddress]
  private var waiting: [(Result<RedisURL, LocationFailure>) -> Void] = []
  private var known: ServerAddress?
  private var looks: RepeatedTask?
  private var isLooking = false

  package init(eventLoop: any EventLoop, group: MasterGroup, access: SentinelAccess, logger: Logger) {
    (self.group, self.access, self.logger) = (group, access, logger)
    connector = RedisConnector(eventLoop: eventLoop, tls: access.tls)
    watch = SentinelWatch(group, connector: connector, access: access)
    order = group.sentinels
  }

  // MARK: - The search of a link that connects

  package func locate(_ completion: @escaping (Result<RedisURL, LocationFailure>) -> Void) {
    waiting.append(completion)
    guard waiting.count == 1 else { return }
    var search = SentinelSearch(for: group.masterName, order: order)
    perform(search.start(), search)
  }

  private func perform(_ step: SentinelSearch.Step, _ search: SentinelSearch) {
    switch step {
    case .ask(let sentinel):
      ask(sentinel) { [self] answer in
        var search = search
        if case .master = answer { order = [sentinel] + order.filter { $0 != sentinel } }
        perform(search.answered(answer, by: sentinel), search)
      }
    case .found(let address):
      learned(address)
      end(.success(group.server(at: address)))
    case .failed(let failure): end(.failure(failure))
    }
  }

  private func end(_ result: Result<RedisURL, LocationFailure>) {
    let told = waiting
    waiting = []
    for completion in told { completion(result) }
  }

  private func ask(_ sentinel: ServerAddress, completion: @escaping (SentinelSearch.Answer) -> Void) {
    let session = ServerSession(connector: connector, sentinel: sentinel, access: access, limit: Self.answerLimit)
    let limit = connector.eventLoop.assumeIsolated().scheduleTask(in: Self.answerLimit) {
      session.end("\(sentinel) does not answer within \(Self.answerLimit.nanoseconds / 1_000_000) ms")
    }
    let names = access.names
    let question = RedisArguments("SENTINEL", "GET-MASTER-ADDR-BY-NAME", group.masterName)
    session.start(
      ready: {
        session.send(question) { reply in
          limit.cancel()
          session.stop()
          completion(SentinelSearch.Answer(reply, from: sentinel, login: names))
        }
      },
      ended: { end in
        limit.cancel()
        completion(end.hasAnswered ? .useless(end.words) : .silent(end.words))
      })
  }

  private func learned(_ address: ServerAddress) {
    guard known != address else { return }
    logger.notice(
      known == nil ? "Sentinel names the master" : "Sentinel names another master",
      metadata: ["master": "\(address)", "before": "\(known?.description ?? "unknown")"])
    known = address
  }

  // MARK: - What is told without having been asked for

  package func tell(_ follower: any ServerFollower) {
    followers.append(Follower(value: follower))
    guard looks == nil else { return }
    watch.start { [self] news in
      switch news {
      case .moved(let address): tell(address)
      // Messages sent before the subscription are lost, so ask.
      case .listens: look()
      }
    }
    // This also moves a link that still leads to an old master when no message came, such as after a network split.
    let locator = NIOLoopBound(self, eventLoop: connector.eventLoop)
    looks = connector.eventLoop.scheduleRepeatedTask(initialDelay: Self.lookInterval, delay: Self.lookInterval) { _ in
      locator.value.look()
    }
  }

  package func forget(_ follower: any ServerFollower) {
    followers.removeAll { $0.value == nil || $0.value === follower }
    guard followers.isEmpty else { return }
    looks?.cancel()
    looks = nil
    watch.stop()
  }

  private func tell(_ address: ServerAddress) {
    learned(address)
    for follower in followers { follower.value?.serverMoved(to: address) }
  }

  /// Asks all Sentinels. The majority counts, because one that is cut off has old knowledge.
  private func look() {
    guard !isLooking else { return }
    isLooking = true
    var (named, open) = ([ServerAddress: ServerAddress](), group.sentinels.count)
    for sentinel in group.sentinels {
      ask(sentinel) { [self] answer in
        if case .master(let address) = answer { named[sentinel] = address }
        open -= 1
        if open == 0 { looked(named) }
      }
    }
  }

  /// - Parameter named: for each Sentinel that answered, the master it named.
  private func looked(_ named: [ServerAddress: ServerAddress]) {
    isLooking = false
    guard let master = SentinelVote(named, of: group.sentinels.count).master else { return }
    order = order.filter { named[$0] == master } + order.filter { named[$0] != master }
    tell(master)
  }
}
