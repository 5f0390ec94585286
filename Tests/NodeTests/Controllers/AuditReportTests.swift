import Foundation
import NIOCore
import TestSupport
import Testing

@testable import Node
@testable import Store

@Suite struct AuditReportTests {
  @Test func `an audit report is the document of the contract`() throws {
    var report = AuditService.Report()
    #expect(String(buffer: report.document) == #"{"consistent":true,"skus":0,"violations":[],"unverified":[]}"#)
    let sku = SKU(stored: "moka".utf8)
    report.skus = 2
    report.violations = [.init(sku: sku, rule: .reservedEqualsActive, expected: 3, found: -4)]
    report.unverified = [SKU(stored: "x".utf8)]
    report.next = .after(IndexPlace(after: sku))
    let json = try report.document.json()
    #expect(json["consistent"] as? Bool == false && json["skus"] as? Int == 2)
    #expect(json["nextCursor"] as? String == "moka" && json["unverified"] as? [String] == ["x"])
    let violation = try #require((json["violations"] as? [[String: Any]])?.first)
    #expect(violation["sku"] as? String == "moka" && violation["rule"] as? String == "reserved-equals-active-holds")
    #expect(violation["expected"] as? Int == 3 && violation["found"] as? Int == -4)
  }
}
