import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import RedisClient

@Suite struct LinkProblemTests {
  private let plain: LinkProblem
  private let secure: LinkProblem

  init() throws {
    plain = LinkProblem(url: try RedisURL("redis://:hush@h:1/3"))
    secure = LinkProblem(url: try RedisURL("rediss://:hush@h:1"), authorities: "a certificate in ca.pem")
  }

  @Test(
    arguments: [
      (IOError(errnoCode: ECONNREFUSED, reason: "connect"), "h:1 refuses connections: nothing listens there"),
      (IOError(errnoCode: ETIMEDOUT, reason: "connect"), "h:1 does not answer"),
      (IOError(errnoCode: EHOSTUNREACH, reason: "connect"), "h:1 is unreachable (no route to the host)"),
      (IOError(errnoCode: ENETUNREACH, reason: "connect"), "h:1 is unreachable (no route to its network)"),
      (IOError(errnoCode: ECONNRESET, reason: "connect"), "h:1 reset the connection"),
      (IOError(errnoCode: EACCES, reason: "connect"), "h:1 cannot be reached: Permission denied"),
      (ChannelError.connectTimeout(.milliseconds(500)), "h:1 does not answer: no connection within 500 ms"),
      (Unforeseen(), "h:1 cannot be reached: an unforeseen error"),
    ] as [(any Error, String)])
  func `why no connection is made`(error: any Error, words: String) {
    #expect(plain.words(connecting: error) == words)
  }

  @Test(
    arguments: [
      (.answered, "h:1 does not answer: no connection within 500 ms"),
      (.unanswered, "the name h was not found within 500 ms: the resolver (DNS) does not answer"),
      (.failing(.init(code: EAI_NONAME)), "the name h has no address: Name or service not known"),
      (
        .failing(.init(code: EAI_AGAIN)),
        "the name h can't be looked up: the resolver (DNS) does not answer: Temporary failure in name resolution"
      ),
    ] as [(NameLookup.State, String)])
  func `a name that is not found in time is not the server's silence`(lookup: NameLookup.State, words: String) {
    #expect(plain.words(connecting: ChannelError.connectTimeout(.milliseconds(500)), lookup: lookup) == words)
  }

  private struct Unforeseen: Error {}

