import Common
import NIOHTTP1
import TestSupport
import Testing

@testable import Node
@testable import Store

@Suite struct RequestValidatorTests {
  private static let json = [("Content-Type", "application/json"), ("Content-Length", "2")]
  private static let open = RequestValidator(
    authenticator: Authenticator(adminTokens: .init(token: "boss"), clientTokens: .init()))
  private static let closed = RequestValidator(
    authenticator: Authenticator(adminTokens: .init(token: "boss"), clientTokens: .init(token: "shopper")))

  private static func validate(
    _ method: HTTPMethod, _ uri: String, _ fields: [(String, String)] = [], validator: RequestValidator = open
  ) -> ValidatedHead {
    validator.validate(.make(method, uri, fields))
  }

  /// The contract's order: path and method, access, media type and size, key, body, then the state of the store. A
  /// request with every fault is told the first one. After each correction it is told the next one.
  @Test func `faults are told in the order of the contract`() {
    let path = ("/nowhere", "/inventory/a/adjust")
    let type = ("Content-Type", "text/plain")
    let size = ("Content-Length", "65537")
    let key = ("Idempotency-Key", "a b")
    let token = ("Authorization", "Bearer boss")
    let good = ("Content-Type", "application/json")
    #expect(Self.validate(.GET, path.0, [type, size, key]).status == 404)
    #expect(Self.validate(.GET, path.1, [type, size, key]).status == 405)
    #expect(Self.validate(.POST, path.1, [type, size, key]).status == 401)
    #expect(Self.validate(.POST, path.1, [type, size, key, token]).status == 415)
    #expect(Self.validate(.POST, path.1, [good, size, key, token]).status == 413)
    #expect(Self.validate(.POST, path.1, [good, ("Content-Length", "65536"), key, token]).status == 400)
    #expect(Self.validate(.POST, path.1, [good, ("Content-Length", "65536"), token]).status == nil)
  }

  @Test func `a path that has other methods lists them`() {
    let head = Self.validate(.PATCH, "/inventory/a?x=1")
    #expect(head.status == 405 && head.refusalHeader("Allow") == "DELETE, GET, HEAD, PUT")
  }

