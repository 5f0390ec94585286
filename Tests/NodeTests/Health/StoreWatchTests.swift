import Testing

@testable import Node

@Suite struct StoreWatchTests {
  private static let info = """
    # Memory\r
    used_memory_human:1.00M\r
    used_memory:1048576\r
    used_memory_rss:99\r
    maxmemory:0\r
    maxmemory_human:0B\r
    maxmemory_policy:noeviction\r
    mem_fragmentation_ratio:7.03\r
    broken:\r
    \r
    """

  @Test(
    arguments: [
      ("used_memory", 1_048_576), ("used_memory_rss", 99), ("maxmemory", 0), ("maxmemory_policy", nil), ("broken", nil),
      ("mem_fragmentation_ratio", nil), ("used", nil), ("memory", nil), ("", nil), ("used_memory_human", nil),
    ] as [(String, Int?)])
  func aNumberIsReadByItsWholeName(name: String, number: Int?) {
    #expect(StoreWatch.number(name, in: Self.info) == number)
  }

  @Test func nothingIsFoundInNothing() { #expect(StoreWatch.number("used_memory", in: "") == nil) }
}
