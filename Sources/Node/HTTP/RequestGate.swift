import Common
import NIOCore
import NIOHTTP1
import Store

/// Judges a request by its head alone, in the contract's order: path and method, access, media type and size, the key.
struct RequestGate: Sendable {
  private let router = Router()
  // Replaced as a whole: they belong to the event loop, as the gate does.
  var adminTokens: AccessTokens
  var clientTokens: AccessTokens

  init(adminTokens: AccessTokens, clientTokens: AccessTokens) {
    self.adminTokens = adminTokens
    self.clientTokens = clientTokens
  }

  /// What the head says, and what is to become of the request.
  struct Verdict {
    var operation: Operation?
    var parameter = ""
    var query: Substring = ""
    var requestID: String?
    /// What `X-Forwarded-For` says; not to be believed unless a trusted proxy has said it.
    var forwardedFor: String?
    var caller = CallContext.anyone
    /// A token was presented, and it is none of ours.
    var hasWrongToken = false
    var keyText: String?
    /// Said as soon as the body has been taken in.
    var refusal: Response?
    /// Said then too, but only of a body that is not too large.
    var keyFault: Fault?
    var expectsContinue = false
    /// The decoder takes whatever follows such a request for another protocol: nothing more can be served here.
    var asksForUpgrade = false
  }

  /// - Parameter isFromProxy: whether it comes from a trusted proxy, whose own fields are not held against the client.
  func judge(_ head: HTTPRequestHead, isFromProxy: Bool = false) -> Verdict {
    var fields = HeaderFields()
    let headBytes = fields.read(head) - (isFromProxy ? min(fields.proxyBytes, HTTPLimits.proxyHeadBytes) : 0)
    var verdict = Verdict()
    verdict.requestID = fields.requestID
    verdict.forwardedFor = fields.forwardedFor
    // Whoever speaks HTTP/1.0 would take the interim answer for the final one (RFC 9110, 10.1.1).
    verdict.expectsContinue = fields.expectation == .goOn && head.version == .http1_1
    verdict.asksForUpgrade = fields.asksForUpgrade || head.method == .CONNECT
    guard headBytes <= HTTPLimits.headBytes else {
      verdict.refusal = .problem(.headersTooLarge)
      return verdict
    }
    if fields.hosts > 1 || (fields.hosts == 0 && head.version == .http1_1) {
      verdict.refusal = .problem(.invalid([Fault("header/Host", "exactly one is needed")]))
      return verdict
    }
    // What follows could not be told from the body.
    guard fields.transferCoding == .none || (fields.transferCoding == .chunked && head.version == .http1_1) else {
      verdict.refusal = .problem(
        Problem(
          .unsupportedTransferCoding,
          "Transfer-Encoding must be exactly \"chunked\", once, or absent; HTTP/1.0 has none."))
      return verdict
    }
    guard fields.expectation != .unknown else {
      verdict.refusal = .problem(Problem(.expectationFailed, "Expect must be \"100-continue\", or absent."))
      return verdict
    }
    // By bytes: characters would be looked at for what may combine with them.
    let target = head.uri.originForm
    let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
    let path = target[..<mark]
    verdict.query = Substring(target.utf8[mark...].dropFirst())
    let operation: Operation
    switch router.match(head.method, path) {
    case .operation(let found, let parameter):
      operation = found
      verdict.operation = found
      verdict.parameter = parameter
    case .wrongMethod(let allow):
      verdict.refusal = .problem(
        Problem(.methodNotAllowed, "This path has \(allow)."), headers: [.init("Allow", allow)])
      return verdict
    case .noSuchPath:
      verdict.refusal = .problem(Problem(.notFound, "See /openapi.yaml for the paths there are."))
      return verdict
    }
    switch admit(operation, fields.authorization) {
    case .success(let caller): verdict.caller = caller
    case .failure(let problem):
      verdict.hasWrongToken = problem.kind == .unauthorized && fields.authorization != nil
      verdict.refusal = .problem(
        problem, headers: problem.kind == .unauthorized ? [.init("WWW-Authenticate", "Bearer realm=\"holdfast\"")] : [])
      return verdict
    }
    if operation.takesBody, fields.hasBody, !fields.isJSON {
      verdict.refusal = .problem(Problem(.unsupportedMediaType, "Content-Type must be application/json."))
    } else if operation.takesBody, fields.hasBody, fields.isEncoded {
      verdict.refusal = .problem(
        Problem(
          .unsupportedMediaType, "Content-Encoding must be identity: bodies are taken as they are, not compressed."),
        headers: [.init("Accept-Encoding", "identity")])
    } else if fields.contentLength > HTTPLimits.bodyBytes {
      verdict.refusal = .problem(.payloadTooLarge)
    } else if operation.takesKey {
      if case .one(let text) = fields.idempotencyKey { verdict.keyText = IdempotencyKeyField.parse(text) }
      if verdict.keyText == nil, fields.idempotencyKey != .none {
        verdict.keyFault = Fault(
          "header/Idempotency-Key",
          "one key of 1 to \(Limits.idempotencyKeyLength) visible ASCII characters without space, quote and backslash is needed"
        )
      }
    }
    return verdict
  }

