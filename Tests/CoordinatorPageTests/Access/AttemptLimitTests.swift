import Logging
import Testing

@testable import Coordinator

@Suite struct AttemptLimitTests {
  @Test func `each address has a budget of its own`() {
    let now = ContinuousClock.now
    let limit = AttemptLimit(logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), now: { now })
    for _ in 0..<AttemptLimit.budget.tokens { #expect(!limit.failed("wrong", caller: "10.0.0.1")) }
    #expect(limit.failed("wrong", caller: "10.0.0.1"))
    #expect(!limit.failed("wrong", caller: "10.0.0.2"))
  }
}
