import TestSupport
import Testing

@testable import Common

@Suite struct WrongTokensTests {
  private let start = ContinuousClock.now
  private let client = AddressGroup("10.0.0.1")
  private var tokens = WrongTokens(budget: .init(tokens: 3, period: .seconds(10)))

  @Test mutating func `an address has a budget for each period`() {
    let over = (0..<5).map { _ in tokens.note(client, at: start).isOverBudget }
    #expect(over == [false, false, false, true, true])
    let other = tokens.note(AddressGroup("10.0.0.2"), at: start)
    #expect(!other.isOverBudget, "what one does is not held against another")
    let (nearly, later) = (start + .milliseconds(9999), start + .seconds(10))
    let (before, after) = (tokens.note(client, at: nearly), tokens.note(client, at: later))
    #expect(before.isOverBudget && !after.isOverBudget)
  }

  @Test mutating func `a line is due once in a while and tells the count`() {
    let lines = (0..<10).map { tokens.note(client, at: start + .seconds($0)).lineWithCount }
    #expect(lines == [1] + Array(repeating: nil, count: 9))
    let next = tokens.note(client, at: start + WrongTokens.linePause)
    #expect(next.lineWithCount == 10)
  }

  /// A client with many addresses must not fill the log or the memory.
  @Test mutating func `addresses and lines are bounded`() {
    var lines = 0
    for number in 0..<100_000 {
      let group = AddressGroup("10.\(number >> 16).\(number >> 8 & 255).\(number & 255)")
      if tokens.note(group, at: start).lineWithCount != nil { lines += 1 }
      #expect(tokens.addresses <= WrongTokens.maxAddresses)
    }
    #expect(lines == WrongTokens.maxLines)
  }

  @Test mutating func `who is seen often is not forgotten for others`() {
    for _ in 0..<4 { _ = tokens.note(client, at: start) }
    for number in 0..<10_000 {
      _ = tokens.note(AddressGroup("10.9.\(number >> 8).\(number & 255)"), at: start)
      if number.isMultiple(of: 500) {
        let finding = tokens.note(client, at: start)
        #expect(finding.isOverBudget)
      }
    }
  }

  @Test(arguments: [
    ("10.0.0.1", "10.0.0.1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:db8:1:2::1", "2001:db8:1:2::/64"), ("fe80::1%eth0", "fe80:0:0:0::/64"), ("::1", "0:0:0:0::/64"),
    ("unknown", "unknown"), ("", "unknown"), ("255.255.255.255", "255.255.255.255"),
  ])
  func `addresses of one client are one group`(address: String, group: String) {
    #expect(AddressGroup(address).description == group)
    #expect((AddressGroup(address) == AddressGroup("2001:db8:1:2:ffff::")) == (group == "2001:db8:1:2::/64"))
  }
}
