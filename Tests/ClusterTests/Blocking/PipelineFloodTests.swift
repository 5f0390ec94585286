import Foundation
import TestSupport
import Testing

/// Clients that pipeline thousands of requests have their turns, as everybody else has.
@Suite struct PipelineFloodTests {
  private static let connections = 40
  private static let requestsEach = 1000
  private static let request = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"

  @Test func `one request is answered while a flood of pipelined requests still is`() async throws {
    let coordinator = try await CoordinatorUnderTest()
    let sample = try await RawConnection(port: coordinator.port)
    sample.send(Self.request)
    _ = try await sample.answer()
    // All answers are of one length: whoever counts bytes need not read thousands of them.
    let whole = Self.requestsEach * sample.received
    var flooding: [RawConnection] = []
    for _ in 0..<Self.connections { flooding.append(try await RawConnection(port: coordinator.port, reads: false)) }
    for connection in flooding { connection.send(String(repeating: Self.request, count: Self.requestsEach)) }
    func answered() -> Int { flooding.reduce(0) { $0 + $1.received } }
    try await eventually("the flood is being answered") { answered() > 0 }

    // One after the other, as probes and pages come, and each on a connection of its own: that must have its turn, too.
    // Who has no turn is answered when the flood is over, and never while it lasts. Who has one is answered within little
    // of it, though not each time where this process has to wait as well.
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
