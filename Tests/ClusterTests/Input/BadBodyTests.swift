import Foundation
import TestSupport
import Testing

/// A body that is not JSON, or not what the call accepts, gets 400 with each fault and its place.
@Suite(.cluster(nodes: 1)) struct BadBodyTests {
  private let cluster = TestCluster.current!

  private func post(_ path: String, _ body: [UInt8]) -> TestRequest {
    var request = TestRequest("POST", path, json: "").asAdmin
    request.body = body
    return request
  }

  /// - Parameter pointer: the reported place of the fault.
  private func expectInvalid(
    _ request: TestRequest, at pointer: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let answer = try await cluster.send(request)
    let told = Comment(
      rawValue: "\(request.method) \(request.path) \(String(decoding: request.body ?? [], as: UTF8.self)): \(answer)")
    #expect(answer.status == 400 && answer.problem == "invalid-request", told, sourceLocation: sourceLocation)
    #expect(
      answer.objects("errors").contains { $0["pointer"] as? String == pointer }, told, sourceLocation: sourceLocation)
    #expect(
      answer.objects("errors").allSatisfy { ($0["detail"] as? String)?.isEmpty == false },
      sourceLocation: sourceLocation)
  }

  @Test func `bytes that are no UTF-8, no JSON, or JSON of another kind than an object are refused`() async throws {
    let deep = String(repeating: "[", count: 30_000) + String(repeating: "]", count: 30_000)
    let texts = [
      "", " ", "{", "}", "[]", "null", "3", "\"text\"", "true", "{}{}", "{'sku':'a'}", #"{"sku":"a",}"#,
      #"{"sku" "a"}"#,
      #"{"sku":"a","quantity":1"#, #"{"sku":"a","quantity":1}x"#, #"{"sku":"a\u12","quantity":1}"#, #"{sku:"a"}"#,
      #"{"sku":"a\ud800","quantity":1}"#, "{\"sku\":\"a\u{0}\",\"quantity\":1}", "{\"sku\":\"a\nb\",\"quantity\":1}",
      #"{"sku":"a","quantity":01}"#, #"{"sku":"a","quantity":+1}"#, #"{"sku":"a","quantity":.5}"#,
      #"{"sku":"a","quantity":1.}"#, #"{"sku":"a","quantity":NaN}"#, #"{"sku":"a","quantity":1e}"#,
      #"{"sku":"a","quantity":1,"x":\#(deep)}"#, deep, "\u{FEFF}{\"sku\":\"a\",\"quantity\":1}",
    ]
    let bytes: [[UInt8]] = [
      [0xFF, 0xFE], [0x00], Array("{\"sku\":\"a".utf8) + [0xC3, 0x28] + Array("\",\"quantity\":1}".utf8),
      Array("{\"sku\":\"a\",\"quantity\":1,\"note\":\"".utf8) + [0xED, 0xA0, 0x80] + Array("\"}".utf8),
      Array("{\"".utf8) + [0xC0, 0x80] + Array("\":1,\"sku\":\"a\",\"quantity\":1}".utf8),
    ]
    for body in texts.map({ Array($0.utf8) }) + bytes {
      for path in ["/inventory/reserve", "/checkout/confirm", "/checkout/extend", "/inventory/a/adjust"] {
        try await expectInvalid(post(path, body), at: "#")
      }
    }
  }

  @Test func `a member that stands twice is refused, at any depth and however it is spelled`() async throws {
    for body in [
      #"{"sku":"a","sku":"a","quantity":1}"#, #"{"sku":"a","s\u006bu":"b","quantity":1}"#,
      #"{"sku":"a","quantity":1,"other":{"x":1,"x":2}}"#, #"{"items":[{"sku":"a","quantity":1,"quantity":1}]}"#,
    ] {
      try await expectInvalid(post("/inventory/reserve", Array(body.utf8)), at: "#")
    }
  }

  @Test(
    arguments: [
      (#"{"quantity":1}"#, "#/sku"), (#"{"sku":"a"}"#, "#/quantity"), ("{}", "#/sku"),
      (#"{"sku":1,"quantity":1}"#, "#/sku"), (#"{"sku":null,"quantity":1}"#, "#/sku"),
      (#"{"sku":"","quantity":1}"#, "#/sku"), (#"{"sku":"-a","quantity":1}"#, "#/sku"),
      (#"{"sku":"a b","quantity":1}"#, "#/sku"), (#"{"sku":"ä","quantity":1}"#, "#/sku"),
      (#"{"sku":"a/b","quantity":1}"#, "#/sku"), (#"{"sku":"a\u0000","quantity":1}"#, "#/sku"),
      (#"{"sku":"\#(String(repeating: "a", count: 65))","quantity":1}"#, "#/sku"),
      (#"{"sku":"a","quantity":0}"#, "#/quantity"), (#"{"sku":"a","quantity":-1}"#, "#/quantity"),
      (#"{"sku":"a","quantity":1000001}"#, "#/quantity"), (#"{"sku":"a","quantity":"1"}"#, "#/quantity"),
      (#"{"sku":"a","quantity":1.0}"#, "#/quantity"), (#"{"sku":"a","quantity":1e0}"#, "#/quantity"),
      (#"{"sku":"a","quantity":true}"#, "#/quantity"), (#"{"sku":"a","quantity":[1]}"#, "#/quantity"),
      (#"{"sku":"a","quantity":9223372036854775808}"#, "#/quantity"),
      (#"{"sku":"a","quantity":1\#(String(repeating: "0", count: 5000))}"#, "#/quantity"),
      (#"{"sku":"a","quantity":1,"ttlSeconds":0}"#, "#/ttlSeconds"),
      (#"{"sku":"a","quantity":1,"ttlSeconds":3601}"#, "#/ttlSeconds"),
      (#"{"sku":"a","quantity":1,"ttlSeconds":1.5}"#, "#/ttlSeconds"),
      (#"{"sku":"a","quantity":1,"ttlSeconds":null}"#, "#/ttlSeconds"),
      (#"{"sku":"a","quantity":1,"customerId":""}"#, "#/customerId"),
      (#"{"sku":"a","quantity":1,"customerId":"a b"}"#, "#/customerId"),
      (#"{"sku":"a","quantity":1,"customerId":7}"#, "#/customerId"),
      (#"{"sku":"a","quantity":1,"reference":"é"}"#, "#/reference"),
      (#"{"sku":"a","quantity":1,"reference":"\#(String(repeating: "r", count: 129))"}"#, "#/reference"),
      (#"{"items":[]}"#, "#/items"), (#"{"items":{}}"#, "#/items"), (#"{"items":[1]}"#, "#/items/0"),
      (#"{"items":[{"sku":"a","quantity":1},{"sku":"b"}]}"#, "#/items/1/quantity"),
      (#"{"items":[{"sku":"a","quantity":1}],"sku":"a"}"#, "#/sku"),
      (#"{"items":[{"sku":"a","quantity":1}],"quantity":1}"#, "#/quantity"),
      (#"{"items":[{"sku":"a","quantity":600000},{"sku":"a","quantity":600000}]}"#, "#/items"),
      (
        #"{"items":[\#((1...21).map { #"{"sku":"s\#($0)","quantity":1}"# }.joined(separator: ","))]}"#, "#/items"
      ),
    ])
  func `a missing or wrong member is refused where it stands`(body: String, pointer: String) async throws {
    try await expectInvalid(post("/inventory/reserve", Array(body.utf8)), at: pointer)
  }

  @Test func `the other calls judge their members alike`() async throws {
    for path in ["/checkout/confirm", "/checkout/cancel", "/checkout/extend"] {
      for body in [
        #"{"ttlSeconds":1}"#, #"{"reservationId":1,"ttlSeconds":1}"#, #"{"reservationId":["a"],"ttlSeconds":1}"#,
      ] {
        try await expectInvalid(post(path, Array(body.utf8)), at: "#/reservationId")
      }
    }
    for ttl in ["0", "3601", "1.0", "\"1\"", "null", "-5", "1e3"] {
      let body = #"{"reservationId":"a","ttlSeconds":\#(ttl)}"#
      try await expectInvalid(post("/checkout/extend", Array(body.utf8)), at: "#/ttlSeconds")
    }
    try await expectInvalid(post("/checkout/extend", Array(#"{"reservationId":"a"}"#.utf8)), at: "#/ttlSeconds")
    for total in ["-1", "1000000001", "1.5", "null", "\"5\""] {
      try await expectInvalid(
        TestRequest("PUT", "/inventory/a", json: #"{"total":\#(total)}"#).asAdmin, at: "#/total")
    }
    for delta in ["0", "-0", "1000000001", "-1000000001", "0.5", "\"1\""] {
      try await expectInvalid(post("/inventory/a/adjust", Array(#"{"delta":\#(delta)}"#.utf8)), at: "#/delta")
    }
    for reason in ["\"\"", "\"\(String(repeating: "r", count: 257))\"", "5"] {
      try await expectInvalid(
        post("/inventory/a/adjust", Array(#"{"delta":1,"reason":\#(reason)}"#.utf8)), at: "#/reason")
    }
    for sku in ["%20", "-a", "a%2Fb", "%C3%A4", "a%00", "%", "%zz", String(repeating: "a", count: 65), "a+b"] {
      try await expectInvalid(TestRequest("GET", "/inventory/\(sku)"), at: "path/sku")
      try await expectInvalid(TestRequest("PUT", "/inventory/\(sku)", json: #"{"total":1}"#).asAdmin, at: "path/sku")
      try await expectInvalid(.deleteStock(sku), at: "path/sku")
    }
  }

  @Test func `unknown members are ignored, and the edges of every range are inside`() async throws {
    try await cluster.succeed(.setStock("edge", total: 1_000_000_000))
    let label = String(repeating: "~", count: 128)
    for body in [
      #"{"sku":"edge","quantity":1000000,"ttlSeconds":3600,"customerId":"\#(label)","reference":"!"}"#,
      #"{"sku":"edge","quantity":1,"ttlSeconds":1,"unknown":{"a":[1.5e300,null]},"note":"ä\ud83d\ude00"}"#,
      " \n{ \"\\u0073ku\" : \"edge\" ,\t\"quantity\":1 }\r\n",
      #"{"items":[{"sku":"edge","quantity":500000},{"quantity":500000,"sku":"edge"}]}"#,
      #"{"items":[\#((1...20).map { _ in #"{"sku":"edge","quantity":1}"# }.joined(separator: ","))]}"#,
    ] {
      try await cluster.succeed(post("/inventory/reserve", Array(body.utf8)))
    }
    for sku in ["a", "0", String(repeating: "Z", count: 64), "a._-"] {
      try await cluster.succeed(.setStock(sku, total: 0))
      try await cluster.succeed(.adjustStock(sku, by: 1_000_000_000, reason: String(repeating: "ü", count: 256)))
      try await cluster.succeed(.adjustStock(sku, by: -1_000_000_000))
    }
    try await cluster.succeed(.inventory("%61"))
  }
}
