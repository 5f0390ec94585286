import CHiredis

/// A Swift interface to hiredis's incremental reply parser. It takes bytes in any split and returns whole replies.
///
/// hiredis limits the depth (7 levels). The elements of an array and the bytes of an unfinished reply are limited here.
/// After a throw the position in the stream is lost, and the connection must be closed.
package struct ReplyReader: ~Copyable {
  /// How many elements one array may have.
  static let maxElements = 65_536
  /// How many bytes of one unfinished reply may be held.
  static let maxUnfinishedBytes = 16 << 20

  package struct ProtocolViolation: Error, Equatable { let reason: String }

  private let reader: UnsafeMutablePointer<redisReader>
  /// hiredis keeps a pointer to this table as long as the reader lives.
  private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
  /// Bytes taken after the end of the last whole reply.
  private var bytesTaken = 0

  package init() {
    functions = .allocate(capacity: 1)
    guard let plain = redisReaderCreate() else { fatalError("out of memory") }
    functions.initialize(to: plain.pointee.fn.pointee)
    redisReaderFree(plain)
    functions.pointee.createArray = { task, elements in
      // The count comes from the peer, so it is checked before memory is allocated for it.
      guard elements <= ReplyReader.maxElements else { return nil }
      return ReplyReader.hiredisCreateArray(task, elements)
    }
    guard let made = redisReaderCreateWithFunctions(functions) else { fatalError("out of memory") }
    reader = made
  }

  deinit {
    redisReaderFree(reader)
    functions.deallocate()
  }

  /// Takes bytes as they came from the socket.
  package mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) {
    guard let start = bytes.bindMemory(to: CChar.self).baseAddress else { return }
    bytesTaken += bytes.count
    guard redisReaderFeed(reader, start, bytes.count) == REDIS_OK else { throw violation }
  }

  /// The next whole reply, or nil when more bytes are needed.
  package mutating func next() throws(ProtocolViolation) -> RedisReply? {
    var raw: UnsafeMutableRawPointer?
    guard redisReaderGetReply(reader, &raw) == REDIS_OK else { throw violation }
    guard let raw else {
      // The buffer's size would be too small: elements of an unfinished array have already left it.
      guard bytesTaken <= Self.maxUnfinishedBytes else {
        throw ProtocolViolation(reason: "a reply of more than \(Self.maxUnfinishedBytes) bytes")
      }
      return nil
    }
    defer { freeReplyObject(raw) }
    bytesTaken = reader.pointee.len - reader.pointee.pos
    return Self.copy(raw.assumingMemoryBound(to: redisReply.self))
  }

  private var violation: ProtocolViolation {
    let reason = withUnsafeBytes(of: reader.pointee.errstr) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return ProtocolViolation(reason: reason)
  }

  private static let hiredisCreateArray = {
    guard let plain = redisReaderCreate() else { fatalError("out of memory") }
    defer { redisReaderFree(plain) }
    guard let create = plain.pointee.fn.pointee.createArray else { fatalError("hiredis without createArray") }
    return create
  }()

  private static func copy(_ reply: UnsafeMutablePointer<redisReply>) -> RedisReply {
    let bytes = UnsafeRawBufferPointer(start: reply.pointee.str, count: Int(reply.pointee.len))
    switch reply.pointee.type {
    case REDIS_REPLY_STRING: return .bytes([UInt8](bytes))
    case REDIS_REPLY_STATUS: return .status(String(decoding: bytes, as: UTF8.self))
    case REDIS_REPLY_ERROR: return .error(String(decoding: bytes, as: UTF8.self))
    case REDIS_REPLY_INTEGER: return .integer(reply.pointee.integer)
    case REDIS_REPLY_ARRAY:
      return .array(
        (0..<Int(reply.pointee.elements)).map { index in
          guard let element = reply.pointee.element[index] else { return .null }
          return copy(element)
        })
    default: return .null
    }
  }
}
