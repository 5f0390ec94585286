/// The one-line reply of a script: a verdict, Redis's time, and what the verdict brings along, parted by spaces.
///
/// One bulk string is the cheapest reply there is for Lua, Redis and hiredis alike. The head of each `.lua` file
/// says which verdicts it gives.
struct ScriptReply: Sendable {
  enum Verdict: String, Sendable {
    case ok = "OK"
    /// The idempotency key was used before; its record follows.
    case prior = "PRIOR"
    /// Holds of the SKUs that follow have expired and must be released before anything is judged.
    case due = "DUE"
    /// It ran past its not-after instant and did nothing.
    case late = "LATE"
    case unknownSKU = "UNKNOWN"
    case short = "SHORT"
    case gone = "GONE"
    case expired = "EXPIRED"
    case cancelled = "CANCELLED"
    case confirmed = "CONFIRMED"
    case holdLimit = "LIMIT"
    case inUse = "INUSE"
    /// The lease is another's.
    case held = "HELD"
    /// The lease is not the caller's any more.
    case lost = "LOST"
    /// The sweeper's term is over.
    case fenced = "FENCED"

    /// Whether the caller is told "no": the effect was judged and refused.
    var isRefusal: Bool {
      switch self {
      case .ok, .prior, .due, .late: false
      default: true
      }
    }
  }

  struct Malformed: Error { let reply: RedisReply }

  let verdict: Verdict
  /// Redis's time when it ran, epoch milliseconds.
  let time: Int64
  /// What follows the time.
  let rest: Words

  /// What a script would have told of an idempotency record that was read without one.
  init(prior record: [UInt8]) {
    verdict = .prior
    time = 0
    rest = Words(record[...])
  }

  init(_ reply: RedisReply) throws(Malformed) {
    guard case .bytes(let bytes) = reply else { throw Malformed(reply: reply) }
    var words = Words(bytes[...])
    guard let verdict = words.next().flatMap({ Verdict(rawValue: String(decoding: $0, as: UTF8.self)) }),
      let time = words.nextInteger()
    else { throw Malformed(reply: reply) }
    self.verdict = verdict
    self.time = Int64(time)
    rest = words
  }
}

/// Reads a line of words parted by single spaces.
struct Words: Sendable {
  private(set) var remainder: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { remainder = bytes }

  var isEmpty: Bool { remainder.isEmpty }

  mutating func next() -> ArraySlice<UInt8>? {
    guard !remainder.isEmpty else { return nil }
    let end = remainder.firstIndex(of: UInt8(ascii: " ")) ?? remainder.endIndex
    let word = remainder[remainder.startIndex..<end]
    remainder = end == remainder.endIndex ? [] : remainder[(end + 1)...]
    return word
  }

  mutating func nextText() -> String? {
    next().map { String(decoding: $0, as: UTF8.self) }
  }

  mutating func nextInteger() -> Int? {
    next().flatMap(Int.init(decimal:))
  }
}

extension Int {
  /// Reads `-?[0-9]+`; nil for anything else and on overflow.
  init?(decimal digits: some Collection<UInt8>) {
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
