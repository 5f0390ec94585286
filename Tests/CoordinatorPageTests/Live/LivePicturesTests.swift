import Common
import Hummingbird
import HummingbirdTesting
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import Coordinator

@Suite struct LivePicturesTests {
  private let cluster = SampleCluster(Scenes.allUp)
  private let pictures: LivePictures
  private let look: Look

  init() throws {
    pictures = LivePictures(watch: cluster, templates: try PageTemplates(), assets: Assets())
    look = try Look(states: nil, mayChange: false)
  }

  @Test func aViewerGetsThePictureAtOnceAndWhateverChanges() async throws {
    var events = try await pictures.stream(look) {}.map { String(buffer: $0) }.makeAsyncIterator()
    #expect(await events.next()?.contains("All well") == true)
    var second = try await pictures.stream(look) {}.map { String(buffer: $0) }.makeAsyncIterator()
    #expect(await second.next()?.contains("All well") == true, "the second need not wait for a change")
    cluster.change { $0 = Scenes.nodeDown }
    #expect(await events.next()?.contains("1 problem – Holdfast") == true)
    #expect(await second.next()?.contains("1 problem – Holdfast") == true)
    #expect(cluster.watchers == 1, "however many look, the cluster is watched once")
  }

  @Test func eachSeesWhatItAskedFor() async throws {
    cluster.change { $0 = Scenes.nodeDown }
    var all = try await pictures.stream(Look(states: nil, mayChange: true)) {}.map { String(buffer: $0) }
      .makeAsyncIterator()
    var down = try await pictures.stream(Look(states: "down", mayChange: false)) {}.map { String(buffer: $0) }
      .makeAsyncIterator()
    let (one, other) = (await all.next() ?? "", await down.next() ?? "")
    #expect(one.contains(#"class="name">node-1"#) && one.contains("Drain node-1"))
    #expect(!other.contains(#"class="name">node-1"#) && other.contains(#"class="name">node-2"#))
    #expect(!other.contains("formaction"))
  }

  @Test func figuresAloneAreNotSentMoreThanOnceASecond() async throws {
    let stream = try await pictures.stream(look) {}
    let sent = Mutex<[String]>([])
    let reading = Task {
      for await event in stream.map({ String(buffer: $0) }) where event.contains("event: picture") {
        sent.withLock { $0.append(event) }
      }
    }
    defer { reading.cancel() }
    let began = ContinuousClock.now
    try await eventually("the first picture") { sent.withLock { !$0.isEmpty } }
    for rate in 0..<50 { cluster.change { $0.totals.ratePerSecond = Double(rate) } }
    cluster.change { $0 = Scenes.nodeDown }
    try await eventually("the change that matters") { sent.withLock { $0.last?.contains("1 problem") == true } }
    let seconds = Int((ContinuousClock.now - began) / .milliseconds(950))
    #expect(sent.withLock { $0.count } <= 2 + seconds, "most of the figures before it were left out")
  }

  @Test func thereAreOnlySoManyViewersAndWhoLeavesMakesRoom() async throws {
    var streams: [AsyncStream<ByteBuffer>] = []
    for _ in 0..<LivePictures.mostViewers { streams.append(try await pictures.stream(look) {}) }
    await #expect(throws: Problem.self) { try await pictures.stream(look) {} }
    streams.removeAll()
    try await eventually("all have left") { await pictures.viewerCount == 0 }
    _ = try await pictures.stream(look) {}
  }

  @Test func whoDoesNotReadIsDropped() async throws {
    let dropped = Mutex(false)
    let stream = try await pictures.stream(look) { dropped.withLock { $0 = true } }
    for epoch in 0..<100 {
      cluster.change { $0.leader?.epoch = Int64(epoch) }
      await Task.yield()
    }
    try await eventually("it is dropped") { dropped.withLock { $0 } }
    #expect(await pictures.viewerCount == 0)
    withExtendedLifetime(stream) {}
  }

  @Test func signsOfLifeComeWhileNothingElseDoes() async throws {
    var events = try await pictures.stream(look) {}.map { String(buffer: $0) }.makeAsyncIterator()
    _ = await events.next()
    #expect(await events.next() == "event: heartbeat\ndata:\n\n")
  }

  @Test func aStreamEndsWithTheServer() async throws {
    let bench = try SiteBench()
    let connection = Mutex<RawConnection?>(nil)
    try await bench.test(.live) { client in
      let opened = try await RawConnection(port: try #require(client.port))
      opened.send("GET /events HTTP/1.1\r\nHost: test\r\n\r\n")
      connection.withLock { $0 = opened }
      try await eventually("somebody looks") { await bench.site.pictures.viewerCount == 1 }
    }
    // The server has stopped here, gracefully: an open page did not hold it up.
    let opened = try #require(connection.withLock { $0 })
    try await opened.waitForEnd()
  }

  @Test func aConnectionThatEndsMakesRoom() async throws {
    let bench = try SiteBench()
    try await bench.test(.live) { client in
      let opened = try await RawConnection(port: try #require(client.port))
      opened.send("GET /events HTTP/1.1\r\nHost: test\r\n\r\n")
      try await eventually("somebody looks") { await bench.site.pictures.viewerCount == 1 }
      opened.close()
      try await eventually("nobody looks") { await bench.site.pictures.viewerCount == 0 }
    }
  }
}
