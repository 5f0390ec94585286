import Foundation
import TestSupport
import Testing

@testable import Node

@Suite struct HTTPDateTests {
  @Test func `known dates are written`() {
    #expect(HTTPDate.text(epochSeconds: 0) == "Thu, 01 Jan 1970 00:00:00 GMT")
    #expect(HTTPDate.text(epochSeconds: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(HTTPDate.text(epochSeconds: 1_795_337_100) == "Sun, 22 Nov 2026 08:45:00 GMT")
  }

  @Test func `what is written agrees with Foundation`() {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "GMT")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    var random = SeededRandom(1)
    for _ in 0..<3000 {
      let seconds = random.number(0...253_402_300_799)
      #expect(
        HTTPDate.text(epochSeconds: Int64(seconds)) == format.string(from: Date(timeIntervalSince1970: Double(seconds)))
      )
    }
  }
}
