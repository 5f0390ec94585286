import Glibc
import NIOCore
import RedisClient
import TestSupport
import Testing

extension AgainstRedis {
  @Suite struct ReplicaTests {
    /// A master, its replica, which is up to date, and a link that waits for one replica.
    private func pair() async throws -> (master: PrivateRedis, replica: PrivateRedis, link: LinkHandle) {
      let master = try await PrivateRedis()
      let replica = try await PrivateRedis(options: ["--replicaof", "127.0.0.1", "\(master.port)"])
      let link = try await LinkHandle(master.url, minReplicas: 1)
      try await link.whenUp()
      try await eventually("the replica is in step") {
        try await link.reply("INFO", "replication").text?.contains("state=online") == true
      }
      return (master, replica, link)
    }

    @Test func `a success is told when the replica has it`() async throws {
      let (master, replica, link) = try await pair()
      for number in 1...50 {
        let answer = await link.send(["SET", "k", "\(number)"], awaitsReplicas: true)
        #expect(answer == .success(.status("OK")))
        #expect(try replica.cli("GET", "k") == "\(number)")
      }
      #expect(master.isRunning)
    }

    @Test func `what a replica lacks is not told as done, and what waits for none is`() async throws {
      let (master, replica, link) = try await pair()
      replica.signal(SIGSTOP)
      async let awaited = link.send(["SET", "k", "1"], awaitsReplicas: true)
      #expect(await awaited == .failure(.unknown(.notReplicated(.status("OK")))))
      #expect(try await link.reply("GET", "k").text == "1", "it was done all the same")
      #expect(await link.send(["SET", "k", "2"]) == .success(.status("OK")))
      replica.signal(SIGCONT)
      try await eventually("the replica has caught up") {
        await link.send(["SET", "k", "3"], awaitsReplicas: true) == .success(.status("OK"))
      }
      #expect(master.isRunning)
    }

    @Test func `an error of Redis waits for nobody`() async throws {
      let (master, replica, link) = try await pair()
      replica.kill()
      let answer = await link.send(["INCR"], awaitsReplicas: true)
      guard case .success(.error(let line)) = answer else {
        Issue.record("\(answer)")
        return
      }
      #expect(line.contains("wrong number of arguments"))
      #expect(master.isRunning)
    }

    /// A replay acknowledges the change too, although it writes nothing.
    @Test func `what was written on another connection is awaited, too`() async throws {
      let (master, replica, link) = try await pair()
      replica.signal(SIGSTOP)
      let other = try await LinkHandle(master.url)
      try await other.whenUp()
      try await other.reply("SET", "k", "1")
      #expect(
        await link.send(["GET", "k"], awaitsReplicas: true) == .failure(.unknown(.notReplicated(.bytes([0x31])))))
      replica.signal(SIGCONT)
    }
  }
}
