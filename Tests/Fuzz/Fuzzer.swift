import TestSupport

/// What is fuzzed. Each keeps its promises whatever the bytes are. That it does not trap is one more promise.
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
  /// The same for the same bytes: where they are cut must depend on nothing else, or no finding could be seen again.
  init(of bytes: [UInt8]) {
    // FNV-1a.
    self.init(bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
  }
}