  private func admit(_ operation: Operation, _ authorization: String?) -> Result<String, Problem> {
    let tokens: AccessTokens
    switch operation.access {
    case .everyone: return .success(CallContext.anyone)
    case .shop:
      guard !clientTokens.isEmpty else { return .success(CallContext.anyone) }
      tokens = clientTokens
    case .admin:
      guard !adminTokens.isEmpty else {
        return .failure(Problem(.adminDisabled, "Admin calls need an admin token, and the node was given none."))
      }
      tokens = adminTokens
    }
    guard let presented = authorization?.bearerToken, let name = tokens.name(for: presented) else {
      return .failure(Problem(.unauthorized, "Send \"Authorization: Bearer\" with a valid token for this call."))
    }
    return .success(name)
  }
}

extension Response {
  static func problem(_ kind: ProblemKind) -> Response {
    switch kind {
    case .payloadTooLarge: .problem(Problem(kind, "At most \(HTTPLimits.bodyBytes) bytes are taken."))
    case .headersTooLarge: .problem(Problem(kind, "At most \(HTTPLimits.headBytes) bytes are taken."))
    default: .problem(Problem(kind, kind.title + "."))
    }
  }
}

/// The header fields that matter here, picked out in one pass.
private struct HeaderFields {
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
          (1...HTTPLimits.requestIDBytes).contains(value.utf8.count) && value.utf8.allSatisfy { $0.isVisibleASCII }
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

/// `Idempotency-Key` (IETF httpapi draft): bare, or as an RFC 8941 string; both are the same key.
enum IdempotencyKeyField {
  static func parse(_ field: String) -> String? {
    var key = field.utf8[...]
    if key.first == UInt8(ascii: "\""), key.last == UInt8(ascii: "\""), key.count >= 2 {
      key = key.dropFirst().dropLast()
    }
    guard (1...Limits.idempotencyKeyLength).contains(key.count),
      key.allSatisfy({ $0.isVisibleASCII && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
    else { return nil }
    return String(Substring(key))
  }
}

extension String {
  /// Whether this is `name` (given in lower case), whatever its case.
  fileprivate func isField(_ name: StaticString) -> Bool {
    guard utf8.count == name.utf8CodeUnitCount else { return false }
    var expected = name.utf8Start
    for byte in utf8 {
      let lower = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
      guard lower == expected.pointee else { return false }
      expected += 1
    }
    return true
  }

  /// A request target in origin-form: without the scheme and authority that a client may name too (RFC 9112, 3.2.2).
  fileprivate var originForm: Substring {
    // Nearly all are.
    guard utf8.first != UInt8(ascii: "/"), let colon = utf8.firstIndex(of: UInt8(ascii: ":")) else { return self[...] }
    let scheme = String(self[..<colon])
    guard scheme.isField("http") || scheme.isField("https"), utf8[colon...].starts(with: "://".utf8) else {
      return self[...]
    }
    let authority = utf8[colon...].dropFirst(3)
    let end = authority.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? authority.endIndex
    return end == authority.startIndex ? self[...] : self[end...]
  }

  /// The parser leaves the white space behind a field value, which is no part of it (RFC 9112, 5.1).
  fileprivate var withoutTrailingSpace: String {
    let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    guard let last = utf8.last, isSpace(last) else { return self }
    return utf8.lastIndex { !isSpace($0) }.map { String(self[...$0]) } ?? ""
  }

  /// The token of `Bearer <token>`, the scheme in any case.
  fileprivate var bearerToken: String? {
    let parts = split(separator: " ", maxSplits: 1)
    guard parts.count == 2, String(parts[0]).isField("bearer") else { return nil }
    return String(parts[1].drop { $0 == " " })
  }
}
