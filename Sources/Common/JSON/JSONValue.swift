/// A JSON document, read strictly.
///
/// Foundation's readers lose what the contract must judge: they drop duplicate members silently, and `1`, `1.0` and
/// `1e0` come out alike. Hence this small reader for all bodies. A test makes sure that it and Foundation agree on what
/// is JSON at all.
package enum JSONValue: Sendable {
  case null
  case boolean(Bool)
  /// A number without fraction and exponent that fits an `Int`.
  case integer(Int)
  /// Any other number; infinite if it is too large for a `Double`.
  case number(Double)
  case string(String)
  case array([JSONValue])
  /// Members in their order; no name twice.
  case object([(name: String, value: JSONValue)])

  /// The member of an object; nil for a missing one and for what is no object.
  package subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  package struct SyntaxError: Error, Equatable {
    /// Where in the document, in bytes from its start.
    package let offset: Int
    package let reason: String
  }

  /// Reads a whole document (RFC 8259: UTF-8, no byte order mark, no duplicate names; nested at most 32 deep).
  package init(parsing bytes: UnsafeRawBufferPointer) throws(SyntaxError) {
    var parser = JSONParser(bytes)
    self = try parser.document()
  }
}

/// Recursive descent over bytes. It looks at each byte once and copies only strings.
private struct JSONParser {
  static let maxDepth = 32
  /// With fewer members than this, it is cheaper to compare names pairwise than to hash them.
  static let fewMembers = 16