  @Test func `what follows the question mark is the query`() {
    let head = Self.validate(.GET, "/inventory/a%2Eb?limit=1?&x")
    #expect(head.operation == .readStock && head.admission?.parameter == "a.b" && head.admission?.query == "limit=1?&x")
    #expect(
      Self.validate(.GET, "/health?").operation == .health && Self.validate(.GET, "/health/live").admission?.query == ""
    )
  }

  /// RFC 9112, 3.2.2: a server must accept it with any authority.
  @Test(arguments: ["http://shop", "https://shop:8080", "HTTP://10.0.0.1", "hTTps://[::1]:80"])
  func `an absolute target is its path and query`(prefix: String) {
    for (method, target) in [
      (HTTPMethod.GET, "/inventory/a%2Eb?limit=1?&x"), (.POST, "/inventory/reserve"), (.GET, "/inventory/http://x"),
      (.PUT, "/health"), (.GET, "/nowhere?x"), (.GET, "/"), (.GET, ""),
    ] {
      let (absolute, origin) = (Self.validate(method, prefix + target), Self.validate(method, target))
      #expect(absolute.status == origin.status && absolute.operation == origin.operation, "\(method) \(target)")
      #expect(
        absolute.admission?.parameter == origin.admission?.parameter
          && absolute.admission?.query == origin.admission?.query, "\(method) \(target)")
      #expect(absolute.refusalHeader("Allow") == origin.refusalHeader("Allow"), "\(method) \(target)")
    }
    // The path is empty here.
    #expect(Self.validate(.GET, prefix + "?/inventory/a").status == 404)
  }

  @Test(arguments: [
    "*", "shop:80", "http:/inventory/a", "http:inventory/a", "http:///inventory/a", "http//shop/inventory/a",
    "//shop/inventory/a", "/http://shop/inventory/a", "ftp://shop/inventory/a", "http+x://shop/inventory/a",
    "://shop/inventory/a", "httpſ://shop/inventory/a", "inventory/a", ":", "http:", "http://", "",
  ])
  func `no other target is a path`(target: String) {
    #expect(Self.validate(.GET, target).status == 404)
  }

  @Test func `exactly one host is needed`() {
    func status(_ version: HTTPVersion, _ hosts: Int) -> Int? {
      let fields = (0..<hosts).map { _ in ("host", "h") }
      return Self.open.validate(.init(version: version, method: .GET, uri: "/health/live", headers: .init(fields)))
        .status
    }
    #expect(status(.http1_1, 1) == nil && status(.http1_1, 0) == 400 && status(.http1_1, 2) == 400)
    #expect(status(.http1_0, 0) == nil && status(.http1_0, 2) == 400)
  }

  @Test(arguments: [
    "Bearer boss", "bearer boss", "BEARER boss", "Bearer  boss",
  ])
  func `the admin token opens admin calls`(field: String) {
    let head = Self.validate(.GET, "/inventory", [("Authorization", field)])
    #expect(head.status == nil && head.admission?.caller == "default")
  }

  @Test(
    arguments: [
      nil, "", "boss", "Bearer", "Bearer ", "Bearer bos", "Bearer bosss", "Bearer Boss", "Bearer boss x",
      "Bearer boss,",
      "Basic boss", "Bearerboss", "Bearer\tboss", "Bearer shopper",
    ] as [String?])
  func `admin calls need the admin token`(field: String?) {
    for validator in [Self.open, Self.closed] {
      for (method, uri) in [
        (HTTPMethod.GET, "/inventory"), (.GET, "/audit"), (.PUT, "/inventory/a"), (.POST, "/inventory/a/adjust"),
        (.DELETE, "/inventory/a"),
      ] {
        let head = Self.validate(method, uri, field.map { [("Authorization", $0)] } ?? [], validator: validator)
        #expect(head.status == 401 && head.refusalHeader("WWW-Authenticate")?.hasPrefix("Bearer") == true)
      }
    }
  }

  @Test func `two authorizations are none`() {
    let twice = [("Authorization", "Bearer boss"), ("authorization", "Bearer boss")]
    #expect(Self.validate(.GET, "/inventory", twice).status == 401)
  }

  @Test func `without an admin token, admin calls are disabled`() {
    let validator = RequestValidator(authenticator: Authenticator(adminTokens: .init(), clientTokens: .init()))
    let head = Self.validate(.GET, "/audit", [("Authorization", "Bearer boss")], validator: validator)
    #expect(head.status == 403 && head.refusal?.outcome == .problem(.adminDisabled))
  }

  @Test func `shop calls are open unless a client token is configured`() {
    for (method, uri) in [
      (HTTPMethod.POST, "/inventory/reserve"), (.POST, "/checkout/confirm"), (.POST, "/checkout/cancel"),
      (.POST, "/checkout/extend"), (.GET, "/reservations/x"), (.GET, "/inventory/a"),
    ] {
      let fields = method == .POST ? Self.json : []
      let anyone = Self.validate(method, uri, fields)
      #expect(anyone.status == nil && anyone.admission?.caller == CallContext.anyone)
      // In an open shop all callers count as one, whatever token they send.
      #expect(
        Self.validate(method, uri, fields + [("Authorization", "Bearer x")]).admission?.caller == CallContext.anyone)
      #expect(Self.validate(method, uri, fields, validator: Self.closed).status == 401)
      // An admin token is no client token.
      #expect(
        Self.validate(method, uri, fields + [("Authorization", "Bearer boss")], validator: Self.closed).status == 401)
      let shopper = Self.validate(method, uri, fields + [("Authorization", "Bearer shopper")], validator: Self.closed)
      #expect(shopper.status == nil && shopper.admission?.caller == "default")
    }
  }

  @Test func `health and metrics and the description are open to all`() {
    for uri in ["/health", "/health/live", "/health/ready", "/metrics", "/openapi.yaml"] {
      #expect(Self.validate(.GET, uri, validator: Self.closed).status == nil)
    }
  }

  @Test(
    arguments: [
      ("application/json", nil), ("Application/JSON", nil), ("application/json; charset=utf-8", nil),
      ("application/json;charset=utf-8", nil), ("application/jsonp", 415), ("application/problem+json", 415),
      ("text/json", 415), ("", 415), ("application/json,text/plain", 415),
      ("multipart/form-data; x=application/json", 415),
    ] as [(String, Int?)])
  func `only JSON is a body`(type: String, status: Int?) {
    let fields = [("Content-Type", type)]
    #expect(Self.validate(.POST, "/checkout/confirm", fields + [("Content-Length", "1")]).status == status)
    #expect(Self.validate(.POST, "/checkout/confirm", fields + [("Transfer-Encoding", "chunked")]).status == status)
    // A missing body has no media type. It is reported as a fault of the body.
    #expect(Self.validate(.POST, "/checkout/confirm", fields + [("Content-Length", "0")]).status == nil)
    #expect(Self.validate(.GET, "/inventory/a", fields + [("Content-Length", "1")]).status == nil)
  }

  @Test(arguments: [("65536", nil), ("65537", 413), ("99999999999999999999", 413), ("x", 413)] as [(String, Int?)])
  func `a body has at most 64 KiB`(length: String, status: Int?) {
    let fields = [("Content-Type", "application/json"), ("Content-Length", length)]
    #expect(Self.validate(.POST, "/checkout/confirm", fields).status == status)
    #expect(Self.validate(.GET, "/health", fields).status == status)
  }

  @Test func `request line and headers have at most 16 KiB`() {
    func judged(_ bytes: Int, uri: String = "/health/live") -> Int? {
      // "GET /health/live HTTP/1.1", "Host: shop" and "X: …", each with its line end.
      let rest = bytes - (4 + uri.utf8.count + 11) - 12 - 5
      return Self.validate(.GET, uri, [("X", String(repeating: "x", count: rest))]).status
    }
    #expect(judged(16384) == nil && judged(16385) == 431)
    // The size of the head is checked before all other faults.
    #expect(judged(16385, uri: "/nowhere") == 431)
    #expect(Self.validate(.GET, "/inventory/" + String(repeating: "a", count: 16384)).status == 431)
  }

  @Test(arguments: UInt64(1)...5)
  func `a request id is taken over if it is 1 to 128 visible ASCII characters`(seed: UInt64) {
    var random = SeededRandom(seed)
    for _ in 0..<200 {
      let text =
        random.text("abcXYZ019!~-_:/\"\\ é\t", 0...8) + String(repeating: "x", count: random.pick([1, 1, 1, 125]))
      let isTaken = (1...128).contains(text.utf8.count) && text.unicodeScalars.allSatisfy { ("!"..."~").contains($0) }
      #expect(Self.validate(.GET, "/health", [("X-Request-ID", text)]).requestID == (isTaken ? text : nil))
    }
    #expect(Self.validate(.GET, "/nowhere", [("x-request-id", "mine")]).requestID == "mine")
    #expect(Self.validate(.GET, "/health").requestID == nil)
    #expect(Self.validate(.GET, "/health", [("X-Request-ID", "")]).requestID == nil)
  }

  @Test func `a key is read where it means something`() {
    let fields = Self.json + [("Authorization", "Bearer boss")]
    for operation in Operation.allCases {
      let (method, pattern) = operation.route
      let uri = pattern.replacing("{sku}", with: "a").replacing("{reservationId}", with: "a")
      func judged(_ keys: String...) -> ValidatedHead {
        Self.validate(method, uri, fields + keys.map { ("Idempotency-Key", $0) })
      }
      // The contract: every POST, PUT and DELETE.
      let takesKey = [.POST, .PUT, .DELETE].contains(method)
      #expect(judged("k-1").admission?.keyText == (takesKey ? "k-1" : nil), "\(operation)")
      #expect(judged(#""k-1""#).admission?.keyText == (takesKey ? "k-1" : nil))
      #expect(judged().admission?.keyText == nil && judged().status == nil)
      for malformed in [judged(""), judged("a b"), judged("k", "k"), judged("k", "l")] {
        guard takesKey else {
          #expect(malformed.status == nil && malformed.admission?.keyText == nil)
          continue
        }
        guard case .refused(let refusal, .afterBodyOfGoodSize) = malformed.decision else { return #expect(Bool(false)) }
        #expect(refusal.status == 400 && String(buffer: refusal.body).contains("header/Idempotency-Key"))
      }
    }
  }

  /// RFC 9112, 5.1: it is not part of the value, but the parser leaves it there.
  @Test func `white space behind a field is no part of it`() {
    let padded = Self.json + [("Idempotency-Key", "k \t"), ("X-Request-ID", "r "), ("Authorization", "Bearer boss ")]
    let head = Self.validate(.POST, "/inventory/a/adjust", padded)
    #expect(head.status == nil && head.admission?.keyText == "k" && head.requestID == "r")
    #expect(Self.validate(.GET, "/health", [("X-Request-ID", " \t")]).requestID == nil)
  }

  @Test func `an expectation and an upgrade are noticed`() {
    #expect(Self.validate(.POST, "/checkout/confirm", [("Expect", "100-Continue")]).expectsContinue)
    #expect(!Self.validate(.POST, "/checkout/confirm", [("Expect", "")]).expectsContinue)
    #expect(
      !Self.validate(.GET, "/health", [("upgrade", "h2c")]).keepsAlive && Self.validate(.GET, "/health").keepsAlive)
    #expect(!Self.validate(.CONNECT, "shop:80").keepsAlive)
  }

  /// RFC 9110, 10.1.1: in HTTP/1.0 only "100-continue" is ignored.
  @Test func `what cannot be expected is refused`() {
    let goOn = ("Expect", "100-continue")
    let cases: [([(String, String)], Int?)] = [
      ([goOn], nil), ([goOn, goOn], nil), ([("Expect", "")], nil), ([("Expect", "200-ok")], 417),
      ([("Expect", "100-continue, 200-ok")], 417), ([goOn, ("Expect", "x")], 417), ([("Expect", "x"), goOn], 417),
    ]
    for (fields, status) in cases {
      for version in [HTTPVersion.http1_1, .http1_0] {
        let head = Self.open.validate(
          .init(version: version, method: .GET, uri: "/health", headers: .init(fields + [("Host", "h")])))
        #expect(head.status == status, "\(fields)")
        #expect(head.expectsContinue == (status == nil && version == .http1_1 && fields[0] == goOn), "\(fields)")
      }
    }
  }

  @Test func `what a trusted proxy adds to a head is not held against its client; nobody else's is spared`() throws {
    let validator = RequestValidator(authenticator: Authenticator(adminTokens: .init(), clientTokens: .init()))
    let added = [("X-Forwarded-For", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), ("X-Request-ID", "r")]
    func status(_ bytes: Int, isFromProxy: Bool, _ more: [(String, String)] = []) -> Int? {
      // The validator counts `GET /inventory/a HTTP/1.1`, `Host: shop` and `X: ` with their line ends.
      let filling = String(repeating: "x", count: bytes - 27 - 12 - 5)
      return validator.validate(.make(.GET, "/inventory/a", [("X", filling)] + more), isFromProxy: isFromProxy).status
    }
    #expect(status(HTTPLimits.maxHeadBytes, isFromProxy: false) == nil)
    #expect(status(HTTPLimits.maxHeadBytes + 1, isFromProxy: false) == 431)
    #expect(status(HTTPLimits.maxHeadBytes + 1, isFromProxy: true) == 431)
    #expect(status(HTTPLimits.maxHeadBytes, isFromProxy: true, added) == nil)
    #expect(status(HTTPLimits.maxHeadBytes, isFromProxy: false, added) == 431)
    let tooMuch = [("X-Forwarded-For", String(repeating: "1", count: HTTPLimits.maxProxyHeadBytes))]
    #expect(status(HTTPLimits.maxHeadBytes, isFromProxy: true, tooMuch) == 431)
  }

  @Test(
    arguments: [
      ("gzip", 415), ("br", 415), ("identity, gzip", 415), ("x", 415), ("identity", nil), ("Identity", nil), ("", nil),
    ] as [(String, Int?)])
  func `a compressed body is refused with the reason`(coding: String, status: Int?) throws {
    let head = Self.validate(.POST, "/checkout/confirm", Self.json + [("Content-Encoding", coding)])
    #expect(head.status == status)
    guard status != nil else { return }
    let body = head.refusal.map { String(buffer: $0.body) }
    #expect(body?.contains("Content-Encoding must be identity") == true)
    #expect(head.refusalHeader("Accept-Encoding") == "identity")
    #expect(Self.validate(.GET, "/inventory/a", [("Content-Encoding", coding)]).status == nil, "there is no body")
  }

  @Test func `other tokens take the place of those of the start`() {
    var validator = Self.closed
    func status(_ token: String) -> Int? {
      Self.validate(.GET, "/inventory/a", [("Authorization", "Bearer \(token)")], validator: validator).status
    }
    #expect(status("shopper") == nil && status("other") == 401)
    validator.authenticator.clientTokens = AccessTokens(token: "other")
    #expect(status("shopper") == 401 && status("other") == nil)
  }

  @Test func `a token that is none of ours is told apart from none`() {
    func isWrong(_ fields: [(String, String)], validator: RequestValidator = Self.open) -> Bool {
      Self.validate(.GET, "/inventory", fields, validator: validator).hasWrongToken
    }
    #expect(isWrong([("Authorization", "Bearer x")]) && isWrong([("Authorization", "Basic boss")]))
    #expect(!isWrong([]) && !isWrong([("Authorization", "Bearer boss")]))
    let disabled = RequestValidator(authenticator: Authenticator(adminTokens: .init(), clientTokens: .init()))
    #expect(!isWrong([("Authorization", "Bearer x")], validator: disabled))
  }
}
