extension RFC3339 {
  /// Reads a timestamp of exactly the form that this writes, in milliseconds since 1970; nil for any other text.
  package static func epochMilliseconds(of text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count == byteCount, let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
      let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]),
      let second = number(bytes[17..<19]), let millisecond = number(bytes[20..<23]),
      (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    // Counted from March, so that the leap day is the last of its year.
    let (marchYear, monthFromMarch) = month > 2 ? (year, month - 3) : (year - 1, month + 9)
    // A year before 0 would round the wrong way; 400 years are whole weeks of leap rules.
    let shifted = marchYear + 400
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (153 * monthFromMarch + 2) / 5 + day - 1
    let seconds = (days - daysTo1970) * 86_400 + hour * 3600 + minute * 60 + second
    let instant = seconds * 1000 + millisecond
    // What is no day or no time of day, and what stands between the numbers, does not come out the same.
    return representable.contains(instant) && string(epochMilliseconds: instant) == text ? instant : nil
  }

  /// From 1 March 400 years before the year 0.
  private static let daysTo1970: Int64 = 865_565

  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    digits.reduce(0) { value, digit in
      guard let value, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      return value * 10 + Int64(digit - UInt8(ascii: "0"))
    }
  }
}
