import CHiredis
import NIOCore
import TestSupport
import Testing

@testable import RedisClient

@Suite struct RedisCommandTests {
  @Test(arguments: UInt64(1)...20)
  func `commands are the bytes that hiredis writes`(seed: UInt64) throws {
    var random = SeededRandom(seed)
    for _ in 0..<20 {
      let raw = (0..<random.number(1...12)).map { _ in random.bytes(0...random.pick([0, 1, 9, 10, 120, 3000])) }
      var arguments = RedisArguments(capacity: random.pick([0, 512]))
      for bytes in raw { arguments.append(bytes) }
      var command = ByteBuffer()
      command.writeRedisCommand(arguments)
      #expect(Array(command.readableBytesView) == (try Self.formattedByHiredis(raw)))
    }
  }

  @Test func `every kind of argument is written as its bytes`() throws {
    var arguments = RedisArguments("SET", "kéy", "")
    arguments.append(-120)
    arguments.append(length: 3) { $0.writeStaticString("abc") }
    arguments.append(Array("\r\n\0".utf8)[...])
    var command = ByteBuffer()
    command.writeRedisCommand(arguments)
    let expected = try Self.formattedByHiredis(["SET", "kéy", "", "-120", "abc", "\r\n\0"].map { Array($0.utf8) })
    #expect(Array(command.readableBytesView) == expected)
  }

  @Test func `fixed arguments stand before the others`() {
    var command = ByteBuffer()
    command.writeRedisCommand(RedisArguments("A", "b"), RedisArguments("c"))
    #expect(String(buffer: command) == "*3\r\n$1\r\nA\r\n$1\r\nb\r\n$1\r\nc\r\n")
  }

  private static func formattedByHiredis(_ arguments: [[UInt8]]) throws -> [UInt8] {
    // Copies have room for one byte, because an empty array has no address.
    let copies = arguments.map { bytes -> UnsafeMutablePointer<CChar> in
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
      for (index, byte) in bytes.enumerated() { copy[index] = CChar(bitPattern: byte) }
      return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    var pointers = copies.map { UnsafePointer<CChar>?($0) }
    var lengths = arguments.map(\.count)
    var target: UnsafeMutablePointer<CChar>?
    let count = redisFormatCommandArgv(&target, CInt(arguments.count), &pointers, &lengths)
    let formatted = try #require(target)
    defer { redisFreeCommand(formatted) }
    return (0..<Int(count)).map { UInt8(bitPattern: formatted[$0]) }
  }
}
