import Glibc
import NIOCore
import NIOPosix
import TestSupport
import Testing

extension AgainstRedis {
  /// When Redis is stopped (SIGSTOP), no caller waits longer than its deadline.
  @Suite struct StoppedRedisTests {
    @Test
    func `stopped for 3 s: each command fails by its deadline, later ones at once; then all is well`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 100)))
      // Measured from before the stop, so that a lower limit counts the whole time.
      let stopped = ContinuousClock.now
      redis.signal(SIGSTOP)

      await withTaskGroup(of: Void.self) { tasks in
        for milliseconds in [50, 200, 500, 900] as [Int64] {
          tasks.addTask {
            let began = ContinuousClock.now
            let result = await engine.link.send("PING", within: .milliseconds(milliseconds))
            let took = ContinuousClock.now - began
            #expect(result == .failure(.unknown(.deadlinePassed)))
            let most = .milliseconds(milliseconds + 400) + ControlTimer.shared.allowance(since: began)
            #expect(took >= .milliseconds(milliseconds) && took < most, "took \(took)")
          }
        }
      }
      try await eventually("a second of silence") { try await !engine.link.status.isUp }
      #expect(ContinuousClock.now - stopped >= .milliseconds(900))
      let asked = ContinuousClock.now
      #expect(await engine.ask(.reserve("A")) == .problem(.storeUnavailable, retryAfter: 1))
      #expect(ContinuousClock.now - asked < .milliseconds(300) + ControlTimer.shared.allowance(since: asked))

      try await eventually("the silent link was closed, and a new one came to nothing") {
        try await engine.link.status.lastProblem?.contains("did not answer the handshake") ?? false
      }
      #expect(ContinuousClock.now - stopped >= .milliseconds(2500))
      redis.signal(SIGCONT)
      let continued = ContinuousClock.now
      try await eventually("it serves again") { await engine.ask(Call(wish: .readStock("A"))).isSuccess }
      #expect(ContinuousClock.now - continued < .seconds(2) + ControlTimer.shared.allowance(since: continued))
      #expect(await engine.ask(.reserve("A")).status == 201)
    }

    @Test func `while the node's own event loop stands still, Redis is not called silent`() async throws {
      let redis = try await PrivateRedis()
      let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let link = try await LinkHandle(redis.url, eventLoop: threads.next())
      try await link.whenUp()
      // One turn of the loop lasts longer than Redis may be silent. The test is about this standstill.
      let results = await link.sendTogether([(["PING"], .seconds(30)), (["PING"], .seconds(30))]) { usleep(1_200_000) }
      #expect(results == [.success(.status("PONG")), .success(.status("PONG"))])
      #expect(try await link.status.reconnects == 0)
      try await link.stop()
      try await threads.shutdownGracefully()
    }

    /// TLS waits seconds for the peer's close message.
    @Test
    func `a silent link that is given up is closed at once, over TLS too; so is one that is to stop`() async throws {
      let certificates = try Certificates()
      let port = try FreePort.find()
      let redis = try await PrivateRedis(options: certificates.serverOptions(port: port, name: "server"))
      let (url, tls, log) = ("rediss://127.0.0.1:\(port)/0", try certificates.client(), LogRecorder())
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
      #expect(ContinuousClock.now - stopped < .seconds(2) + ControlTimer.shared.allowance(since: stopped))
      // Within the time allowed for a silent link, without the five seconds of TLS.
      #expect(await lost == .failure(.unknown(.linkLost)))
      #expect(ContinuousClock.now - stopped < .seconds(5) + ControlTimer.shared.allowance(since: stopped))
      #expect(log.all.contains { $0.contains("Redis link is down") && $0.contains("no reply for") }, "\(log.all)")
      try await eventually("a new one came to nothing") { log.all.contains { $0.contains("handshake") } }
      redis.signal(SIGCONT)
      try await abandoned.whenUp()
    }

    @Test func `replies that come after their command was given up on are nobody else's`() async throws {
      let redis = try await PrivateRedis()
      let handle = try await LinkHandle(redis.url)
      // Redis must go on before its silence ends the connection, and with that what is to be seen.
      try await untilShown("late replies come by the connection of those that wait") {
        try await handle.whenUp()
        let before = try await handle.status.reconnects
        redis.signal(SIGSTOP)
        async let givenUp = handle.sendTogether((0..<50).map { (["ECHO", "given up \($0)"], .milliseconds(150)) })
        try await eventually("they are on their way") { try await handle.status.pending == 50 }
        // Sent on the same connection, after the commands whose replies are still due.
        async let others = handle.sendTogether((0..<50).map { (["ECHO", "\($0)"], .seconds(60)) })
        let lost = await givenUp
        redis.signal(SIGCONT)
        let (answers, after) = (await others, try await handle.status.reconnects)
        guard after == before, lost.allSatisfy({ $0 == .failure(.unknown(.deadlinePassed)) }),
          !answers.contains(.failure(.notSent(.offline)))
        else { return false }
        #expect(answers == (0..<50).map { .success(.bytes(Array("\($0)".utf8))) })
        return true
      }
    }

    @Test func `giving one command up leaves its neighbours in the pipeline alone`() async throws {
      let redis = try await PrivateRedis()
      let handle = try await LinkHandle(redis.url)
      // Redis must go on before its silence ends the connection, and with that what is to be seen.
      try await untilShown("one command alone is given up") {
        try await handle.whenUp()
        let reconnects = try await handle.status.reconnects
        redis.signal(SIGSTOP)
        async let told = handle.sendTogether([
          (["ECHO", "before"], .seconds(60)), (["ECHO", "given up"], .milliseconds(100)),
          (["ECHO", "after"], .seconds(60)),
        ])
        // Long enough on most machines. If it is not, the reply is in time.
        try await Task.sleep(for: .milliseconds(250))
        redis.signal(SIGCONT)
        let results = await told
        guard try await handle.status.reconnects == reconnects, results[1] == .failure(.unknown(.deadlinePassed))
        else { return false }
        #expect(
          results == [
            .success(.bytes(Array("before".utf8))), .failure(.unknown(.deadlinePassed)),
            .success(.bytes(Array("after".utf8))),
          ])
        return true
      }
    }

    @Test func `the queue is bounded: what does not fit is told so at once, as not sent`() async throws {
      let redis = try await PrivateRedis()
      let handle = try await LinkHandle(redis.url, maxPending: 8)
      try await handle.whenUp()
      redis.signal(SIGSTOP)
      let outcomes = await handle.sendTogether((0..<20).map { _ in (["PING"], .milliseconds(300)) })
      redis.signal(SIGCONT)
      #expect(outcomes.filter { $0 == .failure(.notSent(.overloaded)) }.count == 12)
      #expect(outcomes.filter { $0 == .failure(.unknown(.deadlinePassed)) }.count == 8)
      try await eventually("it is emptied, and takes commands again") {
        await handle.send("PING") == .success(.status("PONG"))
      }
    }
  }
}
