import Common
import NIOHTTP1

/// The header fields that matter here, picked out in one pass.
struct HeaderFields {
  enum Field: Equatable {
    case none
    case one(String)
    case several
  }

  enum TransferCoding {
    case none, chunked, unknown
  }

  enum Expectation {
    case none, goOn, unknown
  }

  var authorization: String?
  var contentLength = 0
  var transferCoding = TransferCoding.none
  var isEncoded = false
  var isJSON = false
  var requestID: String?
  var idempotencyKey = Field.none
  var expectation = Expectation.none
  var asksForUpgrade = false
  var hosts = 0
  var forwardedFor: String?
  /// Of the fields that a proxy sets.
  var proxyBytes = 0

  var hasBody: Bool { transferCoding != .none || contentLength > 0 }

  /// Returns the bytes of request line and headers.
  mutating func read(_ head: HTTPRequestHead) -> Int {
    var size = head.uri.utf8.count + head.method.rawValue.utf8.count + 12
    for (name, padded) in head.headers {
      let bytes = name.utf8.count + padded.utf8.count + 4
      size += bytes
      let value = padded.withoutTrailingSpace
      // The length rules out nearly all comparisons.
      switch name.utf8.count {
      case 4 where name.isField("host"): hosts += 1
      case 6 where name.isField("expect") && !value.isEmpty:
        expectation = expectation != .unknown && value.isField("100-continue") ? .goOn : .unknown
      case 7 where name.isField("upgrade"): asksForUpgrade = true
      case 12 where name.isField("content-type"):
        let type = value.utf8.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
        isJSON = String(Substring(type)).isField("application/json")
      case 12 where name.isField("x-request-id"):
        let isTaken =
          (1...HTTPLimits.maxRequestIDBytes).contains(value.utf8.count) && value.utf8.allSatisfy { $0.isVisibleASCII }
        requestID = isTaken ? value : nil
        proxyBytes += bytes
      case 13 where name.isField("authorization"): authorization = authorization == nil ? value : ""
      case 14 where name.isField("content-length"): contentLength = Int(value) ?? .max
      case 15 where name.isField("idempotency-key"): idempotencyKey = idempotencyKey == .none ? .one(value) : .several
      case 15 where name.isField("x-forwarded-for"):
        forwardedFor = forwardedFor.map { "\($0),\(value)" } ?? value
        proxyBytes += bytes
      case 16 where name.isField("content-encoding"):
        isEncoded = isEncoded || !(value.isEmpty || value.isField("identity"))
      case 17 where name.isField("transfer-encoding"):
        transferCoding = transferCoding == .none && value.isField("chunked") ? .chunked : .unknown
      default: break
      }
    }
    return size
  }
}

extension String {
  /// Whether this is `name` (given in lower case), whatever its case.
  func isField(_ name: StaticString) -> Bool {
    guard utf8.count == name.utf8CodeUnitCount else { return false }
    var expected = name.utf8Start
    for byte in utf8 {
      let lower = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
      guard lower == expected.pointee else { return false }
      expected += 1
    }
    return true
  }

  /// The parser leaves the white space behind a field value, which is no part of it (RFC 9112, 5.1).
  fileprivate var withoutTrailingSpace: String {
    let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    guard let last = utf8.last, isSpace(last) else { return self }
    return utf8.lastIndex { !isSpace($0) }.map { String(self[...$0]) } ?? ""
  }
}
