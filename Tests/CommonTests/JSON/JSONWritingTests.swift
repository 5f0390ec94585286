import Foundation
import NIOCore
import TestSupport
import Testing

@testable import Common

@Suite struct JSONWritingTests {
  @Test(arguments: UInt64(1)...10)
  func `Foundation reads the texts that were written`(seed: UInt64) throws {
    var random = SeededRandom(seed)
    for _ in 0..<500 {
      let text = String(
        String.UnicodeScalarView(
          (0..<random.number(0...12)).map { _ in
            let ceiling: UInt32 = random.pick([0x20, 0x80, 0x800, 0x10000, 0x110000])
            return Unicode.Scalar(UInt32.random(in: 0..<ceiling, using: &random)) ?? #"""#
          }))
      var buffer = ByteBuffer()
      buffer.writeJSONString(text)
      let read =
        try JSONSerialization.jsonObject(with: Data(buffer.readableBytesView), options: .fragmentsAllowed) as? String
      #expect(read.map { Array($0.utf8) } == Array(text.utf8), "\(text.debugDescription)")
      // No byte that needs an escape is written without one.
      #expect(!buffer.readableBytesView.contains { $0 < 0x20 })
    }
  }

  @Test func `numbers are written in decimal`() {
    var random = SeededRandom(1)
    let edges = [0, 9, 10, 99, 100, -1, -9, -10, .max, .min, .max - 1, .min + 1]
    for number in edges + (0..<1000).map({ _ in Int(truncatingIfNeeded: random.next()) >> random.number(0...63) }) {
      var buffer = ByteBuffer()
      buffer.writeDecimal(number)
      #expect(String(buffer: buffer) == String(number))
    }
  }

  @Test func `arrays part their elements by commas`() {
    func written(_ numbers: [Int]) -> String {
      var buffer = ByteBuffer()
      buffer.writeJSONArray(numbers) { $0.writeDecimal($1) }
      return String(buffer: buffer)
    }
    #expect(written([]) == "[]")
    #expect(written([1]) == "[1]")
    #expect(written([1, 2, 3]) == "[1,2,3]")
  }
}
