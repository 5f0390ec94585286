import TestSupport
import Testing

@testable import Node
@testable import Store

@Suite struct KeyScopeTests {
  @Test(arguments: UInt64(1)...10)
  func `a record is scoped to operation, caller and key`(seed: UInt64) {
    var random = SeededRandom(seed)
    var meant: [String: [String]] = [:]
    for _ in 0..<2000 {
      let operation = random.pick(Operation.allCases.filter(\.takesKey)).rawValue
      // A caller's name contains no colon and no slash (AccessTokens).
      let parts = [operation, random.text("a-._1", 1...3), random.text("a:/-1", 1...4)]
      let key = IdempotencyKey(operation: parts[0], caller: parts[1], text: parts[2])
      #expect(meant[key.scoped, default: parts] == parts, "\(key.scoped)")
      meant[key.scoped] = parts
    }
  }
}
