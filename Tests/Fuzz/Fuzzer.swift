import TestSupport

/// The code under fuzzing. Each case has promises that hold for any bytes. Another promise is that it does not trap.
enum Fuzzer: String, CaseIterable {
  case http, json, records, replies

  func check(_ bytes: [UInt8]) throws(Breach) {
    switch self {
    case .http: try HTTPFuzzer.check(bytes)
    case .json: try JSONFuzzer.check(bytes)
    case .records: try RecordFuzzer.check(bytes)
    case .replies: try ReplyFuzzer.check(bytes)
    }
  }
}

/// A promise that some bytes break.
struct Breach: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

func promise(_ text: @autoclosure () -> String, _ isKept: Bool) throws(Breach) {
  if !isKept { throw Breach(text()) }
}

extension SeededRandom {
  /// The same seed for the same bytes. The cuts depend only on the bytes, so that a finding can be repeated.
  init(of bytes: [UInt8]) {
    // FNV-1a.
    self.init(bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
  }
}
