import Common
import NIOCore
import Store
import TestSupport

@testable import Node

/// Fuzzes the documents that callers send.
enum JSONFuzzer {
  static func check(_ bytes: [UInt8]) throws(Breach) {
    let difference = FoundationJSON.difference(bytes)
    try promise("our reader takes what Foundation takes: \(difference ?? "")", difference == nil)
    try promise("our reader reads the values that Foundation reads", FoundationJSON.readsTheSame(bytes))
    guard let value = try? JSONValue(bytes) else { return }
    let written = value.written
    guard let again = try? JSONValue(written) else { throw Breach("what our writer writes, our reader takes") }
    try promise("what is written and read is the same document", again.written == written)
    try checkBody(bytes, value)
  }

  /// Bodies of a reserve request. The result (the wish or its faults) must not depend on how the document is written.
  private static func checkBody(_ bytes: [UInt8], _ value: JSONValue) throws(Breach) {
    let wish = read(bytes)
    let turned = JSONValue.object(Array(value.members.reversed()))
    if case .object = value {
      try promise("white space and escapes do not matter", read(value.written) == wish)
      try promise("the order of members does not matter", read(turned.written) == wish)
    }
    guard case .wish(let request) = wish else { return }
    // Written as a cart, even if the request named one SKU.
    let items = request.lines.map { line in
      JSONValue.object([("sku", .string(line.sku.text)), ("quantity", .integer(line.quantity))])
    }
    var members = [(name: "items", value: JSONValue.array(items))]
    if let seconds = request.ttlSeconds { members.append(("ttlSeconds", .integer(seconds))) }
    for name in ["customerId", "reference"] {
      if let label = value[name] { members.append((name, label)) }
    }
    try promise("a wish in its normal form is the same wish", read(JSONValue.object(members).written) == wish)
  }

  private enum Reading: Equatable {
    case wish(ReserveRequest)
    case faults(ByteBuffer)
  }

  private static func read(_ bytes: [UInt8]) -> Reading {
    switch readBody(ByteBuffer(bytes: bytes), { ReservationController.reserveRequest(&$0, .init()) }) {
    case .success(let request): .wish(request)
    case .failure(let problem): .faults(problem.document)
    }
  }
}

extension JSONValue {
  fileprivate var members: [(name: String, value: JSONValue)] {
    if case .object(let members) = self { members } else { [] }
  }

  /// The value as we write it.
  fileprivate var written: [UInt8] {
    var buffer = ByteBuffer()
    write(to: &buffer)
    return Array(buffer.readableBytesView)
  }

  private func write(to buffer: inout ByteBuffer) {
    switch self {
    case .null: buffer.writeStaticString("null")
    case .boolean(let isTrue): buffer.writeString(isTrue ? "true" : "false")
    case .integer(let number): buffer.writeDecimal(number)
    case .number(let number): buffer.writeString(number.isInfinite ? number < 0 ? "-1e999" : "1e999" : "\(number)")
    case .string(let text): buffer.writeJSONString(text)
    case .array(let elements): buffer.writeJSONArray(elements) { $1.write(to: &$0) }
    case .object(let members):
      buffer.writeInteger(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { buffer.writeInteger(UInt8(ascii: ",")) }
        buffer.writeJSONString(member.name)
        buffer.writeInteger(UInt8(ascii: ":"))
        member.value.write(to: &buffer)
      }
      buffer.writeInteger(UInt8(ascii: "}"))
    }
  }
}
