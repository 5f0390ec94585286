import Common
import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

@testable import Coordinator

/// Tests that need much of the processor.
@Suite(.serialized) struct HeavyTests {}

extension HeavyTests {
  @Suite struct ClusterWatchTests {
    @Test func `a node that announces itself and answers is UP, and all is well once it leads`() async throws {
      let (watch, node) = (WatchUnderTest(), try await StandIn(.sample().leading(epoch: 7)))
      #expect(await watch.view.healthy == false)
      #expect(try await watch.watch.announce(node.announcement).wanted == .serve)
      let seen = try await watch.wait(toBe: .up)
      #expect(seen.url == node.url && seen.ready && seen.reason == "answered the first probe")
      #expect(seen.health == node.report && seen.probe.lastMs ?? 0 > 0 && seen.probe.lastFailure == nil)
      try await eventually("all is well") {
        let view = await watch.view
        return view.healthy && view.leader?.id == "n1" && view.leader?.epoch == 7
      }
      try await eventually("the course of things is kept, second by second") {
        let node = await watch.node("n1")
        return node?.rates.compactMap { $0 }.count ?? 0 >= 2 && node?.probeTimes.compactMap { $0 }.count ?? 0 >= 2
      }
      try await eventually("connections are kept") { node.requests >= node.connections + 3 }
    }

    @Test func `a node that ends is DOWN, with the reason in words, and UP again when it is back`() async throws {
      let watch = WatchUnderTest()
      var node: StandIn? = try await StandIn()
      let port = try #require(node?.port)
      try await watch.admit(node!)
      node?.reply(.last(""))
      node = nil
      let down = try await watch.wait(toBe: .down)
      #expect(down.reason.hasSuffix("connection refused, 3 times in a row") || down.reason.hasPrefix("3 failures"))
      #expect(await watch.view.problems.contains { $0.kind == "node-down" && $0.node == "n1" })
      let back = try await StandIn(.sample(bootID: "b2"), port: port)
      #expect(try await watch.watch.announce(back.announcement).wanted == .serve)
      #expect(try await watch.wait(toBe: .up).bootId == "b2")
    }

    @Test(
      arguments: [
        (LittleServer.answer(503, "{}"), "/health answered 503"),
        (LittleServer.answer(302, "", headers: ["Location: /health/live"]), "/health answered 302"),
        (LittleServer.answer(200, "{}"), "/health answered something else than a health report"),
        (LittleServer.answer(200, "hello"), "/health answered something else than a health report"),
        (
          LittleServer.answer(200, String(buffer: HealthReport.sample(bootID: "b9").json)),
          "answers as another process (boot id b9)"
        ),
        (LittleServer.answer(200, String(buffer: HealthReport.sample(id: "n9").json)), "answers as another node (n9)"),
        (
          LittleServer.answer(200, String(repeating: " ", count: 70_000)),
          "/health answered more than a health report can be"
        ),
        (
          LittleServer.answer(200, "", headers: ["X: " + String(repeating: " ", count: 20_000) + "y"]),
          "/health answered more than a health report can be"
        ),
        (.silence, "no answer within 500 ms"),
        (.slowly("HTTP/1.1 200 OK\r\n", pause: .milliseconds(100)), "no answer within 500 ms"),
      ])
    func `an answer that is no health report of this process is a failure, told as what was seen`(
      reply: LittleServer.Reply, words: String
    ) async throws {
      let (watch, node) = (WatchUnderTest(), try await StandIn())
      try await watch.admit(node)
      let down = try await watch.wait(toBeDownBecause: words + ", 3 times in a row", by: node, reply)
      #expect(!down.ready)
      try await eventually("that was the last failure") { await watch.node("n1")?.probe.lastFailure == words }
      node.reply(nil)
      // A slow machine may have it suspected right after.
      try await eventually("it is up again, because it has answered twice") {
        await watch.view.transitions.contains { $0.to == "UP" && $0.reason == "answered 2 times in a row" }
      }
    }

    @Test
    func `an announced address outside the allowed networks is never connected to, nor by its name`() async throws {
      let (watch, node) = (WatchUnderTest(allowed: "10.0.0.0/8"), try await StandIn())
      var announcement = node.announcement
      _ = try await watch.watch.announce(announcement)
      (announcement.id, announcement.url) = ("n2", "http://localhost:\(node.port)")
      _ = try await watch.watch.announce(announcement)
      for id in ["n1", "n2"] {
        let down = try await watch.wait(for: id, toBe: .down)
        #expect(down.reason == "its address is not in the allowed networks, 3 times in a row")
      }
      #expect(node.connections == 0)
    }

    @Test
    func `a node that was restarted quickly is taken over by its first announcement: its URL is asked`() async throws {
      let (watch, node) = (WatchUnderTest(), try await StandIn())
      try await watch.admit(node)
      // Whatever else the machine does, one of many answers comes in time.
      var isTaken = false
      for boot in (2...30).map({ "b\($0)" }) where !isTaken {
        node.report = .sample(bootID: boot)
        isTaken = await (try? watch.watch.announce(node.announcement))?.wanted == .serve
        guard isTaken else { continue }
        let seen = try #require(await watch.node("n1"))
        #expect(seen.state == .up && seen.bootId == boot && seen.reason == "restarted: it answers as boot id \(boot)")
      }
      #expect(isTaken)
    }

