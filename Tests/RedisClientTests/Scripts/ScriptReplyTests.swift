import TestSupport
import Testing

@testable import RedisClient

@Suite struct ScriptReplyTests {
  private static func reply(_ line: String) throws -> ScriptReply { try ScriptReply(.bytes(Array(line.utf8))) }

  @Test func `a reply is its verdict, its time and the rest`() throws {
    var reply = try Self.reply("SHORT 1763800800123 A 1 2 - B 0 3 1763801100123")
    #expect(reply.verdict == "SHORT" && reply.time == 1_763_800_800_123)
    var rest = reply.rest
    #expect(rest.nextText() == "A" && rest.nextInteger() == 1 && rest.nextInteger() == 2 && rest.nextInteger() == nil)
    #expect(String(decoding: rest.remainder, as: UTF8.self) == "B 0 3 1763801100123")
    reply = try Self.reply("OK 5")
    #expect(reply.verdict == "OK" && reply.time == 5 && reply.rest.isEmpty)
    reply = try Self.reply("OK 5 ")
    #expect(reply.rest.isEmpty)
  }

  @Test func `the record of a key may hold anything`() throws {
    let record = #"1fingerprint {"v":1,"reference":"a  b"}"#
    #expect(try Array(Self.reply("PRIOR 7 \(record)").rest.remainder) == Array(record.utf8))
  }

  @Test(arguments: ["", " ", "OK", "OK ", "OK x", "OK  5", "OK5", " OK 5", "OK 99999999999999999999"])
  func `anything else is malformed`(line: String) {
    #expect(throws: ScriptReply.Malformed.self) { try Self.reply(line) }
  }

  @Test(arguments: [RedisReply.null, .status("OK 5"), .integer(5), .array([]), .error("ERR x")])
  func `only a bulk string is a reply`(reply: RedisReply) {
    #expect(throws: ScriptReply.Malformed.self) { try ScriptReply(reply) }
  }

  @Test(arguments: UInt64(1)...20)
  func `tokens are parted by single spaces`(seed: UInt64) {
    var random = SeededRandom(seed)
    for _ in 0..<200 {
      let texts = (0..<random.number(1...8)).map { _ in random.text("abc019-", 1...9) }
      var tokens = ReplyTokens(Array(texts.joined(separator: " ").utf8)[...])
      var read: [String] = []
      while let token = tokens.nextText() { read.append(token) }
      #expect(read == texts && tokens.isEmpty && tokens.next() == nil)
    }
  }
}
