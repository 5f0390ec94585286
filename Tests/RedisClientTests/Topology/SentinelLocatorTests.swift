import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import RedisClient

@Suite struct SentinelLocatorTests {
  private final class Follower: ServerFollower, Sendable {
    private let addresses = NIOLockedValueBox<[ServerAddress]>([])

    var told: [Int] { addresses.withLockedValue { $0.map(\.port) } }
    func serverMoved(to address: ServerAddress) { addresses.withLockedValue { $0.append(address) } }
  }

  /// A locator with these Sentinels and one follower, on an event loop of its own.
  private final class Bench: Sendable {
    let sentinels: [ScriptedSentinel]
    let follower = Follower()
    private let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    private let locator: NIOLoopBound<SentinelLocator>

    init(_ sentinels: ScriptedSentinel...) async throws {
      self.sentinels = sentinels
      let hosts = sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
      guard case .sentinel(let group) = try RedisTopology("redis+sentinel://\(hosts)/shop") else {
        throw RedisURL.Invalid(reason: "no Sentinels")
      }
      let (eventLoop, follower) = (eventLoop, follower)
      locator = try await eventLoop.submit {
        let locator = SentinelLocator(
          eventLoop: eventLoop, group: group, access: SentinelAccess(), logger: .silent)
        locator.tell(follower)
        return NIOLoopBound(locator, eventLoop: eventLoop)
      }.get()
    }

    deinit {
      let (locator, follower) = (locator, follower)
      eventLoop.execute { locator.value.forget(follower) }
    }

    func locate() async -> Result<RedisURL, LocationFailure> {
      await withCheckedContinuation { continuation in
        eventLoop.execute { [locator] in locator.value.locate { continuation.resume(returning: $0) } }
      }
    }
  }

  @Test func `what most Sentinels name is told, each of them asked by itself though they share a host`() async throws {
    let bench = try await Bench(
      ScriptedSentinel(master: 1), ScriptedSentinel(master: 2), ScriptedSentinel(master: 2))
    try await eventually("the follower is told") { bench.follower.told.contains(2) }
    #expect(!bench.follower.told.contains(1))
    #expect(bench.sentinels.allSatisfy { $0.state.questions > 0 })
  }

  @Test func `a search asks those last that most others contradict`() async throws {
    let bench = try await Bench(
      ScriptedSentinel(master: 1), ScriptedSentinel(master: 2), ScriptedSentinel(master: 2))
    try await eventually("the follower is told") { bench.follower.told.contains(2) }
    #expect(try await bench.locate().get().port == 2)
  }

  @Test func `without a majority nobody is told anything`() async throws {
    let bench = try await Bench(
      ScriptedSentinel(master: 1), ScriptedSentinel(master: 2), ScriptedSentinel(master: nil))
    try await eventually("all were asked, and again") { bench.sentinels.allSatisfy { $0.state.questions > 1 } }
    #expect(bench.follower.told == [])
    #expect([1, 2].contains(try await bench.locate().get().port), "the first that answers is believed by a search")
  }

  @Test func `a Sentinel that takes a connection and is silent is connected to anew`() async throws {
    let bench = try await Bench(ScriptedSentinel(master: 1, listens: false))
    try await eventually("it was connected to again and again") { bench.sentinels[0].state.connections > 2 }
  }
}