    @Test
    func `who announces itself under the id of a living node is refused, whatever it says, and counted`() async throws {
      let (watch, node, intruder) = (WatchUnderTest(), try await StandIn(), try await StandIn(.sample(bootID: "b2")))
      try await watch.admit(node)
      var inItsPlace = intruder.announcement
      inItsPlace.url = node.url
      var asItself = intruder.announcement
      asItself.bootId = "b1"
      for announcement in [intruder.announcement, inItsPlace, asItself, inItsPlace] {
        do {
          _ = try await watch.watch.announce(announcement)
          Issue.record("\(announcement) was taken")
        } catch {
          guard case .idTaken = error else {
            Issue.record("\(error)")
            return
          }
        }
      }
      #expect(try await watch.wait(toBe: .up).bootId == "b1")
      #expect(intruder.connections == 0)
      #expect(watch.metric(#"holdfast_coordinator_announcements_refused_total{reason="id-taken"}"#) == "4")
    }

    @Test
    func `what an operator wants is told to the node, and shown when done; a recheck sees it at once`() async throws {
      let (watch, node) = (WatchUnderTest(), try await StandIn())
      try await watch.admit(node)
      #expect(await watch.watch.want(.drain, of: "n1", by: "anna"))
      #expect(await watch.watch.want(.drain, of: "n2", by: "anna") == false)
      #expect(await watch.node("n1")?.wanted == "drain")
      #expect(try await watch.watch.announce(node.announcement).wanted == .drain)
      // Whatever else the machine does, one of many answers comes in time.
      try await untilShown("a change is seen by the time a recheck is over") {
        node.report = .sample()
        try await watch.wait(toBe: .up)
        node.report = .sample(state: .draining, reasons: ["draining"])
        #expect(await watch.watch.recheck(id: "n1"))
        guard let seen = await watch.node("n1"), seen.state == .draining else { return false }
        #expect(seen.reason == "drained by anna" && !seen.ready)
        return true
      }
      #expect(await watch.watch.recheck(id: "n2") == false)
    }

    @Test func `a node that leaves has left, and is not asked any more`() async throws {
      let (watch, node, other) = (WatchUnderTest(), try await StandIn(), try await StandIn(.sample(id: "n2")))
      try await watch.admit(node)
      try await watch.admit(other)
      await #expect(throws: AnnouncementRefusal.self) { try await watch.watch.leave(id: "n1", bootId: "b2") }
      await #expect(throws: AnnouncementRefusal.unknownNode) { try await watch.watch.leave(id: "n3", bootId: "b1") }
      try await watch.watch.leave(id: "n1", bootId: "b1")
      try await eventually("one is up, and one has left") {
        let view = await watch.view
        return view.nodes.map(\.state) == [.up, .left] && view.totals.nodes == 1
      }
      let (asked, askedOther) = (node.requests, other.requests)
      #expect(await watch.watch.recheck(id: "n1"))
      try await eventually("the other one was asked three times more") { other.requests >= askedOther + 3 }
      #expect(node.requests <= asked + 1, "one that was under way may have come")
    }

    @Test func `what metrics tell of a node goes with it`() async throws {
      let (watch, node) = (WatchUnderTest(), try await StandIn())
      try await watch.admit(node)
      let up = #"holdfast_node_up{node="n1"}"#
      func state(_ name: String) -> String? { watch.metric(#"holdfast_node_state{node="n1",state="\#(name)"}"#) }
      try await eventually("it is shown as up") { watch.metric(up) == "1" && state("UP") == "1" }
      #expect(watch.metric("holdfast_coordinator_announcements_total") == "1")
      #expect(Int(watch.metric(#"holdfast_coordinator_transitions_total{to="UP"}"#) ?? "") ?? 0 >= 1)
      #expect(Int(watch.metric("holdfast_coordinator_probe_seconds_count") ?? "") ?? 0 > 0)
      node.reply(.silence)
      try await eventually("it is shown as down") { watch.metric(up) == "0" && state("DOWN") == "1" }
      #expect(state("UP") == nil && watch.metric(#"holdfast_coordinator_nodes{state="DOWN"}"#) == "1")
      // The shop cannot sell, the node is DOWN, and no node leads.
      try await eventually("three problems are counted, and three failures") {
        let failures = watch.metric(#"holdfast_coordinator_probe_failures_total{reason="no-answer"}"#)
        return watch.metric(#"holdfast_coordinator_problems{severity="critical"}"#) == "3"
          && Int(failures ?? "") ?? 0 >= 3
      }
      try await watch.watch.leave(id: "n1", bootId: "b1")
      try await eventually("it is not shown") { watch.metric(up) == nil && state("DOWN") == nil }
      #expect(watch.metric(#"holdfast_coordinator_nodes{state="LEFT"}"#) == "1")
    }

    @Test func `time is that of the clocks which the watch was given`() async {
      let began = ContinuousClock.now
      let clock = NIOLockedValueBox(Moment(instant: began, epochMilliseconds: 1_795_337_100_000))
      let watch = ClusterWatch(
        allowed: AddressPolicy("127.0.0.1")!, maxNodes: 10, path: nil, logger: .silent,
        now: { clock.withLockedValue { $0 } })
      #expect(await watch.view().at == RFC3339.string(epochMilliseconds: 1_795_337_100_000))
      clock.withLockedValue { $0 = Moment(instant: began + .seconds(90), epochMilliseconds: 1_795_337_190_000) }
      let later = await watch.view()
      #expect(later.at == RFC3339.string(epochMilliseconds: 1_795_337_190_000))
      #expect(later.coordinator.uptimeSeconds == 90)
    }

    @Test func `everything a coordinator logs of a change names the node, the states and the reason`() async throws {
      let (watch, node) = (WatchUnderTest(), try await StandIn())
      try await watch.admit(node)
      let reason = "/health answered 500, 3 times in a row"
      _ = try await watch.wait(toBeDownBecause: reason, by: node, LittleServer.answer(500))
      let line = watch.log.all.last { $0.hasPrefix("state changed") && $0.contains("n1") } ?? ""
      #expect(["SUSPECT", "DOWN", reason].allSatisfy(line.contains))
    }
  }
}
