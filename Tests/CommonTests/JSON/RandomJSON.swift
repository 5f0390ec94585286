import TestSupport

/// Random documents that are JSON or almost JSON.
struct RandomJSON {
  var random: SeededRandom

  init(seed: UInt64) { random = SeededRandom(seed) }

  private static let numbers = [
    "0", "-0", "1", "-1", "1.0", "1e0", "1E+5", "-0.0e-0", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "-9223372036854775809", "1e400", "-1e400", "1e-400", "123456789012345678901234567890", "01",
    "-01", "1.", "1.e1", ".5", "+1", "1e", "1e+", "0x1", "-", "00", "0.1e1", "NaN", "Infinity", "-e1",
  ]
  private static let characters = [
    "a", "b", "é", "e\u{301}", "😀", "\u{7F}", "\u{0}", "\u{1F}", "\u{FEFF}", "\u{2028}", "\\n", "\\/", #"\""#, "\\\\",
    "\\u0041", "\\u00e9", "\\u0000", "\\uD83D\\uDE00", "\\ud83d", "\\uDC00", "\\ud83d\\u0041", "\\x", "\\u00g0",
  ]
  private static let likely = Array("{}[],:\"\\0123456789.eE+-truefalsn \t\n\r/u".utf8)

  /// A document, damaged in up to two places.
  mutating func next() -> [UInt8] {
    var bytes = Array(value(depth: 4).utf8)
    for _ in 0..<random.number(0...2) { random.mutate(&bytes, with: Self.likely) }
    return bytes
  }

  private mutating func value(depth: Int) -> String {
    switch random.number(0...(depth > 0 ? 8 : 6)) {
    case 0: "null"
    case 1: "true"
    case 2: "false"
    case 3: random.pick(Self.numbers)
    case 4...6: string()
    case 7: "[" + list { $0.value(depth: depth - 1) } + "]"
    default: "{" + list { $0.string() + $0.random.pick([":", " : "]) + $0.value(depth: depth - 1) } + "}"
    }
  }

  private mutating func list(_ element: (inout RandomJSON) -> String) -> String {
    let separator = random.pick([",", ",", " , ", ",\r\n\t"])
    return (0..<random.number(0...3)).map { _ in element(&self) }.joined(separator: separator)
  }

  private mutating func string() -> String {
    #"""# + (0..<random.number(0...4)).map { _ in random.pick(Self.characters) }.joined() + #"""#
  }
}
