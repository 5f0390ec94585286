import Logging
import NIOEmbedded
import RedisClient
import Testing

@testable import Node

@Suite struct NodeStateTests {
  private let loop = EmbeddedEventLoop()
  private let reports = NodeReports()
  private let state: NodeState

  init() throws {
    let link = RedisLink(
      eventLoop: loop,
      servers: FixedServer(try RedisURL("redis://127.0.0.1")),
      configuration: .init(clientName: "test", vacantKey: "nobody"),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    state = NodeState(
      nodeID: "node-1", topology: try RedisTopology("redis://h"), minReplicas: 0, links: link, reports: reports,
      startedAt: loop.now)
  }

  private var drains: [String] { state.obstacles(at: loop.now).filter { $0.hasPrefix("draining") } }

  @Test func `a node drains for as long as there is a reason`() {
    #expect(!state.isDraining && drains.isEmpty)
    #expect(state.set(.wanted, to: true) && state.isDraining)
    #expect(!state.set(.stopping, to: true), "it drained already")
    #expect(drains == ["draining: the process stops", "draining: an operator wants it"])
    #expect(!state.set(.wanted, to: false) && state.isDraining, "an operator can't keep a process that stops")
    #expect(drains == ["draining: the process stops"])
    #expect(state.set(.stopping, to: false) && !state.isDraining && drains.isEmpty)
  }

  @Test func `a reason that is told again changes nothing`() {
    #expect(!state.set(.wanted, to: false) && !state.isDraining)
    #expect(state.set(.wanted, to: true))
    #expect(!state.set(.wanted, to: true) && drains == ["draining: an operator wants it"])
    #expect(state.set(.wanted, to: false) && !state.isDraining)
  }

  @Test func `a node that drains while it starts announces that it drains`() {
    #expect(state.announcement(url: "http://h", at: loop.now).state == "starting")
    _ = state.set(.wanted, to: true)
    let announcement = state.announcement(url: "http://h", at: loop.now)
    #expect(announcement.state == "draining" && announcement.url == "http://h")
    #expect(announcement.id == "node-1" && announcement.bootId == state.bootID)
  }

  @Test func `a node is drained when an operator wants it, and nothing else stands against it`() {
    func isDrained() -> Bool {
      state.report(
        of: .init(inFlight: 0, ratePerSecond: 0, errorsPerSecond: 0, total: 0, errors: 0), at: loop.now,
        leaseNow: .now
      ).drained
    }
    _ = state.set(.wanted, to: true)
    #expect(!isDrained(), "it has not seen the store yet")
    reports.update(\.store, StoreReport(isChecked: true))
    reports.update(\.canAdminister, true)
    #expect(isDrained())
    _ = state.set(.stopping, to: true)
    #expect(!isDrained(), "the process stops")
    _ = state.set(.stopping, to: false)
    reports.update(\.store, StoreReport(isChecked: true, faults: ["Redis takes no writes"]))
    #expect(!isDrained(), "nor could it serve")
    reports.update(\.store, StoreReport(isChecked: true))
    _ = state.set(.wanted, to: false)
    #expect(!isDrained())
  }

  /// A ready node accepts every request, also those that use another link to the store.
  @Test func `a node is starting until the store is checked and can be administered`() {
    func awaited() -> [String] { state.obstacles(at: loop.now).filter { $0.hasPrefix("starting") } }
    #expect(awaited() == ["starting: the store has not been checked yet"])
    reports.update(\.store, StoreReport(isChecked: true))
    #expect(awaited() == ["starting: no link for stock administration yet"])
    #expect(state.announcement(url: "http://h", at: loop.now).state == "starting")
    reports.update(\.canAdminister, true)
    #expect(awaited() == [])
  }
}
