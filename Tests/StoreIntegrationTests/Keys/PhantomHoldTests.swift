import Glibc
import NIOCore
import TestSupport
import Testing

@testable import Store

extension AgainstRedis {
  /// A write that its sender has given up may still wait in a socket and run later. That would be a phantom hold.
  /// No write takes effect after it was given up.
  @Suite struct PhantomHoldTests {
    /// A reserve as the repository sends it, but with a not-after instant of the caller's choice.
    private func reserve(_ scripts: ScriptLibrary, id: String, notAfter: String, sku: String) -> [String] {
      let tail = String(
        buffer: StoredReservation.tail(
          lines: [ReservationLine(sku: SKU(stored: sku.utf8), quantity: 1)], labels: Labels()))
      return ["EVALSHA", scripts.reserve.script.sha, "0", notAfter, id, "300", tail, "", "", sku, "1"]
    }

    @Test
    func `a reserve that a stopped Redis runs later holds stock without a bound, and never with one`() async throws {
      let redis = try await PrivateRedis()
      let scripts = ScriptLibrary(tuning: .init())
      let bystander = try await LinkHandle(redis.url)
      let unbounded = try await LinkHandle(redis.url, scripts: [scripts.reserve.script])
      let node = try await Engine(redis.url, scripts: scripts)
      try await unbounded.whenUp()
      try await bystander.whenUp()
      _ = await node.ask(Call(wish: .set("unbounded", total: 5)))
      _ = await node.ask(Call(wish: .set("bounded", total: 5)))
      let callsBefore = try await bystander.callsOfScripts()

      redis.signal(SIGSTOP)
      let phantom = ReservationID().text
      async let lost = unbounded.send(
        reserve(scripts, id: phantom, notAfter: "9999999999999", sku: "unbounded"), within: .milliseconds(300))
      let began = ContinuousClock.now
      let answer = await node.ask(.reserve("bounded", key: "k"))
      #expect(answer == .problem(.outcomeUnknown))
      let took = ContinuousClock.now - began
      #expect(took < Duration(Budget.answer) + ControlTimer.shared.allowance(since: began))
      #expect(await lost == .failure(.unknown(.deadlinePassed)))
      // Both connections are closed before Redis continues.
      try await unbounded.stop()
      try await node.link.stop()
      redis.signal(SIGCONT)

      try await eventually("both scripts have run") { try await bystander.callsOfScripts() == callsBefore + 2 }
      #expect(try await bystander.integer("GET", "inventory:unbounded") == 4, "no phantom where one was to be shown")
      #expect(try await bystander.integer("EXISTS", "reservation:\(phantom)") == 1)
      #expect(try await bystander.integer("GET", "inventory:bounded") == 5, "a phantom hold")
      #expect(try await bystander.integer("ZCARD", "holds:bounded") == 0)

      // The retry, at another node, knows nothing about the first attempt.
      let other = try await Engine(redis.url, scripts: scripts)
      let retry = await other.ask(.reserve("bounded", key: "k"))
      #expect(retry.status == 201 && !retry.isReplay)
    }

    @Test func `bytes that arrive after the caller was told 'outcome unknown' do nothing`() async throws {
      let redis = try await PrivateRedis()
      let proxy = try await ChaosProxy(to: redis.port)
      let node = try await Engine("redis://127.0.0.1:\(proxy.port)/0")
      let other = try await Engine(redis.url)
      _ = await other.ask(Call(wish: .set("A", total: 1)))
      let callsBefore = try await other.link.callsOfScripts()

      try await proxy.set(.toServer, .init(holds: true))
      #expect(await node.ask(.reserve("A", key: "k")) == .problem(.outcomeUnknown))
      // Another buyer gets the piece, the retry is refused, and the piece comes back. Now a phantom could take it.
      let buyer = await other.ask(.reserve("A"))
      #expect(await other.ask(.reserve("A", key: "k")).status == 409)
      _ = await other.ask(Call(wish: .cancel(buyer.reservationID)))
      try await node.link.stop()
      try await proxy.set(.toServer)

      // The node's attempt, the buyer, the refused retry, the cancel.
      try await eventually("the late script has run") { try await other.link.callsOfScripts() == callsBefore + 4 }
      #expect(await other.ask(Call(wish: .readStock("A"))).number("available") == 1, "a phantom hold")
    }

    @Test func `while an attempt may still take effect, its retry's refusal is kept back`() async throws {
      let redis = try await PrivateRedis()
      let proxy = try await ChaosProxy(to: redis.port)
      let node = try await Engine("redis://127.0.0.1:\(proxy.port)/0")
      let other = try await Engine(redis.url)
      _ = await other.ask(Call(wish: .set("A", total: 1)))
      let buyer = await other.ask(.reserve("A"))
      let callsBefore = try await other.link.callsOfScripts()

      try await proxy.set(.toServer, .init(holds: true))
      // Enough time for all that follows on a busy machine. The first attempt must arrive within it.
      async let answer = node.ask(.reserve("A", key: "k"), age: .seconds(-40))
      try await eventually("the attempt is on its way") { try await proxy.held(.toServer) > 0 }
      // The node's link breaks. Its second attempt uses another connection and finds no stock.
      try await proxy.setForLater(.toServer)
      try await proxy.cutClients()
      try await eventually("the second attempt was refused") {
        try await other.link.callsOfScripts() == callsBefore + 1
      }
      // The piece comes back, and only then the first attempt arrives. It is still in time and takes effect.
      _ = await other.ask(Call(wish: .cancel(buyer.reservationID)))
      try await proxy.set(.toServer)
      try await eventually("the first attempt takes effect") { try await other.link.integer("ZCARD", "holds:A") == 1 }

      let told = await answer
      #expect(told.status == 201 && told.isReplay, "told \(told), though its key holds the piece")
      #expect(
        try await other.link.reply("ZRANGE", "holds:A", "0", "-1") == .array([.bytes(Array(told.reservationID.utf8))]))
    }
  }
}

extension LinkHandle {
  /// How many EVALSHA calls Redis has received since its start.
  func callsOfScripts() async throws -> Int {
    let statistics = try await reply("INFO", "commandstats").text ?? ""
    let line = statistics.split(whereSeparator: \.isNewline).first { $0.hasPrefix("cmdstat_evalsha:") }
    return line?.firstMatch(of: /calls=(\d+)/).flatMap { Int($0.1) } ?? 0
  }
}
