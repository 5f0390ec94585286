import Common
import TestSupport
import Testing

@testable import Coordinator

extension HeavyTests {
  @Suite struct OnlookerTests {
    /// Collects views as they come until there are enough.
    private func views(_ watch: WatchUnderTest, until enough: ([ClusterView]) -> Bool) async -> [ClusterView] {
      var seen: [ClusterView] = []
      for await view in await watch.watch.views() {
        seen.append(view)
        if enough(seen) { break }
      }
      return seen
    }

    private func seconds(from one: ClusterView, to other: ClusterView) -> Double {
      Double((RFC3339.epochMilliseconds(of: other.at) ?? 0) - (RFC3339.epochMilliseconds(of: one.at) ?? 0)) / 1000
    }

    @Test func `who looks on sees the view at once, and again every second though nothing changes`() async throws {
      let watch = WatchUnderTest()
      let began = ContinuousClock.now
      let seen = await views(watch) { $0.count == 5 }
      #expect(ContinuousClock.now - began < .seconds(20) + ControlTimer.shared.allowance(since: began))
      // The first comes at once. The second comes when it was due anyway.
      #expect(seconds(from: seen[1], to: seen[4]) > 2.7)
    }

    @Test func `a change is seen without waiting for the second to be over`() async throws {
      let (watch, node) = (WatchUnderTest(), try await StandIn())
      try await watch.admit(node)
      var changedAt: ContinuousClock.Instant?
      var fastest = Duration.seconds(60)
      // Even on a busy machine, one of many changes is seen soon.
      for turn in 0..<60 where fastest >= .milliseconds(600) {
        for await view in await watch.watch.views() {
          guard let since = changedAt else {
            changedAt = .now
            _ = await watch.watch.want(turn % 2 == 0 ? .drain : .serve, of: "n1", by: "anna")
            continue
          }
          if view.nodes.first?.wanted == (turn % 2 == 0 ? "drain" : "serve") {
            fastest = min(fastest, .now - since)
            break
          }
        }
        changedAt = nil
      }
      #expect(fastest < .milliseconds(600))
    }

    @Test func `though changes come all the time, there are no more than four views a second`() async throws {
      let (watch, node) = (WatchUnderTest(), try await StandIn())
      try await watch.admit(node)
      let changing = Task {
        var wanted = Wanted.drain
        while !Task.isCancelled {
          _ = await watch.watch.want(wanted, of: "n1", by: "anna")
          wanted = wanted == .drain ? .serve : .drain
          try? await Task.sleep(for: .milliseconds(10))
        }
      }
      let seen = await views(watch) { $0.count == 14 }
      changing.cancel()
      #expect(seconds(from: seen[1], to: seen[13]) >= 12 * 0.25 - 0.1)
    }

    @Test func `who has gone is forgotten`() async throws {
      let watch = WatchUnderTest()
      for await _ in await watch.watch.views() {
        #expect(await watch.watch.broadcast.nextShowing != nil)
        break
      }
      try await eventually("nobody looks on") { await watch.watch.broadcast.nextShowing == nil }
    }

    @Test func `when the watch ends, so do the views`() async throws {
      let watch = WatchUnderTest()
      let stream = await watch.watch.views()
      try await watch.stop()
      for await _ in stream {}
      for await _ in await watch.watch.views() {}
    }
  }
}
