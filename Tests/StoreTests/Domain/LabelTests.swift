import Common
import NIOCore
import TestSupport
import Testing

@testable import Store

@Suite struct LabelTests {
  @Test func `a label is up to 128 visible ASCII characters`() {
    for byte in UInt8.min...127 {
      let text = "a" + String(Unicode.Scalar(byte))
      #expect((Label(text)?.text == text) == (0x21...0x7E).contains(byte), "\(byte)")
    }
    #expect(Label("") == nil && Label("é") == nil && Label("a\u{301}") == nil)
    #expect(Label(String(repeating: "x", count: 128)) != nil && Label(String(repeating: "x", count: 129)) == nil)
  }

  @Test func `labels are JSON members by their names`() throws {
    var random = SeededRandom(3)
    for _ in 0..<200 {
      let labels = random.labels()
      let json = try ByteBuffer(string: #"{"x":1\#(labels.json)}"#).json()
      #expect(json["customerId"] as? String == labels.customerID?.text)
      #expect(json["reference"] as? String == labels.reference?.text)
      #expect(json.count == 1 + (labels.customerID == nil ? 0 : 1) + (labels.reference == nil ? 0 : 1))
    }
    #expect(Labels().json == "")
  }

  /// Only quotes and backslashes are escaped, in records and in documents.
  @Test func `quote and backslash stand in a record as they do in a document`() throws {
    let labels = Labels(customerID: Label(#"\"#), reference: Label(#"a"b\c/"#))
    #expect(labels.json == #","customerId":"\\","reference":"a\"b\\c/""#)
    var reservation = Reservation(
      id: ReservationID(), status: .active, lines: [ReservationLine(sku: SKU(stored: "A".utf8), quantity: 1)],
      labels: labels, createdAt: 1_795_337_100_123, expiresAt: 1_795_337_160_123)
    let record = String(decoding: reservation.record, as: UTF8.self)
    #expect(record.hasSuffix(#","items":{"A":1}\#(labels.json)}"#))
    #expect(String(buffer: reservation.document).contains(#"}]\#(labels.json),"createdAt""#))
    let read = try StoredReservation.read(reservation.record[...], id: reservation.id, now: 0)
    #expect(read == reservation && read.document == reservation.document)
    reservation.labels.reference = nil
    #expect(try StoredReservation.read(reservation.record[...], id: reservation.id, now: 0) == reservation)
  }

  @Test(arguments: [
    #""customerId":"a b""#, #""customerId":"é""#, #""customerId":"a\n""#, #""customerId":"\u0041""#,
    #""customerId":"a"#, #""customerId":"a\"#, #""customerId":a"#, #""reference":"r","customerId":"c""#,
    #""customerId":"c","customerId":"c""#, #""note":"n""#, #""customerId":"""#, #""reference":"""#,
  ])
  func `other labels are malformed`(members: String) {
    let head = #"{"v":1,"status":"ACTIVE","expiresAt":1795337160123,"createdAt":1795337100123,"items":{"A":2}"#
    let record = "\(head),\(members)}"
    #expect(throws: StoredReservation.Malformed.self) {
      try StoredReservation.read(Array(record.utf8)[...], id: ReservationID(), now: 0)
    }
  }
}

extension Labels {
  fileprivate var json: String {
    var text = ByteBuffer()
    write(to: &text)
    return String(buffer: text)
  }
}
