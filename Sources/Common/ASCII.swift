extension UInt8 {
  /// A visible character: neither space nor control.
  @inlinable package var isVisibleASCII: Bool { (0x21...0x7E).contains(self) }

  @inlinable package var isASCIIAlphanumeric: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}

extension Int {
  /// Reads `-?[0-9]+`; nil for anything else and on overflow.
  @inlinable package init?(decimal digits: some Collection<UInt8>) {
    var value = 0
    let negative = digits.first == UInt8(ascii: "-")
    let magnitude = digits.dropFirst(negative ? 1 : 0)
    guard !magnitude.isEmpty else { return nil }
    for digit in magnitude {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      let (shifted, over) = value.multipliedReportingOverflow(by: 10)
      let (sum, beyond) = shifted.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
      guard !over, !beyond else { return nil }
      value = sum
    }
    self = negative ? -value : value
  }
}
