import TestSupport

/// The broken promises that a check has found. They are kept and not reported, so that a test can also prove that the
/// check finds mistakes. A check that never fails proves nothing.
struct Breaches {
  private(set) var all: [String] = []

  mutating func expect<Value: Equatable>(_ found: Value, _ expected: Value, _ what: String) {
    if found != expected { all.append("\(what): expected \(expected), found \(found)") }
  }

  mutating func expect(_ condition: Bool, _ what: String) {
    if !condition { all.append(what) }
  }
}

/// A check of a promise of the lease and sweep scripts. It runs on a store with real or changed scripts.
typealias PromiseCheck = @Sendable (ScriptStore, inout Breaches) async throws -> Void

/// Runs a check on the real scripts.
func breaches(of check: PromiseCheck) async throws -> [String] {
  var breaches = Breaches()
  try await check(try await ScriptStore(try await PrivateRedis()), &breaches)
  return breaches.all
}

/// The mistakes that a check does not notice.
func unnoticed(_ mutants: [ScriptMutant], by check: PromiseCheck) async throws -> [String] {
  let redis = try await PrivateRedis()
  var unnoticed: [String] = []
  for mutant in mutants {
    var breaches = Breaches()
    try await check(try await ScriptStore(redis, scripts: try mutant.applied(to: ScriptStore.scripts)), &breaches)
    if breaches.all.isEmpty { unnoticed.append("\(mutant)") }
  }
  return unnoticed
}
