import Crypto

/// The system's unguessable random numbers, fetched many at a time: a system call for each would cost a reserve more
/// than reading its JSON does. No number is given out twice, and none is kept after that.
struct RandomPool: RandomNumberGenerator {
  private static let size = SymmetricKeySize(bitCount: 32 * UInt64.bitWidth)

  private var numbers: [UInt64] = []

  mutating func next() -> UInt64 {
    // A fresh key is nothing but random bytes.
    if numbers.isEmpty {
      numbers = SymmetricKey(size: Self.size).withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
    }
    return numbers.removeLast()
  }
}