  @Test(
    arguments: [
      (IOError(errnoCode: ECONNRESET, reason: "read"), "h:1 reset the connection"),
      (IOError(errnoCode: ETIMEDOUT, reason: "read"), "h:1 does not answer any more"),
      (NIOSSLError.uncleanShutdown, "closed by the server (h:1)"),
      (NIOSSLExtraError.failedToValidateHostname, "the certificate of h:1 is for another name than h"),
      (
        NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])),
        "h:1 closed the connection in the TLS handshake: does it speak TLS?"
      ),
      (NIOSSLError.unableToValidateCertificate, "the certificate of h:1 is not signed by a certificate in ca.pem"),
      (NIOSSLError.handshakeFailed(.syscallError), "TLS with h:1 failed"),
      (Unforeseen(), "the connection to h:1 failed: an unforeseen error"),
    ] as [(any Error, String)])
  func `why a connection ends`(error: any Error, words: String) {
    #expect(secure.words(for: error) == words)
  }

  private static func line(_ name: String) -> String {
    "Error: 1 error:1:SSL routines:OPENSSL_internal:\(name) at f.cc:1"
  }

  @Test(arguments: [
    ("CERTIFICATE_VERIFY_FAILED", TLSProblem.certificateRejected), ("WRONG_VERSION_NUMBER", .noTLS),
    ("TLSV1_ALERT_CERTIFICATE_REQUIRED", .certificateRequired), ("TLSV1_ALERT_UNKNOWN_CA", .ownCertificateRejected),
    ("SSLV3_ALERT_BAD_CERTIFICATE", .ownCertificateRejected),
    ("SSLV3_ALERT_CERTIFICATE_EXPIRED", .ownCertificateRejected),
    ("TLSV1_ALERT_PROTOCOL_VERSION", .noCommonVersion), ("UNSUPPORTED_PROTOCOL", .noCommonVersion),
    ("SSLV3_ALERT_HANDSHAKE_FAILURE", .alert("handshake failure")), ("BAD_DECRYPT", .other),
  ])
  func `why TLS fails is read from its stack of errors`(name: String, expected: TLSProblem) {
    #expect(TLSProblem(stack: [Self.line(name)]) == expected)
  }

  @Test func `a certificate out of its time is told with its date`() {
    func words(_ from: Int, _ until: Int) -> String {
      TLSProblem.certificateRejected.words(
        server: "h:1", host: "h", authorities: "ca.pem", certificate: .init(validFrom: from, validUntil: until),
        epochSeconds: 1_700_000_000)
    }
    #expect(words(0, 1_699_999_999) == "the certificate of h:1 expired on 2023-11-14T22:13:19.000Z")
    #expect(
      words(1_700_000_001, 1_800_000_000) == "the certificate of h:1 is not valid before 2023-11-14T22:13:21.000Z")
    #expect(words(0, 1_800_000_000) == "the certificate of h:1 is not signed by ca.pem")
  }

  @Test func `whether a certificate is out of its time is judged by the clock that is passed in`() {
    let certificate = ServerCertificate(validFrom: 0, validUntil: 1_699_999_999)
    func words(at milliseconds: Int64) -> String {
      var problem = secure
      problem.wallClock = { milliseconds }
      return problem.words(for: NIOSSLError.unableToValidateCertificate, certificate: certificate)
    }
    #expect(words(at: 1_700_000_000_000) == "the certificate of h:1 expired on 2023-11-14T22:13:19.000Z")
    #expect(words(at: 1_699_999_999_999) == "the certificate of h:1 is not signed by a certificate in ca.pem")
  }

  @Test func `what is to be mended is called what the operator calls it, if that is known`() throws {
    let names = RedisTLS.FileNames(authorities: "ITS CA", certificate: "ITS CERTIFICATE", key: "ITS KEY")
    func words(_ problem: TLSProblem, _ files: RedisTLS.FileNames?) -> String {
      problem.words(server: "h:1", host: "h", authorities: "ca.pem", files: files, epochSeconds: 1_700_000_000)
    }
    let wanted = "h:1 wants a client certificate (tls-auth-clients)"
    #expect(words(.certificateRequired, names) == wanted + ": set ITS CERTIFICATE and ITS KEY")
    #expect(words(.certificateRequired, nil) == wanted)
    let refused = "h:1 does not accept the client certificate"
    let question = "is it signed by the CA that Redis trusts?"
    #expect(words(.ownCertificateRejected, names) == "\(refused) (ITS CERTIFICATE): \(question)")
    #expect(words(.ownCertificateRejected, nil) == "\(refused): \(question)")
    let login = SentinelAccess.LoginNames(user: "ITS USER", password: "ITS PASSWORD")
    let sentinel = ServerAddress(host: "s", port: 2)
    for (line, named, plain) in [
      ("NOAUTH no", "wants a password: set ITS PASSWORD", "wants a password"),
      ("WRONGPASS no", "does not accept ITS USER or ITS PASSWORD", "does not accept the user or the password"),
    ] {
      for (login, words) in [(login, named), (nil, plain)] as [(SentinelAccess.LoginNames?, String)] {
        #expect(
          LinkProblem.words(refusedBySentinel: sentinel, with: line, login: login) == "the Sentinel at s:2 \(words)")
      }
    }
  }

  @Test(arguments: [
    ("WRONGPASS invalid pair", "Redis at h:1 does not accept the user or the password: WRONGPASS invalid pair"),
    (
      "NOAUTH Authentication required.",
      "Redis at h:1 wants a password, and none is set: NOAUTH Authentication required."
    ),
    ("NOPERM this user", "the Redis user lacks a right at h:1: NOPERM this user"),
    ("LOADING Redis is loading", "Redis at h:1 is still loading its data: LOADING Redis is loading"),
    ("BUSY Redis is busy", "Redis at h:1 is busy with a long script: BUSY Redis is busy"),
    ("MASTERDOWN Link", "Redis at h:1 is a replica that has lost its master: MASTERDOWN Link"),
    ("READONLY You", "Redis at h:1 is a replica: READONLY You"),
    ("MISCONF Errors", "Redis at h:1 can't save its data and takes no writes: MISCONF Errors"),
    ("NOREPLICAS Not", "Redis at h:1 has too few replicas and takes no writes: NOREPLICAS Not"),
    ("OOM command", "Redis at h:1 is full: OOM command"),
    ("MOVED 1 h:2", "Redis at h:1 runs in cluster mode: MOVED 1 h:2"),
    (
      "ERR SELECT is not allowed in cluster mode",
      "Redis at h:1 runs in cluster mode: ERR SELECT is not allowed in cluster mode"
    ),
    (
      "ERR max number of clients reached",
      "Redis at h:1 has as many clients as it takes (maxclients): ERR max number of clients reached"
    ),
    ("ERR DB index is out of range", "Redis at h:1 has no database 3: ERR DB index is out of range"),
    (
      "ERR AUTH <password> called without any password configured for the default user.",
      "Redis at h:1 wants no password, and one is set: "
        + "ERR AUTH <password> called without any password configured for the default user."
    ),
    (
      "DENIED Redis is running in protected mode because … a whole manual",
      "Redis at h:1 is in protected mode: it takes connections from its own machine only (DENIED)"
    ),
    ("ERR unknown command", "Redis at h:1 refuses X: ERR unknown command"),
    ("ERR two\r\nlines", "Redis at h:1 refuses X: ERR two lines"), ("", "Redis at h:1 refuses X: "),
  ])
  func `what Redis refuses with`(line: String, words: String) {
    #expect(plain.words(refusedWith: line, to: "X") == words)
  }

  @Test func `a long line is cut`() {
    let words = plain.words(refusedWith: "ERR " + String(repeating: "x", count: 10_000))
    #expect(words.count < 300 && words.hasSuffix("…"))
  }

  @Test(
    arguments: [
      ([0x15, 3, 1, 0, 2], "h:1 speaks TLS: the URL must begin with rediss://"),
      ([0x16, 3, 3, 0, 2], "h:1 speaks TLS: the URL must begin with rediss://"),
      (Array("HTTP/1.1 400".utf8), "h:1 speaks HTTP: it is no Redis"), (Array("+OK".utf8), nil), ([0x15], nil),
      ([], nil),
    ] as [([UInt8], String?)])
  func `what the first bytes tell`(bytes: [UInt8], words: String?) {
    #expect(plain.words(begunWith: ByteBuffer(bytes: bytes)) == words)
  }

  @Test func `who never says a word may speak another language`() {
    #expect(plain.wordsForClosing(hasHeard: true) == "closed by the server (h:1)")
    #expect(plain.wordsForClosing(hasHeard: false).contains("does it want TLS (rediss://)?"))
    let reset = IOError(errnoCode: ECONNRESET, reason: "read")
    #expect(plain.words(for: reset, hasHeard: false).contains("does it want TLS (rediss://)?"))
    #expect(secure.wordsForClosing(hasHeard: false).contains("does it speak TLS?"))
    #expect(secure.wordsForUnansweredHandshake(hasHeard: false).contains("does it speak TLS?"))
    #expect(plain.wordsForUnansweredHandshake(hasHeard: false) == "h:1 did not answer the handshake within 500 ms")
  }

  @Test func `an IPv6 address stands in brackets`() throws {
    #expect(LinkProblem(url: try RedisURL("redis://[::1]:7")).server == "[::1]:7")
  }
}
