import Foundation
import TestSupport
import Testing

@testable import Common

@Suite struct LogQueueTests {
  /// A pipe that is read only when the test says so.
  private final class Reader: Sendable {
    let (output, input): (Int32, Int32)

    init() {
      var ends: [Int32] = [0, 0]
      precondition(pipe(&ends) == 0)
      (output, input) = (ends[0], ends[1])
    }

    /// Reads until the lines so far are enough.
    func lines(until isEnough: ([String]) -> Bool) -> [String] {
      var bytes: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        if bytes.last == UInt8(ascii: "\n"), isEnough(lines) { return lines }
        let count = read(output, &chunk, chunk.count)
        guard count > 0 else { return lines }
        bytes += chunk[..<count]
      }
    }
  }

  private static func append(_ line: String, to queue: LogQueue) {
    Array("\(line)\n".utf8).withUnsafeBytes(queue.append)
  }

  @Test func `who logs never waits for the reader; what does not fit is counted, and told later`() throws {
    let reader = Reader()
    let queue = LogQueue(descriptor: reader.input, maxBytes: 50_000, now: { 1_795_337_100_000 })
    queue.setMetadata(["node": "n1"])
    let filler = String(repeating: "x", count: 90)
    var said = 0
    func say() {
      Self.append("\(said) \(filler)", to: queue)
      said += 1
    }
    while queue.flush(within: .milliseconds(50)) { for _ in 0..<100 { say() } }
    // The pipe stays full.
    let before = queue.droppedEver
    while queue.droppedEver < before + 1000 { say() }
    #expect(!queue.flush(within: .milliseconds(50)), "a stuck reader holds nobody up")

    func dropped(_ line: String) throws -> Int? {
      guard line.hasPrefix("{") else { return nil }
      let notice = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let dropped = try #require(notice["dropped"] as? Int)
      #expect(notice["message"] as? String == "log lines were dropped" && notice["node"] as? String == "n1")
      #expect(notice["timestamp"] as? String == "2026-11-22T08:45:00.000Z")
      return dropped
    }
    let lines = reader.lines { lines in
      let counts = lines.compactMap { try? dropped($0) }
      return counts.reduce(0, +) + lines.count - counts.count == said
    }
    let counts = try lines.compactMap(dropped)
    #expect(counts.reduce(0, +) == queue.droppedEver && counts.last.map { $0 >= 1000 } == true)
    // Whole lines, in order.
    let kept = lines.filter { !$0.hasPrefix("{") }.map { $0.split(separator: " ") }
    #expect(kept.allSatisfy { $0.count == 2 && $0[1] == filler })
    let numbers = kept.compactMap { Int($0[0]) }
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 } && numbers.count + queue.droppedEver == said)
    Self.append("after", to: queue)
    #expect(queue.flush(within: .seconds(60)))
    #expect(reader.lines { !$0.isEmpty } == ["after"])
  }

  @Test func `a descriptor that others have made non-blocking loses nothing`() {
    let reader = Reader()
    _ = fcntl(reader.input, F_SETFL, fcntl(reader.input, F_GETFL) | O_NONBLOCK)
    let queue = LogQueue(descriptor: reader.input)
    let filler = String(repeating: "x", count: 8000)
    for number in 0..<100 { Self.append("\(number) \(filler)", to: queue) }
    let lines = reader.lines { $0.count == 100 }
    #expect(lines.compactMap { Int($0.prefix { $0 != " " }) } == Array(0..<100))
    #expect(queue.droppedEver == 0)
  }

  @Test func `a reader that has gone ends neither the process nor the queue`() {
    let reader = Reader()
    let queue = LogQueue(descriptor: reader.input)
    close(reader.output)
    for _ in 0..<10 { Self.append("x", to: queue) }
    #expect(queue.flush(within: .seconds(60)))
  }

  @Test func `a flush waits for what was said before it`() {
    let reader = Reader()
    let queue = LogQueue(descriptor: reader.input)
    for round in 0..<200 {
      Self.append("\(round)", to: queue)
      #expect(queue.flush(within: .seconds(60)))
      #expect(reader.lines { !$0.isEmpty } == ["\(round)"])
    }
  }
}