  private let bytes: UnsafeRawBufferPointer
  private var at = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func document() throws(JSONValue.SyntaxError) -> JSONValue {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) || bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE]) {
      throw error("it begins with a byte order mark (BOM); send UTF-8 without one (RFC 8259, 8.1)")
    }
    let value = try value(depth: 0)
    skipSpace()
    guard at == bytes.count else { throw error("something follows the document") }
    return value
  }

  private func error(_ reason: String) -> JSONValue.SyntaxError { .init(offset: at, reason: reason) }

  private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func skipSpace() {
    while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 { at += 1 }
  }

  private mutating func take(_ expected: UInt8) -> Bool {
    guard peek == expected else { return false }
    at += 1
    return true
  }

  private mutating func value(depth: Int) throws(JSONValue.SyntaxError) -> JSONValue {
    guard depth < Self.maxDepth else { throw error("nested deeper than \(Self.maxDepth) levels") }
    skipSpace()
    switch peek {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"): return try number()
    case let byte? where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte): return try number()
    case UInt8(ascii: "t"): return try literal("true", .boolean(true))
    case UInt8(ascii: "f"): return try literal("false", .boolean(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case nil: throw error("the document ends too early")
    default: throw error("a value is expected here")
    }
  }

  private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONValue.SyntaxError) -> JSONValue {
    let end = at + text.utf8CodeUnitCount
    guard end <= bytes.count,
      bytes[at..<end].elementsEqual(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    else { throw error("a value is expected here") }
    at = end
    return value
  }

  private mutating func array(depth: Int) throws(JSONValue.SyntaxError) -> JSONValue {
    assert(peek == UInt8(ascii: "["))
    at += 1
    var elements: [JSONValue] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array(elements) }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take(UInt8(ascii: "]")) { return .array(elements) }
      guard take(UInt8(ascii: ",")) else { throw error("\",\" or \"]\" is expected here") }
    }
  }

  private mutating func object(depth: Int) throws(JSONValue.SyntaxError) -> JSONValue {
    assert(peek == UInt8(ascii: "{"))
    at += 1
    var members: [(name: String, value: JSONValue)] = []
    // By bytes, since String takes canonically equivalent names for equal.
    var names: Set<[UInt8]> = []
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object(members) }
    while true {
      skipSpace()
      guard peek == UInt8(ascii: "\"") else { throw error("a member name is expected here") }
      let name = try string()
      if members.count < Self.fewMembers {
        guard !members.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
          throw error("the member name stands here twice")
        }
      } else {
        if names.isEmpty { names = Set(members.map { Array($0.name.utf8) }) }
        guard names.insert(Array(name.utf8)).inserted else { throw error("the member name stands here twice") }
      }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw error("\":\" is expected here") }
      members.append((name, try value(depth: depth + 1)))
      skipSpace()
      if take(UInt8(ascii: "}")) { return .object(members) }
      guard take(UInt8(ascii: ",")) else { throw error("\",\" or \"}\" is expected here") }
    }
  }

  private mutating func number() throws(JSONValue.SyntaxError) -> JSONValue {
    let begin = at
    let negative = take(UInt8(ascii: "-"))
    let start = at
    var value: Int? = 0
    while let digit = digit() {
      // Negated throughout, so that Int.min fits.
      value = value.flatMap { value in
        let (shifted, over) = value.multipliedReportingOverflow(by: 10)
        let (sum, beyond) = shifted.subtractingReportingOverflow(digit)
        return over || beyond ? nil : sum
      }
    }
    guard at > start else { throw error("a digit is expected here") }
    guard at == start + 1 || bytes[start] != UInt8(ascii: "0") else { throw error("a number must not begin with 0") }
    var isWhole = true
    if take(UInt8(ascii: ".")) {
      isWhole = false
      try digits()
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      isWhole = false
      at += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
      try digits()
    }
    guard isWhole, let value, negative || value > .min else { return .number(double(from: begin)) }
    return .integer(negative ? value : -value)
  }

  /// What has just been read as a number.
  private func double(from begin: Int) -> Double {
    Double(String(decoding: bytes[begin..<at], as: UTF8.self)) ?? .infinity
  }

  private mutating func digit() -> Int? {
    guard let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
    at += 1
    return Int(byte - UInt8(ascii: "0"))
  }

  private mutating func digits() throws(JSONValue.SyntaxError) {
    guard digit() != nil else { throw error("a digit is expected here") }
    while digit() != nil {}
  }

  private mutating func string() throws(JSONValue.SyntaxError) -> String {
    assert(peek == UInt8(ascii: "\""))
    at += 1
    let start = at
    while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\"), bytes[at] >= 0x20 {
      at += 1
    }
    if peek == UInt8(ascii: "\"") {
      defer { at += 1 }
      return try text(UnsafeRawBufferPointer(rebasing: bytes[start..<at]))
    }
    // An escape: from here on the string is not what stands in the document.
    var unescaped = [UInt8](bytes[start..<at])
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        at += 1
        return try text(unescaped)
      case UInt8(ascii: "\\"):
        at += 1
        try escape(into: &unescaped)
      case 0..<0x20: throw error("a control character in a string must be escaped")
      default:
        unescaped.append(byte)
        at += 1
      }
    }
    throw error("the document ends within a string")
  }

  private func text(_ raw: some Collection<UInt8>) throws(JSONValue.SyntaxError) -> String {
    guard let text = String(validating: raw, as: UTF8.self) else { throw error("a string is not valid UTF-8") }
    return text
  }

  private mutating func escape(into unescaped: inout [UInt8]) throws(JSONValue.SyntaxError) {
    guard let byte = peek else { throw error("the document ends within a string") }
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(byte)
    case UInt8(ascii: "b"): unescaped.append(0x08)
    case UInt8(ascii: "f"): unescaped.append(0x0C)
    case UInt8(ascii: "n"): unescaped.append(0x0A)
    case UInt8(ascii: "r"): unescaped.append(0x0D)
    case UInt8(ascii: "t"): unescaped.append(0x09)
    case UInt8(ascii: "u"):
      var unit = try hexUnit()
      if (0xD800..<0xDC00).contains(unit), at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
        bytes[at + 1] == UInt8(ascii: "u")
      {
        at += 2
        let low = try hexUnit()
        guard (0xDC00..<0xE000).contains(low) else { throw error("half of a surrogate pair") }
        unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(unit) else { throw error("half of a surrogate pair") }
      unescaped.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
    default: throw error("no such escape")
    }
  }

  private mutating func hexUnit() throws(JSONValue.SyntaxError) -> UInt32 {
    guard at + 4 <= bytes.count else { throw error("the document ends within a string") }
    var unit: UInt32 = 0
    for byte in bytes[at..<at + 4] {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
      default: throw error("four hexadecimal digits are expected here")
      }
    }
    at += 4
    return unit
  }
}
