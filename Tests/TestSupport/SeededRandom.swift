/// Random numbers that are the same for the same seed (SplitMix64), so that a test finds the same fault again.
package struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(_ seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  package mutating func number(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &self) }

  /// True with a probability of 1 in `many`.
  package mutating func oneIn(_ many: Int) -> Bool { number(1...many) == 1 }

  package mutating func pick<Element>(_ elements: [Element]) -> Element { elements[number(0...elements.count - 1)] }

  package mutating func bytes(_ count: ClosedRange<Int>) -> [UInt8] {
    (0..<number(count)).map { _ in UInt8(truncatingIfNeeded: next()) }
  }

  /// A text of `count` characters from `alphabet`.
  package mutating func text(_ alphabet: String, _ count: ClosedRange<Int>) -> String {
    let letters = Array(alphabet)
    return String((0..<number(count)).map { _ in pick(letters) })
  }

  /// Splits bytes into pieces of 1 to `most`, as a socket may deliver them.
  package mutating func split(_ bytes: [UInt8], most: Int) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = rest.prefix(number(1...most))
      pieces.append(piece)
      rest = rest.dropFirst(piece.count)
    }
    return pieces
  }

  /// Changes bytes in one place: adds, removes or replaces one, or swaps two.
  package mutating func mutate(_ bytes: inout [UInt8], with likely: [UInt8]) {
    guard !bytes.isEmpty else { return bytes.append(pick(likely)) }
    let at = number(0...bytes.count - 1)
    switch number(0...4) {
    case 0: bytes.remove(at: at)
    case 1: bytes[at] = UInt8(truncatingIfNeeded: next())
    case 2: bytes.insert(pick(likely), at: at)
    case 3: bytes.insert(UInt8(truncatingIfNeeded: next()), at: at)
    default: bytes.swapAt(at, number(0...bytes.count - 1))
    }
  }
}
