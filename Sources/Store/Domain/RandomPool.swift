import Glibc

/// The system's unguessable random numbers, fetched many at a time: a system call for each would cost a reserve more
/// than reading its JSON does. No number is given out twice, and none is kept after that.
struct RandomPool: RandomNumberGenerator {
  /// As many numbers as there are in 256 bytes: the system gives no more at once (getentropy(3)).
  private static let size = 256 / MemoryLayout<UInt64>.size

  private var numbers: [UInt64] = []

  mutating func next() -> UInt64 {
    if numbers.isEmpty { numbers = Self.fetch() }
    return numbers.removeLast()
  }

  private static func fetch() -> [UInt64] {
    var numbers = [UInt64](repeating: 0, count: size)
    let isFilled = numbers.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) == 0 }
    // It fails only for more bytes than that, or where the system has no random numbers at all.
    precondition(isFilled, "the system gives no random numbers")
    return numbers
  }
}
