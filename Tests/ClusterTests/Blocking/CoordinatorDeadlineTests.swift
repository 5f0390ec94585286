import Foundation
import TestSupport
import Testing

/// An unfinished request cannot hold a connection of the coordinator.
@Suite struct CoordinatorDeadlineTests {
  @Test
  func `a request that is incomplete after 10 s gets 408 wherever it got stuck; its connection ends`() async throws {
    let coordinator = try await CoordinatorUnderTest()
    let head = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    let announce =
      "POST /api/v1/nodes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(CoordinatorUnderTest.clusterToken)\r\n"
      + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\""
    let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    let beginnings: [(name: String, text: String, before: Int)] = [
      ("one byte", "P", 0), ("half a head", head, 0), ("no body", head + "Content-Length: 10\r\n\r\n", 0),
      ("half a body", head + "Content-Length: 10\r\n\r\ntoken", 0), ("half a chunk", announce, 0),
      ("a second request", live + head, 1),
    ]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (name, text, before) in beginnings {
        group.addTask {
          let connection = try await RawConnection(port: coordinator.port)
          let began = ContinuousClock.now
          // The second request is sent alone, after the answer to the first.
          if before > 0 {
            connection.send(live)
            _ = try await connection.answers(before)
          }
          connection.send(before > 0 ? String(text.dropFirst(live.count)) : text)
          try await eventually("\(name): an end", within: .seconds(60), every: .milliseconds(500)) {
            // The time runs from the first byte. Later bytes do not extend it.
            if name == "half a head" { connection.send("X-A: b\r\n") }
            return connection.isEnded
          }
          let answers = connection.answers
          #expect(answers.count == before + 1 && answers.last?.problem == "request-timeout", "\(name): \(answers)")
          #expect(answers.last?.header("X-Content-Type-Options") == "nosniff" && answers.last?.closesConnection == true)
          #expect(ContinuousClock.now - began >= .seconds(9.9), "\(name)")
        }
      }
      try await group.waitForAll()
    }
    #expect(coordinator.logLines(with: "a request failed").isEmpty, "\(coordinator.log)")
    #expect(try await coordinator.send(TestRequest("GET", "/health/live")).status == 200)
  }

  @Test func `an answered request that never ends ends its connection; an onlooker's is not cut`() async throws {
    let coordinator = try await CoordinatorUnderTest()
    let early = try await RawConnection(port: coordinator.port)
    early.send("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    #expect(try await early.answer().problem == "not-found")
    let live = try await RawConnection(port: coordinator.port)
    live.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
    try await early.waitForEnd(within: .seconds(60))
    #expect(early.answers.count == 1)
    #expect(!live.isEnded, "whoever looks on is not cut off")
  }

  @Test func `what is no HTTP is told so, as a problem document with the headers of every answer`() async throws {
    let coordinator = try await CoordinatorUnderTest()
    for (text, problem) in [
      ("garbage\r\n\r\n", "invalid-request"), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "unsupported-http-version"),
      ("GET / HTTP/3.0\r\nHost: x\r\n\r\n", "unsupported-http-version"),
      ("GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "x", count: 20_000))\r\n\r\n", "headers-too-large"),
    ] {
      let connection = try await RawConnection(port: coordinator.port)
      connection.send(text)
      let answer = try await connection.answer()
      #expect(answer.problem == problem && answer.closesConnection, "\(text.prefix(30)): \(answer)")
      #expect(answer.header("Cache-Control") == "no-store" && answer.header("X-Content-Type-Options") == "nosniff")
      try await connection.waitForEnd()
    }
  }
}
