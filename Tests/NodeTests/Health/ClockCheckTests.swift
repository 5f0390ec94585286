import NIOCore
import Testing

@testable import Node

@Suite struct ClockCheckTests {
  private final class Bench {
    var check = ClockCheck()

    func observe(_ redis: Int64, wall: Int64, at arrived: Int64, took: Int64 = 10) -> [String] {
      check.observe(redis, wall: wall, sent: Self.at(arrived - took), arrived: Self.at(arrived))
      return check.findings(at: Self.at(arrived)).map(\.subject)
    }

    static func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(UInt64(milliseconds) * 1_000_000) }
  }

  private let bench = Bench()

  @Test func `a clock more than five seconds off is warned of, whichever is ahead`() {
    #expect(bench.observe(1_000_000, wall: 1_000_005, at: 1000) == [] && bench.check.offset == 0)
    #expect(bench.observe(1_005_495, wall: 1_000_505, at: 1500) == [] && bench.check.offset == 4995)
    #expect(bench.observe(1_006_006, wall: 1_001_005, at: 2000) == ["clock"] && bench.check.offset == 5006)
    #expect(bench.check.findings(at: Bench.at(2000)).first?.words.contains("5.0 s ahead of this node's") == true)
    #expect(bench.observe(1_006_500, wall: 1_013_005, at: 2500) == ["clock"] && bench.check.offset == -6500)
    #expect(bench.check.findings(at: Bench.at(2500)).first?.words.contains("6.5 s behind this node's") == true)
  }

  @Test func `a clock that is set back is warned of, long enough to be seen; a slow reply is no step`() {
    #expect(bench.observe(1_000_000, wall: 1_000_005, at: 1000) == [])
    #expect(bench.observe(1_000_500, wall: 1_003_000, at: 4000, took: 3000) == [])
    #expect(bench.observe(1_003_500, wall: 1_003_505, at: 4500) == [])
    #expect(bench.observe(1_001_900, wall: 1_004_005, at: 5000) == ["clock step"])
    #expect(bench.observe(1_002_400, wall: 1_004_505, at: 5500) == ["clock step"])
    #expect(bench.check.findings(at: Bench.at(5000 + 601_000)) == [])
  }
}
