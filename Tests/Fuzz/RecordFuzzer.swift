import NIOCore
import RedisClient
import TestSupport

@testable import Store

/// Fuzzes records in Redis and replies of scripts. The first byte selects the reader of the rest.
enum RecordFuzzer {
  static func check(_ bytes: [UInt8]) throws(Breach) {
    guard let kind = bytes.first else { return }
    let record = bytes.dropFirst()
    switch kind {
    case UInt8(ascii: "r"): try checkReservation(record)
    case UInt8(ascii: "i"): try checkIdempotency(record)
    case UInt8(ascii: "l"): try checkLease(record)
    case UInt8(ascii: "t"): try checkTokens(record)
    default: return
    }
  }

  private static func checkReservation(_ record: ArraySlice<UInt8>) throws(Breach) {
    let id = ReservationID()
    guard let reservation = try? StoredReservation.read(record, id: id, now: 0) else { return }
    let document = reservation.document
    try promise("its document is JSON", FoundationJSON.fault(Array(document.readableBytesView)) == nil)
    // Readers accept unsorted lines, but a node never stores them.
    guard zip(reservation.lines, reservation.lines.dropFirst()).allSatisfy({ $0.sku < $1.sku }) else { return }
    try promise("what is read is stored by the same bytes", reservation.record == Array(record))
    guard let later = try? StoredReservation.read(record, id: id, now: .max) else {
      throw Breach("whether a record can be read does not depend on the time")
    }
    var expected = reservation
    if expected.status == .active { (expected.status, expected.endedAt) = (.expired, expected.expiresAt) }
    try promise("only an active hold expires", later == expected)
  }

  private static let fingerprint = Fingerprint(of: "mine")

  private static func checkIdempotency(_ record: ArraySlice<UInt8>) throws(Breach) {
    let head = Array(IdempotencyRecord.head(fingerprint).utf8)
    switch IdempotencyRecord.answer(in: record, for: fingerprint) {
    case .ours(let answer): try promise("head and answer are the record", head + answer == Array(record))
    case .anothers: try promise("a record of another has another head", Array(record.prefix(head.count)) != head)
    case .damaged: try promise("a record of ours is none that is damaged", !record.starts(with: head))
    }
  }

  private static func checkLease(_ record: ArraySlice<UInt8>) throws(Breach) {
    var tokens = ReplyTokens(record)
    guard let lease = LeaseRecord(&tokens) else { return }
    // Scripts return only canonical ones.
    guard isCanonical(record) else { return }
    let rest = tokens.isEmpty ? [] : Array(" ".utf8) + tokens.remainder
    try promise("what is read is stored by the same bytes", lease.record + rest == Array(record))
  }

  private static func checkTokens(_ reply: ArraySlice<UInt8>) throws(Breach) {
    var tokens = ReplyTokens(reply)
    var read: [UInt8] = []
    var isFirst = true
    while !tokens.isEmpty {
      var number = tokens
      guard let token = tokens.next() else { throw Breach("there is a token until all is read") }
      if !isFirst { read.append(UInt8(ascii: " ")) }
      isFirst = false
      read += token
      let left = tokens.isEmpty ? [] : Array(" ".utf8) + tokens.remainder
      // A space at the end does not begin another token.
      let whole = read + left
      try promise("no byte is lost", whole == Array(reply) || whole + Array(" ".utf8) == Array(reply))
      try promise("a token holds no space", !token.contains(UInt8(ascii: " ")))
      guard let value = number.nextInteger(), isCanonical(token) else { continue }
      try promise("a number is what its digits say", Array("\(value)".utf8) == Array(token))
      try promise("number and text end at the same place", number == tokens)
    }
  }

  /// Whether it is UTF-8 with single spaces and without leading zeros in numbers.
  private static func isCanonical(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let text = String(validating: bytes, as: UTF8.self) else { return false }
    return text.split(separator: " ", omittingEmptySubsequences: false).allSatisfy { token in
      !token.isEmpty && (Int(token).map { "\($0)" == token } ?? true)
    }
  }
}

extension Reservation {
  /// The record that the scripts store: their own part, then the tail that the node gave them.
  fileprivate var record: [UInt8] {
    var head = #"{"v":1,"status":"\#(status.rawValue)""#
    if let name = status.instantName, let endedAt { head += #","\#(name)":\#(endedAt)"# }
    head += #","expiresAt":\#(expiresAt),"createdAt":\#(createdAt)"#
    return Array(head.utf8) + Array(StoredReservation.tail(lines: lines, labels: labels).readableBytesView)
  }
}

extension LeaseRecord {
  /// The record as stored in the key.
  fileprivate var record: [UInt8] {
    Array("\(token) \(epoch) \(acquiredAt) \(connection) \(nodeID) \(address)".utf8)
  }
}
