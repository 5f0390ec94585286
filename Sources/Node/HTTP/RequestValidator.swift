import Common
import NIOHTTP1

/// Judges a request by its head alone, in the contract's order: path and method, access, media type and size, the key.
struct RequestValidator: Sendable {
  private let router = Router()
  // Replaced as a whole: it belongs to the event loop, as the validator does.
  var authenticator: Authenticator

  /// - Parameter isFromProxy: whether it comes from a trusted proxy, whose own fields are not held against the client.
  func validate(_ head: HTTPRequestHead, isFromProxy: Bool = false) -> ValidatedHead {
    var fields = HeaderFields()
    let headBytes = fields.read(head) - (isFromProxy ? min(fields.proxyBytes, HTTPLimits.maxProxyHeadBytes) : 0)
    // A request that can't be told from what follows it is refused before its path is looked at.
    if let refusal = Self.malformation(head, fields, headBytes) {
      return validated(head, fields, refusal)
    }
    // By bytes: characters would be looked at for what may combine with them.
    let target = head.uri.originForm
    let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
    switch router.match(head.method, target[..<mark]) {
    case .wrongMethod(let allow):
      let problem = Problem(.methodNotAllowed, "This path has \(allow).")
      return validated(head, fields, .refused(.problem(problem, headers: [.init("Allow", allow)]), .afterBody))
    case .noSuchPath:
      let problem = Problem(.notFound, "See /openapi.yaml for the paths there are.")
      return validated(head, fields, .refused(.problem(problem), .afterBody))
    case .operation(let operation, let parameter):
      switch authenticator.admit(operation, fields.authorization) {
      case .failure(let problem):
        var refused = validated(head, fields, .refused(Self.response(to: problem), .afterBody), operation)
        refused.hasWrongToken = problem.kind == .unauthorized && fields.authorization != nil
        return refused
      case .success(let caller):
        let admission = ValidatedHead.Admission(
          operation: operation, parameter: parameter, query: Substring(target.utf8[mark...].dropFirst()),
          caller: caller, keyText: nil)
        return validated(head, fields, Self.judgeContent(admission, fields), operation)
      }
    }
  }

  private func validated(
    _ head: HTTPRequestHead, _ fields: HeaderFields, _ decision: ValidatedHead.Decision, _ operation: Operation? = nil
  ) -> ValidatedHead {
    // The decoder takes whatever follows an upgrade for another protocol: nothing more can be served there.
    let asksForUpgrade = fields.asksForUpgrade || head.method == .CONNECT
    return ValidatedHead(
      decision: decision, operation: operation, requestID: fields.requestID, forwardedFor: fields.forwardedFor,
      // Whoever speaks HTTP/1.0 would take the interim answer for the final one (RFC 9110, 10.1.1).
      expectsContinue: fields.expectation == .goOn && head.version == .http1_1,
      keepsAlive: head.isKeepAlive && head.version == .http1_1 && !asksForUpgrade, isHEAD: head.method == .HEAD)
  }

  /// Why no request may have this head.
  private static func malformation(
    _ head: HTTPRequestHead, _ fields: HeaderFields, _ headBytes: Int
  ) -> ValidatedHead.Decision? {
    guard headBytes <= HTTPLimits.maxHeadBytes else {
      return .refused(.problem(.headersTooLarge), .atOnce)
    }
    if fields.hosts > 1 || (fields.hosts == 0 && head.version == .http1_1) {
      return .refused(.problem(.invalid([Fault("header/Host", "exactly one is needed")])), .afterBody)
    }
    // What follows could not be told from the body.
    guard fields.transferCoding == .none || (fields.transferCoding == .chunked && head.version == .http1_1) else {
      let problem = Problem(
        .unsupportedTransferCoding, "Transfer-Encoding must be exactly \"chunked\", once, or absent; HTTP/1.0 has none."
      )
      return .refused(.problem(problem), .atOnce)
    }
    guard fields.expectation != .unknown else {
      let problem = Problem(.expectationFailed, "Expect must be \"100-continue\", or absent.")
      return .refused(.problem(problem), .atOnce)
    }
    return nil
  }

  /// Judges media type, size and idempotency key.
  private static func judgeContent(
    _ admission: ValidatedHead.Admission, _ fields: HeaderFields
  ) -> ValidatedHead.Decision {
    let operation = admission.operation
    if operation.takesBody, fields.hasBody, !fields.isJSON {
      let problem = Problem(.unsupportedMediaType, "Content-Type must be application/json.")
      return .refused(.problem(problem), .afterBody)
    }
    if operation.takesBody, fields.hasBody, fields.isEncoded {
      let problem = Problem(
        .unsupportedMediaType, "Content-Encoding must be identity: bodies are taken as they are, not compressed.")
      return .refused(.problem(problem, headers: [.init("Accept-Encoding", "identity")]), .afterBody)
    }
    guard fields.contentLength <= HTTPLimits.maxBodyBytes else {
      return .refused(.problem(.payloadTooLarge), .atOnce)
    }
    guard operation.takesKey, fields.idempotencyKey != .none else { return .admitted(admission) }
    guard case .one(let text) = fields.idempotencyKey, let key = IdempotencyKeyField.parse(text) else {
      let fault = Fault("header/Idempotency-Key", IdempotencyKeyField.form)
      return .refused(.problem(.invalid([fault])), .afterBodyOfGoodSize)
    }
    var admission = admission
    admission.keyText = key
    return .admitted(admission)
  }

  private static func response(to problem: Problem) -> Response {
    let challenge = Response.Header("WWW-Authenticate", "Bearer realm=\"holdfast\"")
    return .problem(problem, headers: problem.kind == .unauthorized ? [challenge] : [])
  }
}

extension Response {
  static func problem(_ kind: ProblemKind) -> Response {
    switch kind {
    case .payloadTooLarge: .problem(Problem(kind, "At most \(HTTPLimits.maxBodyBytes) bytes are taken."))
    case .headersTooLarge: .problem(Problem(kind, "At most \(HTTPLimits.maxHeadBytes) bytes are taken."))
    default: .problem(Problem(kind, kind.title + "."))
    }
  }
}

extension String {
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
}
