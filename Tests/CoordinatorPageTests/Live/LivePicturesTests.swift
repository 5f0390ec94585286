import Common
import Hummingbird
import HummingbirdTesting
import NIOConcurrencyHelpers
import NIOCore
import TestSupport
import Testing

@testable import Coordinator

@Suite struct LivePicturesTests {
  private let cluster = SampleCluster(Scenes.allUp)
  private let pictures: LivePictures
  private let look: Look
  private let viewer = AddressGroup("10.0.0.1")
  private let clock = SteppedClock()

  init() throws {
    pictures = LivePictures(watch: cluster, templates: try PageTemplates(), assets: Assets(), now: clock.now)
    look = try Look(states: nil, mayChange: false)
  }

  @Test func `a viewer gets the picture at once, and again whenever something changes`() async throws {
    var events = try await pictures.stream(look, for: viewer) {}.map { String(buffer: $0) }.makeAsyncIterator()
    #expect(await events.next()?.contains("All well") == true)
    var second = try await pictures.stream(look, for: viewer) {}.map { String(buffer: $0) }.makeAsyncIterator()
    #expect(await second.next()?.contains("All well") == true, "the second need not wait for a change")
    cluster.change { $0 = Scenes.nodeDown }
    #expect(await events.next()?.contains("1 problem – Holdfast") == true)
    #expect(await second.next()?.contains("1 problem – Holdfast") == true)
    #expect(cluster.watchers == 1, "however many look, the cluster is watched once")
  }

  @Test func `each viewer sees what it asked for`() async throws {
    cluster.change { $0 = Scenes.nodeDown }
    var all = try await pictures.stream(Look(states: nil, mayChange: true), for: viewer) {}.map { String(buffer: $0) }
      .makeAsyncIterator()
    var down = try await pictures.stream(Look(states: "down", mayChange: false), for: viewer) {}.map {
      String(buffer: $0)
    }
    .makeAsyncIterator()
    let (one, other) = (await all.next() ?? "", await down.next() ?? "")
    #expect(one.contains(#"class="name">node-1"#) && one.contains("Drain node-1"))
    #expect(!other.contains(#"class="name">node-1"#) && other.contains(#"class="name">node-2"#))
    #expect(!other.contains("formaction"))
  }

  @Test func `figures alone are not sent more than once a second`() async throws {
    let stream = try await pictures.stream(look, for: viewer) {}
    let sent = NIOLockedValueBox<[String]>([])
    let reading = Task {
      for await event in stream.map({ String(buffer: $0) }) where event.contains("event: picture") {
        sent.withLockedValue { $0.append(event) }
      }
    }
    defer { reading.cancel() }
    try await eventually("the first picture") { sent.withLockedValue { !$0.isEmpty } }
    for rate in 0..<50 { cluster.change { $0.totals.ratePerSecond = Double(rate) } }
    cluster.change { $0 = Scenes.nodeDown }
    try await eventually("the change that matters") { sent.withLockedValue { $0.last?.contains("1 problem") == true } }
    #expect(sent.withLockedValue { $0.count } == 2, "the figures before it were left out")
    clock.advance(by: .seconds(1))
    cluster.change { $0.totals.ratePerSecond = 7 }
    try await eventually("figures, a second later") { sent.withLockedValue { $0.count } == 3 }
  }

  @Test func `there are only so many viewers, and whoever leaves makes room`() async throws {
    var streams: [AsyncStream<ByteBuffer>] = []
    for seat in 0..<LivePictures.maxViewers {
      streams.append(try await pictures.stream(look, for: AddressGroup("10.0.0.\(seat)")) {})
    }
    await #expect(throws: Problem.self) { try await pictures.stream(look, for: AddressGroup("10.1.0.1")) {} }
    streams.removeAll()
    try await eventually("all have left") { await pictures.viewerCount == 0 }
    _ = try await pictures.stream(look, for: viewer) {}
  }

  @Test func `one address cannot take every place`() async throws {
    var streams: [AsyncStream<ByteBuffer>] = []
    for _ in 0..<LivePictures.maxViewersPerAddress { streams.append(try await pictures.stream(look, for: viewer) {}) }
    await #expect(throws: Problem.self) { try await pictures.stream(look, for: viewer) {} }
    streams.append(try await pictures.stream(look, for: AddressGroup("10.0.0.2")) {})
    #expect(await pictures.viewerCount == streams.count)
  }

  @Test func `a viewer that does not read is dropped, and one that reads is not`() async throws {
    let dropped = NIOLockedValueBox(false)
    let stream = try await pictures.stream(look, for: viewer) { dropped.withLockedValue { $0 = true } }
    var reading = try await pictures.stream(look, for: viewer) {
      Issue.record("a viewer that reads was dropped")
    }.makeAsyncIterator()
    _ = await reading.next()
    for epoch in 0..<100 where !dropped.withLockedValue({ $0 }) {
      cluster.change { $0.leader?.epoch = Int64(epoch) }
      _ = await reading.next()
      clock.advance(by: .seconds(1))
    }
    #expect(dropped.withLockedValue { $0 })
    #expect(await pictures.viewerCount == 1)
    withExtendedLifetime(stream) {}
  }

  @Test func `signs of life come while nothing else does`() async throws {
    var events = try await pictures.stream(look, for: viewer) {}.map { String(buffer: $0) }.makeAsyncIterator()
    _ = await events.next()
    clock.advance(by: .seconds(2))
    #expect(await events.next() == "event: heartbeat\ndata:\n\n")
  }

  @Test func `a stream ends with the server`() async throws {
    let bench = try SiteBench()
    let connection = NIOLockedValueBox<RawConnection?>(nil)
    try await bench.test(.live) { client in
      let opened = try await RawConnection(port: try #require(client.port))
      opened.send("GET /events HTTP/1.1\r\nHost: test\r\n\r\n")
      connection.withLockedValue { $0 = opened }
      try await eventually("somebody looks") { await bench.site.pictures.viewerCount == 1 }
    }
    // The server has stopped gracefully here, so an open page did not delay it.
    let opened = try #require(connection.withLockedValue { $0 })
    try await opened.waitForEnd()
  }

  @Test func `a connection that ends makes room`() async throws {
    let bench = try SiteBench()
    try await bench.test(.live) { client in
      let opened = try await RawConnection(port: try #require(client.port))
      opened.send("GET /events HTTP/1.1\r\nHost: test\r\n\r\n")
      try await eventually("somebody looks") { await bench.site.pictures.viewerCount == 1 }
      opened.close()
      // A sign of life finds that out. Each look moves the clock: one step could be over before the first picture is
      // made, and after that picture no sign of life would ever be due.
      try await eventually("nobody looks") {
        bench.clock.advance(by: .seconds(2))
        return await bench.site.pictures.viewerCount == 0
      }
    }
  }
}
