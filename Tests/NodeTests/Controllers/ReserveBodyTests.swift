import Common
import NIOCore
import TestSupport
import Testing

@testable import Node
@testable import Store

/// What the contract allows in the body of a reserve request.
@Suite struct ReserveBodyTests {
  private static func read(_ text: String, caps: ReservationController.Caps = .init()) -> Result<
    ReserveRequest, Problem
  > {
    readBody(ByteBuffer(string: text)) { ReservationController.reserveRequest(&$0, caps) }
  }

  private static func pointers(_ text: String, caps: ReservationController.Caps = .init()) throws -> [String] {
    try faults(text) { ReservationController.reserveRequest(&$0, caps) }.map(\.pointer)
  }

  private static func items(_ count: Int) -> String {
    "[" + (0..<count).map { #"{"sku":"s\#($0)","quantity":1}"# }.joined(separator: ",") + "]"
  }

  @Test func `the short form is one line of items`() throws {
    let short = try Self.read(#"{"sku":"moka","quantity":2}"#).get()
    #expect(try short == Self.read(#"{"items":[{"sku":"moka","quantity":2}]}"#).get())
    #expect(
      try short == Self.read(#"{"items":[{"quantity":1,"sku":"moka"},{"sku":"moka","quantity":1}]}"#).get())
    #expect(short.lines.map(\.quantity) == [2] && short.ttlSeconds == nil && short.labels == Labels())
  }

  @Test func `everything is read where it stands`() throws {
    let lines = #"[{"sku":"b","quantity":3},{"sku":"A","quantity":1}]"#
    let text = #" {"ttlSeconds":60,"reference":"r-1","items":\#(lines),"customerId":"c"}"#
    let wish = try Self.read(text).get()
    #expect(wish.lines.map(\.sku.text) == ["A", "b"] && wish.lines.map(\.quantity) == [1, 3] && wish.ttlSeconds == 60)
    #expect(wish.labels == Labels(customerID: Label("c"), reference: Label("r-1")))
  }

  @Test(arguments: UInt64(1)...10)
  func `order, white space and unknown members do not matter`(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let members = [
      #""sku":"moka""#, #""quantity":2"#, #""customerId":"c""#, #""reference":"r""#, #""ttlSeconds":5"#,
    ]
    let plain = try Self.read("{\(members.joined(separator: ","))}").get()
    let extra = [#""note":{"sku":1}"#, #""Quantity":"x""#, #""":null"#]
    for _ in 0..<50 {
      let space = random.pick(["", " ", "\n\t", "\r\n"])
      let shuffled = (members + extra.prefix(random.number(0...3))).shuffled(using: &random).map { space + $0 + space }
      let escaped = shuffled.joined(separator: ",").replacing(
        #""sku":"moka""#, with: random.pick([#""sku":"moka""#, #""\u0073ku":"mok\u0061""#]))
      #expect(try Self.read("{\(escaped)}").get() == plain)
    }
  }

  @Test(arguments: [
    ("{}", ["#/sku", "#/quantity"]),
    (#"{"sku":"A"}"#, ["#/quantity"]),
    (#"{"quantity":1}"#, ["#/sku"]),
    (#"{"sku":"A","quantity":0}"#, ["#/quantity"]),
    (#"{"sku":"A","quantity":1000001}"#, ["#/quantity"]),
    (#"{"sku":"A","quantity":1.0}"#, ["#/quantity"]),
    (#"{"sku":"A","quantity":"1"}"#, ["#/quantity"]),
    (#"{"sku":"-A","quantity":1}"#, ["#/sku"]),
    (#"{"sku":5,"quantity":1}"#, ["#/sku"]),
    (#"{"items":[{"sku":"A","quantity":1}],"sku":"A"}"#, ["#/sku"]),
    (#"{"items":[{"sku":"A","quantity":1}],"quantity":null}"#, ["#/quantity"]),
    (#"{"items":[],"sku":"A","quantity":1}"#, ["#/items", "#/sku", "#/quantity"]),
    (#"{"items":null}"#, ["#/items"]), (#"{"items":{}}"#, ["#/items"]), (#"{"items":[[]]}"#, ["#/items/0"]),
    (#"{"items":[{"sku":"A","quantity":1},{"sku":"B","quantity":0}]}"#, ["#/items/1/quantity"]),
    (#"{"sku":"A","quantity":1,"ttlSeconds":0}"#, ["#/ttlSeconds"]),
    (#"{"sku":"A","quantity":1,"ttlSeconds":3601}"#, ["#/ttlSeconds"]),
    (#"{"sku":"A","quantity":1,"ttlSeconds":1e2}"#, ["#/ttlSeconds"]),
    (#"{"sku":"A","quantity":1,"customerId":""}"#, ["#/customerId"]),
    (#"{"sku":"A","quantity":1,"reference":"a b"}"#, ["#/reference"]),
    (
      #"{"sku":"A","quantity":1,"reference":7,"customerId":[],"ttlSeconds":"5"}"#,
      ["#/ttlSeconds", "#/customerId", "#/reference"]
    ),
    (#"{"sku":"A","quantity":1,"sku":"A"}"#, ["#"]),
    (#"{"items":[{"sku":"A","quantity":1,"quantity":1}]}"#, ["#"]),
  ])
  func `what is wrong is told where it stands`(text: String, pointers: [String]) throws {
    #expect(try Self.pointers(text) == pointers)
  }

  @Test func `twenty lines are taken, and not one more`() throws {
    #expect(try Self.read(#"{"items":\#(Self.items(20))}"#).get().lines.count == 20)
    #expect(try Self.pointers(#"{"items":\#(Self.items(21))}"#) == ["#/items"])
    // All requested lines count, even if they name the same SKU.
    let same = "[" + Array(repeating: #"{"sku":"A","quantity":1}"#, count: 21).joined(separator: ",") + "]"
    #expect(try Self.pointers(#"{"items":\#(same)}"#) == ["#/items"])
  }

  @Test func `a SKU's lines come to a million at most`() throws {
    func twice(_ first: Int, _ second: Int) -> String {
      #"{"items":[{"sku":"A","quantity":\#(first)},{"sku":"A","quantity":\#(second)}]}"#
    }
    #expect(try Self.read(twice(999_999, 1)).get().lines.map(\.quantity) == [1_000_000])
    #expect(try Self.pointers(twice(1_000_000, 1)) == ["#/items"])
    #expect(try Self.pointers(twice(600_000, 600_000)) == ["#/items"])
  }

  @Test func `an operator may cap quantity and TTL`() throws {
    let caps = ReservationController.Caps(quantity: 10, ttlSeconds: 60)
    #expect(try Self.pointers(#"{"sku":"A","quantity":10,"ttlSeconds":60}"#, caps: caps).isEmpty)
    #expect(
      try Self.pointers(#"{"sku":"A","quantity":11,"ttlSeconds":61}"#, caps: caps) == [
        "#/quantity", "#/ttlSeconds",
      ])
    let sum = #"{"items":[{"sku":"A","quantity":6},{"sku":"A","quantity":5}]}"#
    #expect(try Self.pointers(sum, caps: caps) == ["#/items"])
  }
}
