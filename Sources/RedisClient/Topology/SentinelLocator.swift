import Logging
import NIOCore

/// Finds the master by asking Sentinels, anew each time, and listens to them for a change of master.
///
/// One for all links of an event loop: what several ask for at once is asked once. Belongs to that loop.
package final class SentinelLocator: ServerLocator {
  private struct Follower {
    weak var value: (any ServerFollower)?
  }

  private static let lookInterval = TimeAmount.seconds(2)
  /// A Sentinel that has not answered by then is passed over.
  static let answerLimit = TimeAmount.milliseconds(250)

  package var longestRetryDelay: TimeAmount { .milliseconds(250) }

  private let group: MasterGroup
  private let access: SentinelAccess
  private let connector: RedisConnector
  private let logger: Logger
  private let watch: SentinelWatch
  private var followers: [Follower] = []
  private var isLooking = false
  /// The one that answered last comes first.
  private var order: [ServerAddress]
  private var waiting: [(Result<RedisURL, LocationFailure>) -> Void] = []
  private var known: ServerAddress?

  package init(eventLoop: any EventLoop, group: MasterGroup, access: SentinelAccess, logger: Logger) {
    (self.group, self.access, self.logger) = (group, access, logger)
    connector = RedisConnector(eventLoop: eventLoop, tls: access.tls)
    watch = SentinelWatch(group, connector: connector, access: access)
    order = group.sentinels
  }

  package func locate(_ completion: @escaping (Result<RedisURL, LocationFailure>) -> Void) {
    waiting.append(completion)
    guard waiting.count == 1 else { return }
    var search = SentinelSearch(for: group.masterName, order: order)
    perform(search.start(), search)
  }

  package func tell(_ follower: any ServerFollower) {
    followers.append(Follower(value: follower))
    guard followers.count == 1 else { return }
    watch.start { [self] news in
      switch news {
      case .moved(let address): tell(address)
      // What was told while nobody listened is lost.
      case .listens: look()
      }
    }
    lookAgain()
  }

  /// Whether there is still somebody to look for.
  private var isWanted: Bool {
    followers.removeAll { $0.value == nil }
    return !followers.isEmpty
  }

  private func tell(_ address: ServerAddress) {
    guard isWanted else { return watch.stop() }
    learned(address)
    for follower in followers { follower.value?.serverMoved(to: address) }
  }

  // MARK: - Looking without having been asked

  /// A link to a master of the past is moved, though no message came: one that was cut off with it, and is so no more.
  private func lookAgain() {
    connector.eventLoop.assumeIsolated().scheduleTask(in: Self.lookInterval) { [self] in
      guard isWanted else { return watch.stop() }
      look()
      lookAgain()
    }
  }

  /// Asks all Sentinels. What most of them say counts: one that is cut off knows nothing new.
  private func look() {
    guard !isLooking else { return }
    isLooking = true
    var (votes, open) = ([ServerAddress: Int](), group.sentinels.count)
    for sentinel in group.sentinels {
      ask(sentinel) { [self] answer in
        if case .master(let address) = answer { votes[address, default: 0] += 1 }
        open -= 1
        guard open == 0 else { return }
        isLooking = false
        if let (address, _) = votes.first(where: { 2 * $0.value > group.sentinels.count }) { tell(address) }
      }
    }
  }

  private func perform(_ step: SentinelSearch.Step, _ search: SentinelSearch) {
    switch step {
    case .ask(let sentinel):
      ask(sentinel) { [self] answer in
        var search = search
        if case .master = answer { answered(sentinel) }
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
    let session = SentinelSession(connector: connector, url: access.url(of: sentinel), limit: Self.answerLimit)
    let limit = connector.eventLoop.assumeIsolated().scheduleTask(in: Self.answerLimit) {
      session.end("\(sentinel) does not answer within \(Self.answerLimit.nanoseconds / 1_000_000) ms")
    }
    let question = RedisArguments("SENTINEL", "GET-MASTER-ADDR-BY-NAME", group.masterName)
    session.start(
      ready: {
        session.send(question) { reply in
          limit.cancel()
          session.stop()
          completion(SentinelSearch.Answer(reply, from: sentinel))
        }
      },
      ended: { words in
        limit.cancel()
        completion(.failed(words))
      })
  }

  private func answered(_ sentinel: ServerAddress) {
    order.removeAll { $0 == sentinel }
    order.insert(sentinel, at: 0)
  }

  private func learned(_ address: ServerAddress) {
    guard known != address else { return }
    logger.notice(
      known == nil ? "Sentinel names the master" : "Sentinel names another master",
      metadata: ["master": "\(address)", "before": "\(known?.description ?? "unknown")"])
    known = address
  }
}
