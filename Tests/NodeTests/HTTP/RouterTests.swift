import Foundation
import NIOHTTP1
import TestSupport
import Testing

@testable import Node

@Suite struct RouterTests {
  private let router = Router()

  @Test(arguments: Node.Operation.allCases)
  func `every operation is found by its own route`(operation: Node.Operation) {
    let (method, pattern) = operation.route
    var parameter = ""
    let path = pattern.split(separator: "/", omittingEmptySubsequences: false).map { segment -> Substring in
      guard segment.hasPrefix("{") else { return segment }
      parameter = "x-1"
      return "x-1"
    }.joined(separator: "/")
    #expect(router.match(method, path[...]) == .operation(operation, parameter: parameter))
  }

  @Test func `every other method of a path is a 405 that lists those there are`() {
    for (path, allow) in [
      ("/inventory/reserve", "DELETE, GET, HEAD, POST, PUT"), ("/inventory/moka", "DELETE, GET, HEAD, PUT"),
      ("/inventory/moka/adjust", "POST"), ("/inventory", "GET, HEAD"), ("/audit", "GET, HEAD"),
      ("/checkout/confirm", "POST"), ("/checkout/cancel", "POST"), ("/checkout/extend", "POST"),
      ("/reservations/x", "GET, HEAD"), ("/health", "GET, HEAD"), ("/health/live", "GET, HEAD"),
      ("/health/ready", "GET, HEAD"), ("/metrics", "GET, HEAD"), ("/openapi.yaml", "GET, HEAD"),
    ] {
      for method in [HTTPMethod.GET, .POST, .PUT, .DELETE, .HEAD, .OPTIONS, .PATCH, .RAW(value: "BREW")]
      where !allow.components(separatedBy: ", ").contains(method.rawValue) {
        #expect(router.match(method, path[...]) == .wrongMethod(allow: allow), "\(method) \(path)")
      }
    }
  }

  @Test(arguments: Node.Operation.allCases)
  func `HEAD is matched as GET`(operation: Node.Operation) {
    let path = operation.route.path.replacing(/{.*}/, with: "x")[...]
    let get = router.match(.GET, path)
    if case .operation = get { #expect(router.match(.HEAD, path) == get) }
  }

  /// A SKU may be named "reserve". Its stock is read, set and deleted under its own path.
  @Test func `a SKU called like an operation is a SKU`() {
    #expect(router.match(.POST, "/inventory/reserve") == .operation(.reserve, parameter: ""))
    #expect(router.match(.GET, "/inventory/reserve") == .operation(.readStock, parameter: "reserve"))
    #expect(router.match(.PUT, "/inventory/reserve") == .operation(.setStock, parameter: "reserve"))
    #expect(router.match(.POST, "/inventory/reserve/adjust") == .operation(.adjustStock, parameter: "reserve"))
    #expect(router.match(.POST, "/inventory/adjust/adjust") == .operation(.adjustStock, parameter: "adjust"))
  }

  @Test(arguments: [
    "", "/", "//", "/x", "inventory", "/Inventory", "/inventory/", "/inventory//", "/inventory//adjust",
    "/inventory/a/",
    "/inventory/a/b", "/inventory/a/adjust/", "/reservations", "/reservations/", "/reservations/a/b", "/checkout",
    "/checkout/confirm/", "/health/", "/health/x", "/audit/", "/openapi.yaml/", "//inventory/a", "/./inventory", "*",
    "/inventory/a%2Fadjust/b", "/%69nventory", "http://h/inventory",
  ])
  func `no other path is there`(path: String) {
    for method in [HTTPMethod.GET, .POST, .PUT, .DELETE, .HEAD] {
      #expect(router.match(method, path[...]) == .noSuchPath, "\(method)")
    }
  }

  @Test(arguments: [
    ("a%2Eb", "a.b"), ("%41%5a", "AZ"), ("a%2Fb", "a/b"), ("%C3%A9", "é"), ("a+b", "a+b"), ("a%20b", "a b"),
    ("%25", "%"), ("%2525", "%25"), ("a%00", "a\u{0}"),
    // Malformed escapes stay unchanged and give no valid name.
    ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("a%4", "a%4"), ("%C3", "%C3"), ("%FF%FE", "%FF%FE"), ("%+1", "%+1"),
  ])
  func `the parameter is percent-decoded`(segment: String, expected: String) {
    #expect(router.match(.GET, "/inventory/\(segment)") == .operation(.readStock, parameter: expected))
  }

  @Test(arguments: UInt64(1)...10)
  func `decoding undoes encoding`(seed: UInt64) {
    var random = SeededRandom(seed)
    for _ in 0..<300 {
      let text = random.text("aZ09._-/?&%é😀 \u{0}", 0...8)
      let encoded = text.utf8.map { byte in
        random.oneIn(2) || byte == UInt8(ascii: "%") || byte >= 0x80
          ? "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: random.oneIn(2))
          : String(Unicode.Scalar(byte))
      }.joined()
      #expect(encoded[...].percentDecoded == text)
    }
  }
}
