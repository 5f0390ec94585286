import NIOCore
import Testing

@testable import Node

@Suite struct RequestRatesTests {
  private static func second(_ number: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(100 + number) }

  @Test func `nothing is known before two samples`() {
    var rates = RequestRates()
    #expect(rates.perSecond == (0, 0))
    rates.sample(answered: 5, failed: 1, at: Self.second(0))
    #expect(rates.perSecond == (0, 0))
    rates.sample(answered: 9, failed: 2, at: Self.second(0))
    #expect(rates.perSecond == (0, 0), "no time has passed")
  }

  @Test func `rates are those of the last five seconds`() {
    var rates = RequestRates()
    var answered = 0
    // First a thousand requests a second, then ten.
    for second in 0..<20 {
      rates.sample(answered: answered, failed: answered / 10, at: Self.second(Int64(second)))
      answered += second < 10 ? 1000 : 10
    }
    #expect(rates.perSecond == (10, 1))
  }

  @Test func `late samples are counted by the time that passed`() {
    var rates = RequestRates()
    rates.sample(answered: 100, failed: 0, at: Self.second(0))
    rates.sample(answered: 300, failed: 20, at: Self.second(4))
    #expect(rates.perSecond == (50, 5))
  }
}
