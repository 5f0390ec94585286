import Glibc

/// Documents and records, written independently of the code under test.
extension Model {
  /// The document of a reservation, as clients see it now.
  func document(_ hold: Hold) -> String {
    let items = hold.lines.map { "{\"sku\":\"\($0.sku)\",\"quantity\":\($0.quantity)}" }.joined(separator: ",")
    let head = { (status: String) in
      "{\"reservationId\":\"\(hold.id)\",\"status\":\"\(status)\",\"items\":[\(items)]\(hold.labels)"
        + ",\"createdAt\":\(instant(hold.createdAt)),\"expiresAt\":\(instant(hold.expiresAt))"
    }
    switch hold.state {
    case .active where hold.expiresAt > now: return head("ACTIVE") + "}"
    case .active, .expired: return head("EXPIRED") + ",\"expiredAt\":\(instant(hold.expiresAt))}"
    case .confirmed(let at): return head("CONFIRMED") + ",\"confirmedAt\":\(instant(at))}"
    case .cancelled(let at): return head("CANCELLED") + ",\"cancelledAt\":\(instant(at))}"
    }
  }

  func document(_ sku: String) -> String {
    guard let stock = stock[sku] else { return "" }
    return "{\"sku\":\"\(sku)\",\"total\":\(stock.total),\"available\":\(stock.available)"
      + ",\"reserved\":\(stock.reserved),\"sold\":\(stock.sold)\(nextRelease(sku))}"
  }

  func nextRelease(_ sku: String) -> String {
    earliestDeadline(sku).map { ",\"nextReleaseAt\":\(instant($0))" } ?? ""
  }

  /// The stored record of a reservation.
  func record(_ hold: Hold) -> String {
    let items = hold.lines.map { "\"\($0.sku)\":\($0.quantity)" }.joined(separator: ",")
    let status =
      switch hold.state {
      case .active: "ACTIVE\""
      case .expired: "EXPIRED\",\"expiredAt\":\(hold.expiresAt)"
      case .confirmed(let at): "CONFIRMED\",\"confirmedAt\":\(at)"
      case .cancelled(let at): "CANCELLED\",\"cancelledAt\":\(at)"
      }
    return "{\"v\":1,\"status\":\"\(status),\"expiresAt\":\(hold.expiresAt),\"createdAt\":\(hold.createdAt)"
      + ",\"items\":{\(items)}\(hold.labels)}"
  }

  /// An instant as a JSON string, made with the C library's calendar.
  func instant(_ epochMilliseconds: Int64) -> String {
    var seconds = time_t(epochMilliseconds / 1000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func padded(_ number: some BinaryInteger, _ width: Int = 2) -> String {
      String(repeating: "0", count: max(0, width - "\(number)".count)) + "\(number)"
    }
    return "\"\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))T\(padded(parts.tm_hour))"
      + ":\(padded(parts.tm_min)):\(padded(parts.tm_sec)).\(padded(epochMilliseconds % 1000, 3))Z\""
  }

  func json(_ text: String) -> String { text.jsonString }
}

extension String {
  /// The text as a JSON string with only the necessary escapes.
  fileprivate var jsonString: String {
    let escaped = unicodeScalars.map { scalar in
      switch scalar {
      case "\"", "\\": "\\\(scalar)"
      case "\n": "\\u000a"
      default: "\(scalar)"
      }
    }
    return "\"\(escaped.joined())\""
  }
}

extension Call.Basket {
  var labels: String {
    (customerID.map { ",\"customerId\":\($0.jsonString)" } ?? "")
      + (reference.map { ",\"reference\":\($0.jsonString)" } ?? "")
  }
}

extension Call.Wish {
  /// The operation's part of the scope of an idempotency key. Nil for calls that ignore keys.
  var operation: String? {
    switch self {
    case .reserve: "reserve"
    case .confirm: "confirm"
    case .cancel: "cancel"
    case .extend: "extend"
    case .set: "set-stock"
    case .adjust: "adjust-stock"
    case .delete: "delete-stock"
    case .readReservation, .readStock, .list, .audit, .sweep: nil
    }
  }

  /// The same for every spelling of the same content.
  var merged: Call.Wish {
    guard case .reserve(var basket) = self else { return self }
    var quantities: [String: Int] = [:]
    for line in basket.lines { quantities[line.sku, default: 0] += line.quantity }
    basket.lines = quantities.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      .map { Call.Line(sku: $0.key, quantity: $0.value) }
    return .reserve(basket)
  }
}
