import NIOCore
import TestSupport
import Testing

@testable import RedisClient

@Suite struct RedisClockTests {
  /// A Redis whose clock is `offset` ahead of this machine's. It is asked at times, over a network of varying delays.
  private struct World {
    var random: SeededRandom
    var now: Int64 = 3_600_000_000_000
    var offset: Int64
    var clock = RedisClock()
    /// Redis reads its clock when it runs the command. The reply comes later.
    mutating func observe(gap: ClosedRange<Int>, latency: ClosedRange<Int>) {
      now += Int64(random.number(gap)) * 1000
      let stamped = redisMilliseconds
      now += Int64(random.number(latency)) * 1000
      clock.observe(stamped, at: .uptimeNanoseconds(UInt64(now)))
    }

    var redisMilliseconds: Int64 { (now + offset) / 1_000_000 }

    /// How far our estimate is behind Redis's clock, in milliseconds. Negative if it is ahead.
    var lag: Int64 { redisMilliseconds - (clock.time(at: .uptimeNanoseconds(UInt64(now))) ?? .min / 2) }
  }

  private static let offset: Int64 = 1_795_337_100_123_456_789

  @Test func `nothing is known before the first reply, nor after forgetting`() {
    var clock = RedisClock()
    #expect(clock.time(at: .uptimeNanoseconds(5)) == nil)
    // The samples fall in two windows.
    for instant in [NIODeadline.uptimeNanoseconds(5), .uptimeNanoseconds(5) + RedisClock.window] {
      clock.observe(1_795_337_100_123, at: instant)
      #expect(clock.time(at: instant) != nil)
    }
    clock.forget()
    #expect(clock.time(at: .uptimeNanoseconds(5)) == nil)
  }

  @Test(arguments: UInt64(1)...20)
  func `the clock is never ahead of Redis, whatever the latencies`(seed: UInt64) {
    var world = World(random: SeededRandom(seed), offset: Self.offset + Int64(seed) * 77_777)
    for _ in 0..<2000 {
      // In microseconds: most gaps are short, and some last many windows.
      let gap = world.random.oneIn(100) ? 0...60_000_000 : 0...20_000
      let latency = world.random.oneIn(10) ? 0...3_000_000 : 50...2000
      world.observe(gap: gap, latency: latency)
      #expect(world.lag >= 0)
    }
  }

  @Test(arguments: UInt64(1)...10)
  func `the clock is no further behind than the quickest of recent replies`(seed: UInt64) {
    var world = World(random: SeededRandom(seed), offset: Self.offset)
    for _ in 0..<500 { world.observe(gap: 0...20_000, latency: 200...1_000_000) }
    world.observe(gap: 0...0, latency: 200...200)
    // Each of two roundings costs up to a millisecond.
    #expect(world.lag <= 2)
    for _ in 0..<40 {
      world.observe(gap: 0...20_000, latency: 10_000...100_000)
      #expect(world.lag <= 2)
    }
  }

  @Test(arguments: UInt64(1)...20)
  func `a clock that is set back is followed within two windows`(seed: UInt64) {
    var world = World(random: SeededRandom(seed), offset: Self.offset)
    let gap = 0...world.random.pick([20_000, 500_000, 4_000_000, 30_000_000])
    for _ in 0..<200 { world.observe(gap: gap, latency: 50...2000) }
    world.offset -= 2_500_000_000
    let setBack = world.now
    for _ in 0..<2000 {
      world.observe(gap: gap, latency: 50...2000)
      if world.now - setBack >= 2 * RedisClock.window.nanoseconds { #expect(world.lag >= 0) }
    }
  }

  @Test func `a clock that is set forward is followed at once`() {
    var world = World(random: SeededRandom(1), offset: Self.offset)
    for _ in 0..<50 { world.observe(gap: 0...20_000, latency: 50...2000) }
    world.offset += 60_000_000_000
    world.observe(gap: 0...0, latency: 50...50)
    #expect((0...2).contains(world.lag))
  }
}
