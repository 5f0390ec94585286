import Common
import Foundation
import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node

extension AgainstRedis {
  /// The link to Redis uses TLS, or the node says why it can't.
  @Suite struct TLSToRedisTests {
    private let certificates: Certificates

    init() throws { certificates = try Certificates() }

    /// A Redis with TLS on one port and without TLS on another.
    private func redis(
      name: String = "server", wantsClientCertificates: Bool = false
    ) async throws -> (redis: PrivateRedis, port: Int) {
      let port = try FreePort.find()
      let options = certificates.serverOptions(
        port: port, name: name, wantsClientCertificates: wantsClientCertificates)
      return (try await PrivateRedis(options: options), port)
    }

    /// Checks the message of a link that does not come up.
    private func expectProblem(
      _ words: String, at url: String, tls: RedisTLS? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      let log = LogRecorder()
      let handle = try await LinkHandle(url, tls: tls, logger: log.logger)
      var problem = ""
      // A busy machine may need more than one attempt.
      try await eventually("it is told: \(words)") {
        problem = try await handle.status.lastProblem ?? ""
        return problem.contains(words)
      }
      #expect(
        log.all.contains { $0.contains("Redis link is down") && $0.contains(words) }, sourceLocation: sourceLocation)
      let status = try await handle.status
      #expect(!status.isUp && status.reconnects == 0, sourceLocation: sourceLocation)
      for name in ["NIO", "Error", "SSL(", "OPENSSL"] {
        #expect(!problem.contains(name), "\(problem)", sourceLocation: sourceLocation)
      }
    }

    @Test func `a certificate that the CA has signed for this address`() async throws {
      let (redis, port) = try await redis()
      let handle = try await LinkHandle("rediss://127.0.0.1:\(port)/0", tls: try certificates.client())
      try await handle.whenUp()
      try await handle.reply("SET", "secret", "kept")
      #expect(try redis.cli("GET", "secret") == "kept")
    }

    @Test func `another's certificate, an unknown CA's, or one out of date: never up, and told which`() async throws {
      let expected = [
        "elsewhere": "is for another name than 127.0.0.1",
        "selfmade": "is not signed by a certificate in \(certificates.path("ca.crt")) (redisCaFile)",
        "expired": "expired on 20",
      ]
      for (name, words) in expected {
        let (redis, port) = try await redis(name: name)
        try await expectProblem(words, at: "rediss://127.0.0.1:\(port)/0", tls: try certificates.client())
        withExtendedLifetime(redis) {}
      }
    }

    @Test func `TLS on one side only: what the URL must begin with is told`() async throws {
      let (redis, port) = try await redis()
      try await expectProblem("TLS", at: "rediss://127.0.0.1:\(redis.port)/0", tls: try certificates.client())
      try await expectProblem("rediss://", at: "redis://127.0.0.1:\(port)/0")
    }

    @Test func `a Redis that wants a client certificate is given one; that there is none is told`() async throws {
      let (redis, port) = try await redis(wantsClientCertificates: true)
      let url = "rediss://127.0.0.1:\(port)/0"
      let handle = try await LinkHandle(url, tls: try certificates.client("client"))
      try await handle.whenUp()
      try await expectProblem("set redisCertFile and redisKeyFile", at: url, tls: try certificates.client())
      try await expectProblem(
        "does not accept the client certificate", at: url, tls: try certificates.client("selfmade"))
      withExtendedLifetime(redis) {}
    }

    @Test func `files that can't be used are told by their setting and their name`() throws {
      func failure(ca: String? = nil, cert: String? = nil, key: String? = nil) throws -> String {
        let error = try #require(throws: SettingsError.self) {
          try RedisTLS.fromSettings(caFile: ca, certFile: cert, keyFile: key)
        }
        #expect(!error.description.contains("\n"))
        return error.description
      }
      let (cert, key, ca) = (
        certificates.path("client.crt"), certificates.path("client.key"), certificates.path("ca.crt")
      )
      _ = try RedisTLS.fromSettings(caFile: ca, certFile: cert, keyFile: key)
      let empty = certificates.path("empty")
      try Data().write(to: URL(filePath: empty))
      #expect(try failure(ca: "/nowhere/ca") == #"setting redisCaFile: file "/nowhere/ca": No such file or directory"#)
      for path in [empty, key] {
        #expect(
          try failure(ca: path)
            == "setting redisCaFile: \(path) holds no certificate that can be read (PEM is expected)")
      }
      #expect(try failure(ca: "/tmp") == #"setting redisCaFile: file "/tmp": Is a directory"#)
      #expect(
        try failure(cert: "/nowhere/c", key: key)
          == #"setting redisCertFile: file "/nowhere/c": No such file or directory"#)
      #expect(
        try failure(cert: cert, key: "/nowhere/k")
          == #"setting redisKeyFile: file "/nowhere/k": No such file or directory"#)
      #expect(
        try failure(cert: cert, key: cert)
          == "setting redisKeyFile: \(cert) holds no private key (PEM is expected)")
      let other = certificates.path("server.key")
      #expect(
        try failure(cert: cert, key: other)
          == "setting redisKeyFile: \(other) is not the key of the certificate in \(cert)")
      let locked = certificates.path("locked.key")
      _ = try Shell.run("openssl", ["pkcs8", "-topk8", "-in", key, "-passout", "pass:x", "-out", locked])
      #expect(
        try failure(cert: cert, key: locked)
          == "setting redisKeyFile: \(locked) is encrypted, and nobody can type its passphrase")
    }
  }
}
