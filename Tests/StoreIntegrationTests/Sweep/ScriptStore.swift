import NIOCore
import RedisClient
import TestSupport

@testable import Store

/// A store whose clock moves only when the test sets it. Tests call the lease and sweep scripts on it one by one.
final class ScriptStore: Sendable {
  static let ours = "0123456789abcdef0123456789abcdef"
  static let theirs = "fedcba9876543210fedcba9876543210"
  static let retentionSeconds = 3600
  static var scripts: ScriptLibrary {
    TestClock.scripts(tuning: .init(retentionSeconds: retentionSeconds, eventsMaxLength: 1 << 30))
  }

  private static let anyTime = "9999999999999"

  let redis: PrivateRedis
  let engine: Engine
  private let scripts: ScriptLibrary

  /// Empties Redis first.
  init(_ redis: PrivateRedis, scripts: ScriptLibrary = ScriptStore.scripts) async throws {
    self.redis = redis
    self.scripts = scripts
    engine = try await Engine(redis.url, scripts: scripts)
    try await clear()
  }

  func clear() async throws {
    try await engine.link.reply("FLUSHALL")
    try await setClock(0)
  }

  /// The time this many milliseconds after the start.
  static func at(_ milliseconds: Int64) -> Int64 { TestClock.start + milliseconds }

  /// Sets the clock to this many milliseconds after the start, also on a full store.
  func setClock(_ milliseconds: Int64) async throws {
    let script = "#!lua flags=allow-oom\nreturn redis.call(unpack(ARGV))"
    _ = try await engine.link.send(["EVAL", script, "0"] + TestClock.setting(Self.at(milliseconds))).get()
  }

  /// The reply of a script without the time, which the test knows. An error reply is unchanged.
  func run(
    _ script: KeyPath<ScriptLibrary, Script>, _ arguments: String..., notAfter: String = anyTime
  ) async throws -> String {
    try await run(script, arguments, notAfter: notAfter)
  }

  func run(
    _ script: KeyPath<ScriptLibrary, Script>, _ arguments: [String], notAfter: String = anyTime
  ) async throws -> String {
    let call = ["EVAL", scripts[keyPath: script].source, "0", notAfter] + arguments
    let reply = try await engine.link.send(call).get()
    guard let words = reply.text?.split(separator: " ", maxSplits: 2), words.count > 1 else { return "\(reply)" }
    return words.count == 2 ? String(words[0]) : "\(words[0]) \(words[2])"
  }

  func sweep(lines: Int = SweepRepository.linesPerBatch) async throws -> String {
    try await run(\.sweep.script, Self.ours, "\(lines)")
  }

  func trim(after cursor: String = "", skus: Int = 20, sales: Int = 200) async throws -> String {
    try await run(\.trim.script, Self.ours, cursor, "\(skus)", "\(sales)")
  }

  func acquire(_ token: String = ours, ttl: Int = 600_000, replacing: String = "") async throws -> String {
    try await run(\.acquireLease.script, token, "\(ttl)", "7 node-1 host:1", replacing)
  }

  /// Every key with its value and its expiry time.
  func everything() async throws -> [String: String] {
    let script = """
      local all = {}
      for _, key in ipairs(redis.call('KEYS', '*')) do
        all[#all + 1] = { key, redis.call('DUMP', key), redis.call('PEXPIRETIME', key) }
      end
      return all
      """
    let rows = try await engine.link.reply("EVAL", script, "0").elements.map(\.elements)
    return Dictionary(uniqueKeysWithValues: rows.map { ($0[0].text ?? "", "\($0[1]) until \($0[2].number)") })
  }

  // MARK: - Stock

  func stock(_ skus: [String], total: Int = 1000) async {
    for sku in skus { _ = await engine.ask(Call(wish: .set(sku, total: total))) }
  }

  /// Makes `count` reservations of one piece of each SKU and returns their IDs.
  @discardableResult
  func hold(_ count: Int, _ skus: [String], ttlSeconds: Int = 60) async throws -> [String] {
    let lines = skus.map { Call.Line(sku: $0, quantity: 1) }
    return await withTaskGroup(of: String.self) { [engine] tasks in
      for _ in 0..<count {
        tasks.addTask { await engine.ask(.reserve(lines, ttlSeconds: ttlSeconds), age: Engine.patience).reservationID }
      }
      return await tasks.reduce(into: []) { $0.append($1) }
    }
  }

  func sell(_ sku: String) async throws -> String {
    let id = try await hold(1, [sku])[0]
    _ = await engine.ask(Call(wish: .confirm(id)), age: Engine.patience)
    return id
  }

  func available(_ sku: String) async throws -> Int? { try await engine.link.integer("GET", "inventory:\(sku)") }
}
