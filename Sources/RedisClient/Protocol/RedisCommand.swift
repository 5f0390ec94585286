import Common
import NIOCore

/// The arguments of a command, already encoded as Redis reads them (RESP).
///
/// hiredis can format commands too. But it needs all arguments as C pointers at the same time, which takes more code
/// here than the format itself and four times its cost (docs/decisions). A test compares this with hiredis's formatter.
package struct RedisArguments: Sendable {
  package private(set) var count = 0
  package private(set) var bytes: ByteBuffer

  package init(capacity: Int = 512) {
    bytes = ByteBufferAllocator().buffer(capacity: capacity)
  }

  package init(_ texts: String...) {
    self.init()
    for text in texts { append(text) }
  }

  package mutating func append(_ text: String) {
    open(length: text.utf8.count)
    bytes.writeString(text)
    close()
  }

  package mutating func append(_ raw: ByteBuffer) {
    open(length: raw.readableBytes)
    bytes.writeImmutableBuffer(raw)
    close()
  }

  package mutating func append(_ raw: some Collection<UInt8>) {
    open(length: raw.count)
    bytes.writeBytes(raw)
    close()
  }

  package mutating func append(_ number: Int) {
    append(String(number))
  }

  package mutating func append(contentsOf others: RedisArguments) {
    count += others.count
    bytes.writeImmutableBuffer(others.bytes)
  }

  /// Appends one argument whose bytes are written in place. `write` must write exactly `length` bytes.
  package mutating func append(length: Int, _ write: (inout ByteBuffer) -> Void) {
    open(length: length)
    let start = bytes.writerIndex
    write(&bytes)
    assert(bytes.writerIndex - start == length, "the argument does not have the announced length")
    close()
  }

  private mutating func open(length: Int) {
    count += 1
    bytes.writeRESPHeader("$", length)
  }

  private mutating func close() {
    bytes.writeInteger(0x0D0A as UInt16)
  }
}

extension ByteBuffer {
  /// Writes a whole command: `first` holds its name and fixed arguments, `rest` the others.
  package mutating func writeRedisCommand(_ first: RedisArguments, _ rest: RedisArguments? = nil) {
    writeRESPHeader("*", first.count + (rest?.count ?? 0))
    writeImmutableBuffer(first.bytes)
    if let rest { writeImmutableBuffer(rest.bytes) }
  }

  mutating func writeRESPHeader(_ kind: UnicodeScalar, _ number: Int) {
    writeInteger(UInt8(ascii: kind))
    writeDecimal(number)
    writeInteger(0x0D0A as UInt16)
  }
}
