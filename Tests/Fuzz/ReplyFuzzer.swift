import TestSupport

@testable import RedisClient

/// Fuzzes bytes that come from Redis or from a server that pretends to be Redis.
enum ReplyFuzzer {
  static func check(_ bytes: [UInt8]) throws(Breach) {
    var random = SeededRandom(of: bytes)
    let whole = Stream([bytes[...]])
    try promise("where bytes are cut does not matter", Stream(bytes.indices.map { bytes[$0...$0] }) == whole)
    try promise("where bytes are cut does not matter", Stream(random.split(bytes, most: 16)) == whole)
    let again = Stream([whole.replies.flatMap(\.resp)[...]])
    try promise("what is read is read again as it is written", again.replies == whole.replies && !again.isLost)
    // hiredis is built without the fuzzer's instrumentation. This reader also guides the fuzzer.
    var plain = PlainReader(rest: bytes[...])
    let expected = plain.replies()
    try promise(
      "replies are those of the protocol: \(expected), not \(whole.replies)",
      whole.replies.starts(with: expected) && (plain.isLost || (whole.replies == expected && !whole.isLost)))
    for reply in whole.replies { try checkSlots(reply) }
  }

  /// What a server of a Cluster says of slots.
  private static func checkSlots(_ reply: RedisReply) throws(Breach) {
    let server = ServerAddress(host: "asked", port: 1)
    if case .error(let line) = reply, let move = SlotMove(line: line, from: server) {
      try promise("a slot that has moved is a slot", (0..<HashSlot.count).contains(move.slot))
      try promise("it has moved to a server", !move.address.host.isEmpty && (1...65535).contains(move.address.port))
    }
    guard let map = SlotMap(reply, from: server) else { return }
    for slot in stride(from: 0, to: HashSlot.count, by: 97) {
      guard let master = map.master(of: slot) else { continue }
      try promise("a master is one of the servers", map.servers.contains(master))
    }
  }

  /// The result of reading the bytes of a connection.
  private struct Stream: Equatable {
    var replies: [RedisReply] = []
    /// The rest can't be read.
    var isLost = false

    init(_ pieces: some Sequence<ArraySlice<UInt8>>) {
      var reader = ReplyReader()
      for piece in pieces where !isLost {
        isLost = !piece.withUnsafeBytes { bytes in
          do {
            try reader.feed(bytes)
            while let reply = try reader.next() { replies.append(reply) }
            return true
          } catch {
            return false
          }
        }
      }
    }
  }
}

/// The simplest possible reader of RESP2: it reads all bytes at once, by recursion.
private struct PlainReader {
  var rest: ArraySlice<UInt8>
  /// Whether the next bytes are no reply, or one that hiredis may refuse.
  private(set) var isLost = false

  private struct Unfinished: Error {}

  init(rest: ArraySlice<UInt8>) { self.rest = rest }

  mutating func replies() -> [RedisReply] {
    var replies: [RedisReply] = []
    while !rest.isEmpty, let reply = try? reply(depth: 0) { replies.append(reply) }
    return replies
  }

  private mutating func reply(depth: Int) throws -> RedisReply {
    let kind = try take(1).first
    switch kind {
    case UInt8(ascii: "+"): return .status(String(decoding: try line(), as: UTF8.self))
    case UInt8(ascii: "-"): return .error(String(decoding: try line(), as: UTF8.self))
    case UInt8(ascii: ":"): return .integer(Int64(try number()))
    case UInt8(ascii: "$"):
      let count = try number()
      guard count != -1 else { return .null }
      guard (0...ReplyReader.maxUnfinishedBytes).contains(count) else { throw lost() }
      let bytes = try take(count)
      guard Array(try take(2)) == Array("\r\n".utf8) else { throw lost() }
      return .bytes(Array(bytes))
    case UInt8(ascii: "*"):
      let count = try number()
      guard count != -1 else { return .null }
      guard depth < 7, (0...65_536).contains(count) else { throw lost() }
      return .array(try (0..<count).map { _ in try reply(depth: depth + 1) })
    default: throw lost()
    }
  }

  private mutating func lost() -> Unfinished {
    isLost = true
    return Unfinished()
  }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard rest.count >= count else { throw Unfinished() }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  private mutating func line() throws -> ArraySlice<UInt8> {
    var end = rest.startIndex
    while end < rest.endIndex - 1, rest[end] != UInt8(ascii: "\r") || rest[end + 1] != UInt8(ascii: "\n") { end += 1 }
    guard end < rest.endIndex - 1 else { throw Unfinished() }
    defer { rest = rest[(end + 2)...] }
    return rest[..<end]
  }

  private mutating func number() throws -> Int {
    let text = String(decoding: try line(), as: UTF8.self)
    guard let number = Int(text), "\(number)" == text else { throw lost() }
    return number
  }
}
