import NIOCore
import Testing

@testable import Node

@Suite struct RequestQueryTests {
  private static func value(_ name: String, in query: String) -> String? {
    Request(
      operation: .listStock, parameter: "", query: query[...], id: "1",
      context: CallContext(caller: "-", arrival: .uptimeNanoseconds(0)), body: ByteBuffer()
    ).queryValue(name)
  }

  @Test(
    arguments: [
      ("limit=5", "5"), ("a=1&limit=5&b=2", "5"), ("limit=5&limit=6", "6"), ("limit=", ""), ("limit", ""),
      ("limit=a=b", "a=b"),
      ("limit=%35%2e", "5."), ("&&limit=5&", "5"), ("limit=a+b", "a+b"), ("xlimit=1", nil), ("limitx=1", nil),
      ("", nil),
      ("Limit=1", nil), ("=1", nil),
    ] as [(String, String?)])
  func `a parameter is found by its name`(query: String, expected: String?) {
    #expect(Self.value("limit", in: query) == expected)
  }
}
