import NIOCore
import Testing

@testable import Store

@Suite struct InDoubtKeysTests {
  private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  @Test func `a key is in doubt until its end and a margin more`() {
    var keys = InDoubtKeys()
    let end = Self.start + .seconds(1)
    keys.insert("k", until: end, at: Self.start)
    #expect(keys.end(of: "k", after: Self.start) == end)
    #expect(keys.contains("k", at: end + Budget.margin - .nanoseconds(1)))
    #expect(!keys.contains("k", at: end + Budget.margin))
    #expect(!keys.contains("other", at: Self.start) && !keys.contains(nil, at: Self.start))
  }

  @Test func `the longest attempt counts`() {
    var keys = InDoubtKeys()
    let (near, far) = (Self.start + .seconds(1), Self.start + .seconds(2))
    keys.insert("k", until: far, at: Self.start)
    keys.insert("k", until: near, at: Self.start)
    #expect(keys.end(of: "k", after: Self.start) == far)
  }

  @Test func `what is settled is forgotten in time`() {
    var keys = InDoubtKeys()
    for number in 0..<1024 { keys.insert("old-\(number)", until: Self.start, at: Self.start) }
    #expect(keys.count == 1024)
    let later = Self.start + .seconds(1)
    keys.insert("new", until: later + .seconds(1), at: later)
    #expect(keys.count == 1 && keys.contains("new", at: later))
  }
}
