import Common
import Foundation
import NIOCore
import Testing

@testable import Node

@Suite struct BodyReaderTests {
  @Test(arguments: ["", " ", "null", "[]", #""x""#, "1", "true", "{", "{}x", #"{"a":1,"a":2}"#, "\u{FEFF}{}"])
  func `a body that is no JSON object is one fault of the whole`(text: String) throws {
    #expect(try faults(text) { $0.integer("a", 1...2) }.map(\.pointer) == ["#"])
  }

  @Test func `a fault of syntax tells its place`() throws {
    #expect(try faults(#"{"a":01}"#) { $0.integer("a", 1...2) }.first?.detail.contains("(byte 7)") == true)
  }

  @Test(
    arguments: [
      ("1", 1), ("1000000", 1_000_000), ("0", nil), ("1000001", nil), ("-1", nil), ("1.0", nil), ("1e0", nil),
      ("1E2", nil),
      ("99999999999999999999", nil), (#""1""#, nil), ("true", nil), ("null", nil), ("[1]", nil), ("{}", nil),
    ] as [(String, Int?)])
  func `a quantity is a whole number in its range`(text: String, expected: Int?) throws {
    #expect(readBody(ByteBuffer(string: #"{"a":\#(text)}"#)) { $0.integer("a", 1...1_000_000) }.value == expected)
    if expected == nil {
      #expect(try faults(#"{"a":\#(text)}"#) { $0.integer("a", 1...1_000_000) }.map(\.pointer) == ["#/a"])
    }
  }

  @Test func `what is missing is told as missing`() throws {
    let told = try faults("{}") { body -> Int? in
      _ = body.integer("a", 1...2)
      _ = body.text("b")
      _ = body.sku("c")
      return 1
    }
    #expect(told.map(\.pointer) == ["#/a", "#/b", "#/c"] && told.allSatisfy { $0.detail == "is missing" })
  }

  @Test func `what is optional may be missing, but not null`() throws {
    #expect(
      readBody(ByteBuffer(string: #"{"z":{"unknown":[null]}}"#)) { body in
        [body.optionalInteger("a", 1...2) == nil, body.label("b") == nil, body.optionalText("c", 1...2) == nil]
      }.value == [true, true, true])
    let told = try faults(#"{"a":null,"b":null,"c":null}"#) { body -> Int? in
      _ = body.optionalInteger("a", 1...2)
      _ = body.label("b")
      _ = body.optionalText("c", 1...2)
      return 1
    }
    #expect(told.map(\.pointer) == ["#/a", "#/b", "#/c"])
  }

  @Test(arguments: [
    ("x", true), ("!~", true), (String(repeating: "x", count: 128), true), ("", false), ("a b", false), ("é", false),
    ("a\\n", false), ("a\\u007f", false), (String(repeating: "x", count: 129), false),
  ])
  func `a label is 1 to 128 visible ASCII`(text: String, isLabel: Bool) {
    #expect((readBody(ByteBuffer(string: #"{"a":"\#(text)"}"#)) { $0.label("a") }.value != nil) == isLabel)
  }

  @Test(arguments: [
    ("", false), ("x", true), (String(repeating: "é", count: 256), true), (String(repeating: "😀", count: 256), true),
    (String(repeating: "é", count: 257), false), (String(repeating: "e\u{301}", count: 128), true),
    (String(repeating: "e\u{301}", count: 129), false),
  ])
  func `a text is counted in characters, as JSON Schema counts`(text: String, isTaken: Bool) {
    #expect(
      (readBody(ByteBuffer(string: #"{"a":"\#(text)"}"#)) { $0.optionalText("a", 1...256) }.value != nil) == isTaken)
  }

  @Test func `every fault is told at once, with its pointer`() throws {
    let text = #"{"items":[{"sku":"A","quantity":1},{"sku":"-"},7,{"quantity":"x"}],"b":1}"#
    let told = try faults(text) { body -> Int? in
      _ = body.objects("items", 1...9) { line -> Int? in
        _ = line.sku("sku")
        return line.integer("quantity", 1...5)
      }
      return body.text("b") == nil ? nil : 1
    }
    #expect(
      told.map(\.pointer) == [
        "#/items/1/sku", "#/items/1/quantity", "#/items/2", "#/items/3/sku", "#/items/3/quantity", "#/b",
      ])
  }

  @Test(arguments: [
    ("[]", false), ("[{}]", true), ("[{},{}]", true), ("[{},{},{}]", false), ("{}", false), ("null", false),
  ])
  func `a list has so many objects`(text: String, isTaken: Bool) {
    #expect(
      (readBody(ByteBuffer(string: #"{"a":\#(text)}"#)) { $0.objects("a", 1...2) { _ in 1 } }.value != nil) == isTaken)
  }

  @Test(arguments: [[0xEF, 0xBB, 0xBF], [0xFE, 0xFF], [0xFF, 0xFE]] as [[UInt8]])
  func `a byte order mark is named`(mark: [UInt8]) {
    let fault = #expect(throws: Fault.self) { try BodyReader(ByteBuffer(bytes: mark + Array("{}".utf8))) }
    #expect(fault?.detail.contains("byte order mark") == true)
  }
}

/// The faults found in a body. Empty if the body was accepted.
func faults<Content>(_ text: String, _ read: (inout BodyReader) -> Content?) throws -> [Fault] {
  guard case .failure(let problem) = readBody(ByteBuffer(string: text), read) else { return [] }
  #expect(problem.kind == .invalidRequest)
  return try problem.faults()
}

extension Problem {
  /// The faults listed in the problem document of an invalid request.
  func faults() throws -> [Fault] {
    let errors = try document.json()["errors"] as? [[String: String]] ?? []
    return errors.map { Fault($0["pointer"] ?? "", $0["detail"] ?? "") }
  }
}

extension Result {
  var value: Success? { try? get() }
}
