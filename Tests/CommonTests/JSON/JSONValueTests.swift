import Glibc
import NIOCore
import Testing

@testable import Common

/// What the contract demands of bodies besides valid JSON.
@Suite struct JSONValueTests {
  @Test(arguments: [
    ("0", 0), ("-0", 0), ("7", 7), ("-1000000", -1_000_000), (" 5\n", 5), ("9223372036854775807", Int.max),
    ("-9223372036854775808", Int.min),
  ])
  func `a number without fraction and exponent is an integer`(text: String, expected: Int) throws {
    guard case .integer(expected) = try JSONValue(text) else {
      Issue.record("\(text) is \(try JSONValue(text))")
      return
    }
  }

  @Test(arguments: [
    "1.0", "1e0", "1E0", "1e+2", "100e-2", "-0.0", "0e0", "9223372036854775808", "-9223372036854775809",
    "18446744073709551616", "99999999999999999999999999999999999999", "1e400",
  ])
  func `a fraction, an exponent, and what fits no Int are no integers`(text: String) throws {
    guard case .number = try JSONValue(text) else {
      Issue.record("\(text) is \(try JSONValue(text))")
      return
    }
  }

  @Test(arguments: [
    (#"{"a":1,"a":1}"#, 10),
    (#"{"a":1,"\u0061":2}"#, 15),
    (#"{"\/":1,"/":2}"#, 11),
    (#"{"o":{"a":1,"b":2,"a":3}}"#, 21),
    (#"[{"":1,"":2}]"#, 9),
  ])
  func `a name that stands twice is rejected where it ends the second time`(text: String, offset: Int) {
    #expect(throws: JSONValue.SyntaxError(offset: offset, reason: "the member name stands here twice")) {
      try JSONValue(text)
    }
  }

  @Test(arguments: [15, 16, 17, 18, 40])
  func `duplicates are found among few members and many`(count: Int) throws {
    let members = (0..<count).map { #""m\#($0)":\#($0)"# }
    guard case .object(let read) = try JSONValue("{\(members.joined(separator: ","))}") else {
      Issue.record("no object")
      return
    }
    #expect(read.map(\.name) == (0..<count).map { "m\($0)" })
    for index in 0..<count {
      #expect(throws: JSONValue.SyntaxError.self) {
        try JSONValue("{\(members.joined(separator: ",")),\"\\u006d\(index)\":0}")
      }
    }
  }

  @Test func `canonically equivalent names are two names`() throws {
    guard case .object(let few) = try JSONValue("{\"é\":1,\"e\u{301}\":2}") else {
      Issue.record("no object")
      return
    }
    #expect(few.count == 2)
    let others = (0..<20).map { #""m\#($0)":0,"# }.joined()
    #expect(throws: Never.self) { try JSONValue("{\(others)\"é\":1,\"e\u{301}\":2}") }
  }

  @Test func `values nest thirty-two deep, and reading stops there`() throws {
    func nested(_ depth: Int, _ open: String, _ close: String) -> String {
      String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
    }
    #expect(throws: Never.self) { try JSONValue(nested(31, "[", "]")) }
    #expect(throws: Never.self) { try JSONValue(nested(31, #"{"a":"#, "}")) }
    let fault = JSONValue.SyntaxError(offset: 32, reason: "nested deeper than 32 levels")
    // The reader never looks at the rest, however long it is.
    #expect(throws: fault) { try JSONValue(nested(32, "[", "]")) }
    #expect(throws: fault) { try JSONValue(String(repeating: "[", count: 65_536)) }
    #expect(throws: fault) { try JSONValue(String(repeating: "[", count: 32) + "\u{0}") }
  }

  @Test(
    arguments: [
      [0x80], [0xC0, 0x80], [0xC3], [0xC3, 0x28], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
      [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFF], [0xFE],
    ] as [[UInt8]])
  func `bad UTF-8 is rejected in texts with escapes and without`(bad: [UInt8]) {
    for (before, after) in [(#"""#, #"""#), (#""\n"#, #"""#), (#"{""#, #"":1}"#), (#"""#, #"\u0041""#)] {
      #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(Array(before.utf8) + bad + Array(after.utf8)) }
    }
    #expect(throws: JSONValue.SyntaxError(offset: 0, reason: "a value is expected here")) { try JSONValue(bad) }
  }

  @Test(arguments: [
    (#""\ud83d\ude00""#, "😀"), (#""\uD83D\uDE00!""#, "😀!"),
    (#""\u00e9\u0000\b\f\n\r\t\/\\\"""#, "é\0\u{8}\u{C}\n\r\t/\\\""),
    (#""\uFFFF\uE000\uD7FF""#, "\u{FFFF}\u{E000}\u{D7FF}"), ("\"\"", ""), ("\"\u{7F}\u{2028}\"", "\u{7F}\u{2028}"),
  ])
  func `escapes are read as what they stand for`(text: String, expected: String) throws {
    guard case .string(let read) = try JSONValue(text) else {
      Issue.record("no string")
      return
    }
    #expect(Array(read.utf8) == Array(expected.utf8))
  }

  @Test(arguments: [
    ("", 0, "the document ends too early"),
    (" ", 1, "the document ends too early"),
    (#"{"a":"#, 5, "the document ends too early"),
    ("[1 2]", 3, #""," or "]" is expected here"#),
    (#"{"a" 1}"#, 5, #"":" is expected here"#),
    (#"{"a":1 "b"}"#, 7, #""," or "}" is expected here"#),
    ("{a:1}", 1, "a member name is expected here"),
    ("[1,]", 3, "a value is expected here"),
    ("nul", 0, "a value is expected here"),
    ("truth", 0, "a value is expected here"),
    ("01", 2, "a number must not begin with 0"),
    ("-", 1, "a digit is expected here"),
    ("1.e5", 2, "a digit is expected here"),
    ("1 x", 2, "something follows the document"),
    ("\"a\tb\"", 2, "a control character in a string must be escaped"),
    (#""\q""#, 3, "no such escape"),
    (#""\u12G4""#, 3, "four hexadecimal digits are expected here"),
    (#""\ud83d""#, 7, "half of a surrogate pair"),
    (#""\ud83d\ud83d""#, 13, "half of a surrogate pair"),
    (#""abc"#, 4, "the document ends within a string"),
    (#""abc\"#, 5, "the document ends within a string"),
    (#""\u00"#, 3, "the document ends within a string"),
  ])
  func `a fault is told by place and reason`(text: String, offset: Int, reason: String) {
    #expect(throws: JSONValue.SyntaxError(offset: offset, reason: reason)) { try JSONValue(text) }
  }

  @Test func `no prefix of a document is one`() throws {
    let document = Array(#"{"items":[{"sku":"A\u0041","quantity":12}],"x":[true,null,-1.5e3]}"#.utf8)
    #expect(throws: Never.self) { try JSONValue(document) }
    for count in 0..<document.count {
      let error = #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(Array(document.prefix(count))) }
      #expect(error.map { $0.offset <= count } ?? false)
    }
  }

  @Test func `members are found by name`() throws {
    let value = try JSONValue(#"{"a":{"b":[true]},"n":null}"#)
    guard case .array(let elements)? = value["a"]?["b"], case .boolean(true)? = elements.first else {
      Issue.record("not found")
      return
    }
    if case .null? = value["n"] {} else { Issue.record("a null member must be present") }
    #expect(value["b"] == nil && value["a"]?["b"]?["c"] == nil)
  }

  /// Comparing each name with all others would be a thousand times the work, so the bound need not be exact.
  @Test func `a body of nothing but members takes little more work than a plain one`() throws {
    let names = (0..<8000).map { #""\#(String($0, radix: 36))":0"# }
    let oneObject = "{\(names.joined(separator: ","))}"
    let manyObjects = "[\(names.map { "{\($0)}" }.joined(separator: ","))]"
    #expect(oneObject.utf8.count > 55_000)
    let plain = try Self.processorTime { _ = try JSONValue(manyObjects) }
    let adverse = try Self.processorTime { _ = try JSONValue(oneObject) }
    #expect(adverse < 30 * plain)
  }

  /// The processor time of this thread only, so that other work on the machine does not count.
  private static func processorTime(_ work: () throws -> Void) rethrows -> Int {
    func now() -> Int {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
    let began = now()
    try work()
    return now() - began
  }
}
