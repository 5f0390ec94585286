import TestSupport
import Testing

@testable import RedisClient

@Suite struct ReplyReaderTests {
  /// What a reader makes of some bytes: the replies, and whether it has lost its position in the stream.
  struct Read: Equatable {
    var replies: [RedisReply] = []
    var violation: String?

    init(_ pieces: some Sequence<ArraySlice<UInt8>>) {
      var reader = ReplyReader()
      do throws(ReplyReader.ProtocolViolation) {
        for piece in pieces {
          try Self.feed(piece, to: &reader)
          while let reply = try reader.next() { replies.append(reply) }
        }
      } catch {
        violation = error.reason
      }
    }

    init(_ bytes: [UInt8]) { self.init([bytes[...]]) }
    init(_ text: String) { self.init(Array(text.utf8)) }

    private static func feed(
      _ piece: ArraySlice<UInt8>, to reader: inout ReplyReader
    ) throws(ReplyReader.ProtocolViolation) {
      var failure: ReplyReader.ProtocolViolation?
      piece.withUnsafeBytes { bytes in
        do throws(ReplyReader.ProtocolViolation) { try reader.feed(bytes) } catch { failure = error }
      }
      if let failure { throw failure }
    }
  }

  @Test(arguments: UInt64(1)...50)
  func `any split of the bytes gives the same replies`(seed: UInt64) {
    var made = RandomReplies(seed: seed)
    let replies = made.several(1...12)
    let bytes = replies.flatMap(\.resp)
    #expect(Read(bytes).replies == replies)
    for most in [1, 2, 7, 100, 5000] {
      #expect(Read(made.random.split(bytes, most: most)).replies == replies)
    }
  }

  @Test func `an unfinished reply is waited for at every length`() {
    let reply = RedisReply.array([.bytes([0, 13, 10]), .array([.integer(-5), .null]), .status("OK"), .error("ERR x")])
    let bytes = reply.resp
    for count in 0..<bytes.count {
      let read = Read(Array(bytes.prefix(count)))
      #expect(read.replies.isEmpty && read.violation == nil)
    }
    #expect(Read(bytes).replies == [reply])
  }

  @Test func `nulls and empty replies are told apart`() {
    #expect(Read("*-1\r\n$-1\r\n*0\r\n$0\r\n\r\n+\r\n").replies == [.null, .null, .array([]), .bytes([]), .status("")])
  }

  @Test func `arrays nest seven deep, and no deeper`() {
    func nested(_ depth: Int) -> String { String(repeating: "*1\r\n", count: depth) + ":1\r\n" }
    #expect(Read(nested(7)).replies.count == 1)
    #expect(Read(nested(9)).violation != nil)
  }

  @Test func `an array has no more elements than the cap`() {
    let most = ReplyReader.maxElements
    let whole = Read("*\(most)\r\n" + String(repeating: ":1\r\n", count: most))
    #expect(whole.replies == [.array(Array(repeating: .integer(1), count: most))])
    // The announced count alone is refused, before memory is allocated.
    for count in ["\(most + 1)", "2147483647", "2147483648", "4294967297", "9223372036854775807", "-2"] {
      #expect(Read("*\(count)\r\n").violation != nil, "\(count)")
      #expect(Read("*1\r\n*\(count)\r\n").violation != nil, "nested \(count)")
    }
  }

  @Test func `an unfinished reply takes no more bytes than the cap`() {
    let most = ReplyReader.maxUnfinishedBytes
    let piece = [UInt8](repeating: 0x61, count: 1 << 20)
    let long = [Array("$\(2 * most)\r\n".utf8)[...]] + Array(repeating: piece[...], count: most / piece.count)
    #expect(Read(long).violation == "a reply of more than \(most) bytes")
    // Elements that have left the buffer count too.
    let element = RedisReply.bytes(piece).resp
    let many = [Array("*1000\r\n".utf8)[...]] + Array(repeating: element[...], count: most / piece.count)
    #expect(Read(many).violation == "a reply of more than \(most) bytes")
  }

  @Test func `many replies may come on one connection, however much they are together`() {
    let reply = RedisReply.bytes([UInt8](repeating: 0x61, count: 1 << 20))
    let pieces = Array(repeating: reply.resp[...], count: 2 * ReplyReader.maxUnfinishedBytes >> 20)
    let read = Read(pieces)
    #expect(read.violation == nil && read.replies.count == pieces.count)
  }

  @Test(arguments: [
    ("hello\r\n", 0, true), ("$abc\r\n", 0, true), ("$-2\r\n", 0, true), ("*x\r\n", 0, true), (":\r\n", 0, true),
    (":1x\r\n", 0, true), ("\r\n", 0, true), ("%1\r\n+a\r\n+b\r\n", 0, true), ("$9999999999999999999\r\n", 0, true),
    ("$3\r\nabcdef\r\n", 1, true), ("+OK\r\n!\r\n", 1, true), ("$1\r\n", 0, false), ("*2\r\n+a\r\n", 0, false),
    ("$5\r\nab\r\n", 0, false), ("+OK", 0, false),
  ])
  func `what is no reply waits or loses the frame`(text: String, replies: Int, isLost: Bool) {
    let read = Read(text)
    #expect(read.replies.count == replies && (read.violation != nil) == isLost)
  }

  @Test func `nothing is read on after the frame is lost`() throws {
    var reader = ReplyReader()
    Array("hello\r\n+OK\r\n".utf8).withUnsafeBytes { bytes in try? reader.feed(bytes) }
    for _ in 0..<3 {
      var isLost = false
      do throws(ReplyReader.ProtocolViolation) { _ = try reader.next() } catch { isLost = !error.reason.isEmpty }
      #expect(isLost)
    }
  }

  @Test(arguments: UInt64(1)...20)
  func `random bytes are read or waited for or refused`(seed: UInt64) {
    var random = SeededRandom(seed)
    let likely = Array("+-:$*0123456789\r\n\r\n".utf8)
    for _ in 0..<1000 {
      let bytes = (0..<random.number(0...60)).map { _ in
        random.oneIn(5) ? UInt8(truncatingIfNeeded: random.next()) : random.pick(likely)
      }
      let whole = Read(bytes)
      #expect(Read(random.split(bytes, most: 4)).replies == whole.replies)
    }
  }

  @Test(arguments: UInt64(1)...20)
  func `spoiled replies are read or waited for or refused`(seed: UInt64) {
    var made = RandomReplies(seed: seed)
    let likely = Array("+-:$*0123456789\r\n".utf8)
    for _ in 0..<200 {
      var bytes = made.several(1...3).flatMap(\.resp)
      for _ in 0..<made.random.number(1...3) { made.random.mutate(&bytes, with: likely) }
      let whole = Read(bytes)
      #expect(Read(made.random.split(bytes, most: 16)).replies == whole.replies)
    }
  }
}
