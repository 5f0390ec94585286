import Glibc
import NIOCore
import TestSupport
import Testing

@testable import Node

extension AgainstRedis {
  @Suite("A Redis that is stopped (SIGSTOP) costs nobody more than a deadline")
  struct StoppedRedisTests {
    @Test("for 3 s: each command fails by its deadline, later ones at once, and within 2 s of SIGCONT all is well")
    func threeSeconds() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 100)))
      redis.signal(SIGSTOP)
      let stopped = ContinuousClock.now

      await withTaskGroup(of: Void.self) { tasks in
        for milliseconds in [50, 200, 500, 900] as [Int64] {
          tasks.addTask {
            let began = ContinuousClock.now
            let result = await engine.link.send("PING", within: .milliseconds(milliseconds))
            let took = ContinuousClock.now - began
            #expect(result == .failure(.unknown(.deadlinePassed)))
            #expect(took >= .milliseconds(milliseconds) && took < .milliseconds(milliseconds + 400), "took \(took)")
          }
        }
      }
      try await eventually("a second of silence") { try await !engine.link.status.isUp }
      #expect(ContinuousClock.now - stopped >= .milliseconds(900))
      let asked = ContinuousClock.now
      #expect(await engine.ask(.reserve("A")) == .problem(.storeUnavailable, retryAfter: 1))
      #expect(ContinuousClock.now - asked < .milliseconds(300))

      try await eventually("the silent link was closed, and a new one came to nothing") {
        try await engine.link.status.lastProblem?.hasPrefix("handshake") ?? false
      }
      #expect(ContinuousClock.now - stopped >= .milliseconds(2500))
      redis.signal(SIGCONT)
      let continued = ContinuousClock.now
      try await eventually("it serves again") { await engine.ask(Call(wish: .readStock("A"))).isSuccess }
      #expect(ContinuousClock.now - continued < .seconds(2))
      #expect(await engine.ask(.reserve("A")).status == 201)
    }

    /// TLS has a farewell, and waits seconds for it.
    @Test("a silent link that is given up is closed at once, over TLS too; so is one that is to stop")
    func overTLS() async throws {
      let certificates = try Certificates()
      let port = try FreePort.find()
      let redis = try await PrivateRedis(options: certificates.serverOptions(port: port, name: "server"))
      let (url, tls, log) = ("rediss://127.0.0.1:\(port)/0", try certificates.clientContext(), LogRecorder())
      let abandoned = try await LinkHandle(url, tls: tls, logger: log.logger)
      let ending = try await LinkHandle(url, tls: tls)
      try await abandoned.whenUp()
      try await ending.whenUp()
      redis.signal(SIGSTOP)
      let stopped = ContinuousClock.now
      async let lost = abandoned.send("PING", within: .seconds(30))
      async let ended = ending.send("PING", within: .seconds(30))
      try await eventually("it is on its way") { try await ending.status.pending == 1 }
      try await ending.stop()
      #expect(await ended == .failure(.unknown(.linkLost)))
      #expect(ContinuousClock.now - stopped < .seconds(2))
      // By what a silent link may take, and not by that and TLS's five seconds.
      #expect(await lost == .failure(.unknown(.linkLost)))
      #expect(ContinuousClock.now - stopped < .seconds(5))
      #expect(log.all.contains { $0.contains("Redis link is down") && $0.contains("no reply for") }, "\(log.all)")
      try await eventually("a new one came to nothing") { log.all.contains { $0.contains("handshake") } }
      redis.signal(SIGCONT)
      try await abandoned.whenUp()
    }

    @Test("replies that come after their command was given up on are nobody else's")
    func lateReplies() async throws {
      let redis = try await PrivateRedis()
      let handle = try await LinkHandle(redis.url)
      try await handle.whenUp()
      redis.signal(SIGSTOP)
      await withTaskGroup(of: Void.self) { tasks in
        for number in 0..<50 {
          tasks.addTask {
            let result = await handle.send("ECHO", "given up \(number)", within: .milliseconds(150))
            #expect(result == .failure(.unknown(.deadlinePassed)))
          }
        }
      }
      // On the same connection, behind those whose replies are still to come.
      await withTaskGroup(of: Void.self) { tasks in
        for number in 0..<50 {
          tasks.addTask {
            let result = await handle.send("ECHO", "\(number)")
            #expect(result == .success(.bytes(Array("\(number)".utf8))))
          }
        }
        tasks.addTask {
          try? await eventually("the others are on their way") { try await handle.status.pending == 100 }
          redis.signal(SIGCONT)
        }
      }
      #expect(try await handle.status.reconnects == 0, "not the connection that the late replies came by")
    }

    @Test("giving one command up leaves its neighbours in the pipeline alone")
    func neighbours() async throws {
      let redis = try await PrivateRedis()
      let handle = try await LinkHandle(redis.url)
      try await handle.whenUp()
      redis.signal(SIGSTOP)
      async let before = handle.send("ECHO", "before")
      async let givenUp = handle.send("ECHO", "given up", within: .milliseconds(100))
      async let after = handle.send("ECHO", "after")
      #expect(await givenUp == .failure(.unknown(.deadlinePassed)))
      redis.signal(SIGCONT)
      #expect(await before == .success(.bytes(Array("before".utf8))))
      #expect(await after == .success(.bytes(Array("after".utf8))))
    }

    @Test("the queue is bounded: what does not fit is told so at once, as not sent")
    func boundedQueue() async throws {
      let redis = try await PrivateRedis()
      let handle = try await LinkHandle(redis.url, mostPending: 8)
      try await handle.whenUp()
      redis.signal(SIGSTOP)
      let outcomes = await withTaskGroup(of: Result<RedisReply, RedisFailure>.self) { tasks in
        for _ in 0..<20 { tasks.addTask { await handle.send("PING", within: .milliseconds(300)) } }
        return await tasks.reduce(into: []) { $0.append($1) }
      }
      redis.signal(SIGCONT)
      #expect(outcomes.filter { $0 == .failure(.notSent(.overloaded)) }.count == 12)
      #expect(outcomes.filter { $0 == .failure(.unknown(.deadlinePassed)) }.count == 8)
      try await eventually("it is emptied, and takes commands again") {
        await handle.send("PING") == .success(.status("PONG"))
      }
    }
  }
}
