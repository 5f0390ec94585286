import TestSupport
import Testing

@testable import Node

@Suite struct ScriptReplyTests {
  private static func reply(_ line: String) throws -> ScriptReply { try ScriptReply(.bytes(Array(line.utf8))) }

  @Test func aReplyIsItsVerdictItsTimeAndTheRest() throws {
    var reply = try Self.reply("SHORT 1763800800123 A 1 2 - B 0 3 1763801100123")
    #expect(reply.verdict == .short && reply.time == 1_763_800_800_123)
    var rest = reply.rest
    #expect(rest.nextText() == "A" && rest.nextInteger() == 1 && rest.nextInteger() == 2 && rest.nextInteger() == nil)
    #expect(String(decoding: rest.remainder, as: UTF8.self) == "B 0 3 1763801100123")
    reply = try Self.reply("OK 5")
    #expect(reply.verdict == .ok && reply.time == 5 && reply.rest.isEmpty)
    reply = try Self.reply("OK 5 ")
    #expect(reply.rest.isEmpty)
  }

  @Test func theRecordOfAKeyMayHoldAnything() throws {
    let record = #"1fingerprint {"v":1,"reference":"a  b"}"#
    #expect(try Array(Self.reply("PRIOR 7 \(record)").rest.remainder) == Array(record.utf8))
    let read = ScriptReply(prior: Array(record.utf8))
    #expect(read.verdict == .prior && Array(read.rest.remainder) == Array(record.utf8))
  }

  @Test(arguments: ["", " ", "OK", "OK ", "ok 5", "OK x", "OK  5", "OK5", " OK 5", "YES 5", "OK 99999999999999999999"])
  func anythingElseIsMalformed(line: String) {
    #expect(throws: ScriptReply.Malformed.self) { try Self.reply(line) }
  }

  @Test(arguments: [RedisReply.null, .status("OK 5"), .integer(5), .array([]), .error("ERR x")])
  func onlyABulkStringIsAReply(reply: RedisReply) {
    #expect(throws: ScriptReply.Malformed.self) { try ScriptReply(reply) }
  }

  @Test func noIsSaidByEveryVerdictButThoseThatLeaveItOpen() {
    let open: [ScriptReply.Verdict] = [.ok, .prior, .due, .late]
    let words = [
      "OK", "PRIOR", "DUE", "LATE", "UNKNOWN", "SHORT", "GONE", "EXPIRED", "CANCELLED", "CONFIRMED", "LIMIT", "INUSE",
    ]
    for word in words {
      let verdict = ScriptReply.Verdict(rawValue: word)
      #expect(verdict.map { $0.isRefusal != open.contains($0) } ?? false, "\(word)")
    }
  }

  @Test(arguments: UInt64(1)...20)
  func wordsArePartedBySingleSpaces(seed: UInt64) {
    var random = SeededRandom(seed)
    for _ in 0..<200 {
      let texts = (0..<random.number(1...8)).map { _ in random.text("abc019-", 1...9) }
      var words = Words(Array(texts.joined(separator: " ").utf8)[...])
      var read: [String] = []
      while let word = words.nextText() { read.append(word) }
      #expect(read == texts && words.isEmpty && words.next() == nil)
    }
  }

  @Test func decimalsAreReadExactlyOrNotAtAll() {
    var random = SeededRandom(1)
    for _ in 0..<2000 {
      let number = Int(truncatingIfNeeded: random.next()) >> random.number(0...62)
      #expect(Int(decimal: String(number).utf8) == number)
    }
    for (text, expected) in [
      ("0", 0), ("-0", 0), ("007", 7), ("9223372036854775807", Int.max), ("-9223372036854775807", -Int.max),
    ] {
      #expect(Int(decimal: text.utf8) == expected)
    }
    for text in [
      "", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "--1", "٣", "9223372036854775808", "-9223372036854775809",
    ] {
      #expect(Int(decimal: text.utf8) == nil, "\(text)")
    }
  }
}
