import NIOCore
import Testing

@testable import Store

/// Relations between limits that are set independently.
@Suite struct LimitsTests {
  @Test func `one reservation is within what a SKU may have, and a hold may last`() {
    #expect(Limits.maxQuantity <= Limits.maxStockTotal)
    #expect((1...Limits.maxTTLSeconds).contains(Limits.defaultTTLSeconds))
    #expect(Limits.maxTTLSeconds <= Limits.maxHoldSeconds)
  }

  /// Lua's numbers are doubles, and Lua writes them with 14 digits.
  @Test func `scripts count exactly, and write what they count in full`() {
    #expect(Limits.maxStockTotal * Limits.maxLines < 100_000_000_000_000)
  }

  @Test func `parts of the budget come in their order`() {
    #expect(Budget.isInOrder && Budget.answer == .seconds(2))
  }
}
