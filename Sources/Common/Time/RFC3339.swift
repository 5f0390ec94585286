/// Instants as RFC 3339 text in UTC with milliseconds: `2026-11-22T08:45:00.123Z`.
///
/// Written by hand because every answer carries several of them, and Foundation's formatters cost
/// more than the rest of the answer.
package enum RFC3339 {
  /// The length of every timestamp, in bytes.
  package static let byteCount = 24

  /// The instants that a year of four digits can show, in milliseconds since 1970.
  package static let representable: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999

  /// Writes the timestamp into the first ``byteCount`` bytes of a buffer that has room for it.
  ///
  /// An instant outside ``representable`` is shown as the nearest one inside.
  package static func write(epochMilliseconds: Int64, to buffer: UnsafeMutableRawBufferPointer) {
    precondition(buffer.count >= byteCount, "an RFC 3339 timestamp needs \(byteCount) bytes")
    // Counted from the year 0, everything below is unsigned and fits 64 bits with ease.
    let clamped = min(max(epochMilliseconds, representable.lowerBound), representable.upperBound)
    let milliseconds = UInt64(clamped - representable.lowerBound)
    let date = CivilDate(daysSinceYear0: UInt32(milliseconds / 86_400_000))
    let timeOfDay = UInt32(milliseconds % 86_400_000)
    let (seconds, fraction) = (timeOfDay / 1000, timeOfDay % 1000)

    put(date.year / 100, at: 0, in: buffer)
    put(date.year % 100, at: 2, in: buffer)
    buffer[4] = UInt8(ascii: "-")
    put(date.month, at: 5, in: buffer)
    buffer[7] = UInt8(ascii: "-")
    put(date.day, at: 8, in: buffer)
    buffer[10] = UInt8(ascii: "T")
    put(seconds / 3600, at: 11, in: buffer)
    buffer[13] = UInt8(ascii: ":")
    put(seconds / 60 % 60, at: 14, in: buffer)
    buffer[16] = UInt8(ascii: ":")
    put(seconds % 60, at: 17, in: buffer)
    buffer[19] = UInt8(ascii: ".")
    put(fraction / 10, at: 20, in: buffer)
    buffer[22] = digit(fraction % 10)
    buffer[23] = UInt8(ascii: "Z")
  }

  /// The timestamp as a string, for where speed does not matter.
  package static func string(epochMilliseconds: Int64) -> String {
    String(unsafeUninitializedCapacity: byteCount) { buffer in
      write(epochMilliseconds: epochMilliseconds, to: UnsafeMutableRawBufferPointer(buffer))
      return byteCount
    }
  }

  private static func put(
    _ twoDigits: UInt32, at offset: Int, in buffer: UnsafeMutableRawBufferPointer
  ) {
    buffer[offset] = digit(twoDigits / 10)
    buffer[offset + 1] = digit(twoDigits % 10)
  }

  private static func digit(_ value: UInt32) -> UInt8 {
    UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value)
  }
}

/// A day of the proleptic Gregorian calendar.
private struct CivilDate {
  let year: UInt32
  let month: UInt32
  let day: UInt32

  /// - Parameter daysSinceYear0: Days since 0000-01-01.
  init(daysSinceYear0: UInt32) {
    // Years are counted from 1 March, so that the leap day is the last of its year, and from 400
    // years earlier, so that January of the year 0 is not negative. 60 days lie before March.
    let days = daysSinceYear0 + 146_097 - 60
    let (era, dayOfEra) = (days / 146_097, days % 146_097)
    // Take out the leap days (every 4 years, not every 100, but every 400), and years have 365.
    let leapDays = dayOfEra / 1460 - dayOfEra / 36_524 + dayOfEra / 146_096
    let yearOfEra = (dayOfEra - leapDays) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    // From March on, months come in fives of 31, 30, 31, 30, 31 days: 153 together.
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0) - 400
  }
}
