import Glibc
import RedisClient
import TestSupport
import Testing

@testable import Node

extension AgainstRedis {
  @Suite struct SentinelTests {
    private static func port(_ link: LinkHandle) async throws -> Int? {
      try await link.status.server.flatMap { $0.split(separator: ":").last }.flatMap { Int($0) }
    }

    private static func problem(_ link: LinkHandle, saying words: String) async throws {
      try await eventually("the link says: \(words)") {
        let status = try await link.status
        return !status.isUp && status.lastProblem?.contains(words) == true
      }
    }

    @Test func `a link finds the master, and goes where Sentinel moves it`() async throws {
      let group = try await SentinelGroup()
      let link = try await LinkHandle(group.url)
      try await link.whenUp()
      let first = try #require(group.master)
      #expect(try await Self.port(link) == first.port)
      #expect(try await link.reply("SET", "k", "1") == .status("OK"))
      try await group.failOver()
      let second = try await group.master(otherThan: first, replicas: 1)
      try await eventually("the link is there") {
        let status = try await link.status
        return status.isUp && status.server == "127.0.0.1:\(second.port)"
      }
      #expect(try await link.reply("SET", "k", "2") == .status("OK"))
      #expect(try second.cli("GET", "k") == "2")
    }

    @Test func `a link goes to the server that takes a dead master's place`() async throws {
      let group = try await SentinelGroup()
      let link = try await LinkHandle(group.url)
      try await link.probe()
      try await link.whenUp()
      let first = try #require(group.master)
      first.kill()
      try await eventually("the link leads to another server") {
        let status = try await link.status
        return status.isUp && status.server != "127.0.0.1:\(first.port)"
      }
      #expect(try await link.reply("SET", "k", "1") == .status("OK"))
    }

    @Test func `Sentinels that are dead or silent are passed over`() async throws {
      let group = try await SentinelGroup()
      group.sentinels[0].kill()
      group.sentinels[1].signal(SIGSTOP)
      let link = try await LinkHandle(group.url)
      try await link.whenUp()
      #expect(try await Self.port(link) == group.servers.first?.port)
      group.sentinels[1].signal(SIGCONT)
    }

    @Test func `a name that no Sentinel knows is told apart from Sentinels that do not answer`() async throws {
      let group = try await SentinelGroup(replicas: 0, sentinels: 1)
      let stranger = try await LinkHandle(group.url.replacing("/\(SentinelGroup.masterName)", with: "/other"))
      try await Self.problem(stranger, saying: "knows no master by the name other")
      let sentinel = group.sentinels[0]
      sentinel.kill()
      try await Self.problem(stranger, saying: "no Sentinel answers: 127.0.0.1:\(sentinel.port) refuses connections")
    }

    @Test func `a server that stores is no Sentinel`() async throws {
      let redis = try await PrivateRedis()
      let link = try await LinkHandle("redis+sentinel://127.0.0.1:\(redis.port)/shop")
      try await Self.problem(link, saying: "127.0.0.1:\(redis.port) is no Sentinel")
    }

    @Test func `Sentinels have a password of their own`() async throws {
      let group = try await SentinelGroup(replicas: 0, sentinels: 1)
      try group.sentinels[0].cli("ACL", "SETUSER", "default", "resetpass", ">s3cret")
      let stranger = try await LinkHandle(group.url, sentinels: SentinelAccess(names: .settings))
      try await Self.problem(stranger, saying: "wants a password: set sentinelPassword")
      let wrong = try await LinkHandle(group.url, sentinels: SentinelAccess(password: "wr0ng", names: .settings))
      try await Self.problem(wrong, saying: "does not accept sentinelUser or sentinelPassword")
      let link = try await LinkHandle(group.url, sentinels: SentinelAccess(password: "s3cret"))
      try await link.whenUp()
      #expect(try await link.reply("SET", "k", "1") == .status("OK"))
    }

    @Test func `Sentinels are asked over TLS where that is set; one that nobody vouches for is told`() async throws {
      let certificates = try Certificates()
      let master = try await PrivateRedis()
      func sentinel(_ certificate: String) async throws -> (process: PrivateRedis, url: String) {
        let port = try FreePort.find()
        let process = try await PrivateRedis(
          .sentinel, options: certificates.serverOptions(port: port, name: certificate),
          file: "sentinel monitor shop 127.0.0.1 \(master.port) 1\n")
        return (process, "redis+sentinel://127.0.0.1:\(port)/shop")
      }
      let (trusted, url) = try await sentinel("server")
      let link = try await LinkHandle(url, sentinels: SentinelAccess(tls: try certificates.client()))
      try await link.whenUp()
      #expect(try await Self.port(link) == master.port)
      let plain = try await LinkHandle(url)
      try await Self.problem(plain, saying: "no Sentinel answers")
      let (stranger, elsewhere) = try await sentinel("selfmade")
      let wary = try await LinkHandle(elsewhere, sentinels: SentinelAccess(tls: try certificates.client()))
      try await Self.problem(wary, saying: "is not signed by a certificate in")
      withExtendedLifetime((trusted, stranger)) {}
    }
  }
}
