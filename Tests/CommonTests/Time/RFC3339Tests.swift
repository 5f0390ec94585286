import Foundation
import Testing

@testable import Common

@Suite struct RFC3339Tests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"),
    (1_795_337_100_123, "2026-11-22T08:45:00.123Z"),
    (951_782_399_999, "2000-02-28T23:59:59.999Z"),
    (951_782_400_000, "2000-02-29T00:00:00.000Z"),
    (-1, "1969-12-31T23:59:59.999Z"),
    (Int64.min, "0000-01-01T00:00:00.000Z"),
    (Int64.max, "9999-12-31T23:59:59.999Z"),
  ])
  func `known instants are written`(epochMilliseconds: Int64, expected: String) {
    #expect(RFC3339.string(epochMilliseconds: epochMilliseconds) == expected)
  }

  @Test func `what is written agrees with Foundation`() {
    var random = SystemRandomNumberGenerator()
    let format = Date.ISO8601FormatStyle()
    // From the start of the Gregorian calendar on. Foundation uses another calendar before that.
    let seconds: ClosedRange<Int64> = -12_219_292_800...253_402_300_799
    for _ in 0..<5000 {
      let second = Int64.random(in: seconds, using: &random)
      let millisecond = Int64.random(in: 0...999, using: &random)
      let whole = Date(timeIntervalSince1970: Double(second)).formatted(format)
      let fraction = String(1000 + millisecond).dropFirst()
      #expect(
        RFC3339.string(epochMilliseconds: second * 1000 + millisecond)
          == "\(whole.dropLast()).\(fraction)Z")
    }
  }

  @Test func `the first and last day of every month are counted`() {
    var day: Int64 = RFC3339.representable.lowerBound / 86_400_000
    for year in 0...9999 {
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      for (index, length) in lengths.enumerated() {
        let month = "\(String(10_000 + year).dropFirst())-\(String(101 + index).dropFirst())-"
        let (first, last) = (day * 86_400_000, (day + length) * 86_400_000 - 1)
        let isRight =
          RFC3339.string(epochMilliseconds: first) == month + "01T00:00:00.000Z"
          && RFC3339.string(epochMilliseconds: last) == month + "\(length)T23:59:59.999Z"
        if !isRight { Issue.record("month \(month)") }
        day += length
      }
    }
    #expect(day * 86_400_000 - 1 == RFC3339.representable.upperBound)
  }

  @Test func `what was written is read as the same instant`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let instant = Int64.random(in: RFC3339.representable, using: &random)
      #expect(RFC3339.epochMilliseconds(of: RFC3339.string(epochMilliseconds: instant)) == instant)
    }
    for edge in [RFC3339.representable.lowerBound, -1, 0, 951_782_400_000, RFC3339.representable.upperBound] {
      #expect(RFC3339.epochMilliseconds(of: RFC3339.string(epochMilliseconds: edge)) == edge)
    }
  }

  @Test(
    arguments: [
      "", "2026-11-22", "2026-11-22T08:45:00Z", "2026-11-22T08:45:00.123+00:00", "2026-11-22 08:45:00.123Z",
      "2026-11-22t08:45:00.123Z", "2026-13-22T08:45:00.123Z", "2026-00-22T08:45:00.123Z", "2026-02-29T08:45:00.123Z",
      "2026-11-31T08:45:00.123Z", "2026-11-00T08:45:00.123Z", "2026-11-22T24:00:00.000Z", "2026-11-22T08:60:00.123Z",
      "2026-11-22T08:45:60.123Z", "+026-11-22T08:45:00.123Z", "2026-11-22T08:45:00.12 Z", "９026-11-22T08:45:00.1Z",
    ])
  func `a text of any other form is no instant`(text: String) {
    #expect(RFC3339.epochMilliseconds(of: text) == nil)
  }
}
