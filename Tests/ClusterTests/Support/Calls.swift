import TestSupport

/// The calls of the API, in the words of the contract.
extension TestRequest {
  static func reserve(_ sku: String, _ quantity: Int = 1, ttl: Int? = nil, reference: String? = nil) -> TestRequest {
    TestRequest(
      "POST", "/inventory/reserve",
      json: #"{"sku":"\#(sku)","quantity":\#(quantity)\#(options(ttl, reference))}"#)
  }

  static func reserve(
    items: [(sku: String, quantity: Int)], ttl: Int? = nil, reference: String? = nil
  ) -> TestRequest {
    let lines = items.map { #"{"sku":"\#($0.sku)","quantity":\#($0.quantity)}"# }.joined(separator: ",")
    return TestRequest("POST", "/inventory/reserve", json: #"{"items":[\#(lines)]\#(options(ttl, reference))}"#)
  }

  private static func options(_ ttl: Int?, _ reference: String?) -> String {
    (ttl.map { #","ttlSeconds":\#($0)"# } ?? "") + (reference.map { #","reference":"\#($0)""# } ?? "")
  }

  static func confirm(_ id: String) -> TestRequest {
    TestRequest("POST", "/checkout/confirm", json: #"{"reservationId":"\#(id)"}"#)
  }

  static func cancel(_ id: String) -> TestRequest {
    TestRequest("POST", "/checkout/cancel", json: #"{"reservationId":"\#(id)"}"#)
  }

  static func extend(_ id: String, ttl: Int) -> TestRequest {
    TestRequest("POST", "/checkout/extend", json: #"{"reservationId":"\#(id)","ttlSeconds":\#(ttl)}"#)
  }

  static func reservation(_ id: String) -> TestRequest { TestRequest("GET", "/reservations/\(id)") }
  static func inventory(_ sku: String) -> TestRequest { TestRequest("GET", "/inventory/\(sku)") }

  static func setStock(_ sku: String, total: Int) -> TestRequest {
    TestRequest("PUT", "/inventory/\(sku)", json: #"{"total":\#(total)}"#).asAdmin
  }

  static func adjustStock(_ sku: String, by delta: Int, reason: String? = nil) -> TestRequest {
    let reason = reason.map { #","reason":"\#($0)""# } ?? ""
    return TestRequest("POST", "/inventory/\(sku)/adjust", json: #"{"delta":\#(delta)\#(reason)}"#).asAdmin
  }

  static func deleteStock(_ sku: String) -> TestRequest { TestRequest("DELETE", "/inventory/\(sku)").asAdmin }

  static func listStock(limit: Int? = nil, cursor: String? = nil) -> TestRequest {
    let query = [limit.map { "limit=\($0)" }, cursor.map { "cursor=\($0)" }].compactMap(\.self).joined(separator: "&")
    return TestRequest("GET", "/inventory" + (query.isEmpty ? "" : "?" + query)).asAdmin
  }

  static func audit(cursor: String? = nil) -> TestRequest {
    TestRequest("GET", "/audit" + (cursor.map { "?cursor=\($0)" } ?? "")).asAdmin
  }

  static let live = TestRequest("GET", "/health/live")
  static let ready = TestRequest("GET", "/health/ready")
  static let health = TestRequest("GET", "/health")

  var asAdmin: TestRequest { bearer(NodeUnderTest.adminToken) }
}

extension TestAnswer {
  var id: String { text("reservationId") ?? "no reservation: \(self)" }
  var reservationStatus: String? { text("status") }
  /// `available`, `reserved` and `sold` of an inventory.
  var counters: [Int?] { [number("available"), number("reserved"), number("sold")] }
  /// The objects of an array member.
  func objects(_ member: String) -> [[String: Any]] { json[member] as? [[String: Any]] ?? [] }
}
