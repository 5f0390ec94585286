import Foundation
import TestSupport
import Testing

/// Clients that pipeline thousands of requests take turns with all others.
@Suite struct PipelineFloodTests {
  private static let connections = 40
  private static let requestsEach = 1000
  private static let request = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"

  @Test func `one request is answered while a flood of pipelined requests still is`() async throws {
    let coordinator = try await CoordinatorUnderTest()
    let sample = try await RawConnection(port: coordinator.port)
    sample.send(Self.request)
    _ = try await sample.answer()
    // All answers have the same length, so the test counts bytes instead of reading thousands of answers.
    let whole = Self.requestsEach * sample.received
    var flooding: [RawConnection] = []
    for _ in 0..<Self.connections { flooding.append(try await RawConnection(port: coordinator.port, reads: false)) }
    for connection in flooding { connection.send(String(repeating: Self.request, count: Self.requestsEach)) }
    func answered() -> Int { flooding.reduce(0) { $0 + $1.received } }
    try await eventually("the flood is being answered") { answered() > 0 }

    // Requests come one after the other, as those of probes and pages do, each on its own connection. Without turns,
    // the first answer would come after the flood. With turns, answers come within a small part of the flood. Not all
    // of them do, because this process may have to wait too.
    let flood = Self.connections * whole
    var shares: [Double] = []
    while shares.count < 5, answered() < flood * 3 / 4 {
      let before = answered()
      let other = try await RawConnection(port: coordinator.port)
      other.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n")
      _ = try await other.answer()
      shares.append(Double(answered() - before) / Double(flood))
    }
    #expect(shares.min() ?? 1 < 0.25, "shares of the flood that were answered meanwhile: \(shares)")
    try await eventually("all of it is answered") { answered() == flood }
  }
}
