import Common
import NIOCore
import Testing

@testable import Node

@Suite struct DispatcherTests {
  private static let read = "GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\n"
  private static let health = "GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n"

  @Test func `no more requests are in flight than the bound`() throws {
    let first = try HTTPBench(inFlight: 2)
    let others = try (0..<3).map { _ in try HTTPBench(sharing: first.shared) }
    try first.send(Self.read)
    for other in others { try other.send(Self.read) }
    #expect(first.traffic.inFlight == 2 && first.waiting.count == 2)
    #expect(try others.map { try $0.answers().map(\.status) } == [[], [503], [503]])
    let refusal = try #require(try others[1].answers().first)
    #expect(refusal["Retry-After"] == "1" && refusal.body.contains("urn:holdfast:problem:overloaded"))
    // Health requests must still be answered during an overload.
    try others[1].send(Self.health)
    #expect(first.traffic.inFlight == 3)
    try first.answer()
    try first.answer()
    try first.answer()
    #expect(first.traffic.inFlight == 0)
    try others[2].send(Self.read)
    #expect(first.traffic.inFlight == 1 && first.waiting.count == 1)
  }

  @Test func `no more connections are served than the bound`() throws {
    let first = try HTTPBench(connections: 2)
    let second = try HTTPBench(sharing: first.shared)
    let third = try HTTPBench(sharing: first.shared)
    try third.receive()
    let refusal = try #require(try third.answers().first)
    #expect(refusal.status == 503 && refusal["Connection"] == "close" && refusal["Retry-After"] == "1")
    #expect(third.network.hasClosedOutput && second.isOpen)
    try third.send(Self.read)
    #expect(first.waiting.isEmpty && first.traffic.inFlight == 0)
    // Closed connections make room.
    second.channel.close(promise: nil)
    third.channel.close(promise: nil)
    let fourth = try HTTPBench(sharing: first.shared)
    try fourth.send(Self.read)
    #expect(first.waiting.count == 1)
  }

  @Test func `answers are counted, and so are server errors`() throws {
    let bench = try HTTPBench()
    try bench.send(Self.read + Self.read + "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n")
    try bench.answer()
    try bench.answer(.problem(Problem(.storeUnavailable, "x", retryAfter: 1)))
    #expect(bench.traffic.answered == 3 && bench.traffic.serverErrors == 1)
  }

  /// Load balancers ask for readiness all the time, also while a node drains.
  @Test func `not to be ready is no server error`() throws {
    let bench = try HTTPBench(answers: { _ in .problem(Problem(.notReady, "draining", retryAfter: 1)) })
    for path in ["/health/ready", "/health/live", "/health"] {
      try bench.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
    }
    #expect(bench.traffic.answered == 3 && bench.traffic.serverErrors == 0)
    try bench.send(Self.read)
    #expect(
      bench.traffic.answered == 4 && bench.traffic.serverErrors == 1, "of shoppers it is one")
  }

  @Test func `requests without an id get one each`() throws {
    let bench = try HTTPBench(answers: { _ in .json(200, ByteBuffer()) })
    try bench.send(String(repeating: Self.health, count: 50))
    let ids = try bench.answers().compactMap { $0["X-Request-ID"] }
    #expect(ids.count == 50 && Set(ids).count == 50)
    #expect(ids.allSatisfy { (1...128).contains($0.utf8.count) && $0.utf8.allSatisfy(\.isVisibleASCII) })
  }

  @Test func `closing all ends every connection`() throws {
    let first = try HTTPBench()
    let second = try HTTPBench(sharing: first.shared)
    try second.send(Self.read)
    first.shared.tracker.closeAll()
    #expect(!first.isOpen && !second.isOpen)
  }
}
