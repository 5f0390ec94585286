import Synchronization

/// A number that many threads add to or replace, without a lock.
struct AtomicDouble: ~Copyable {
  private let bits = Atomic<UInt64>(0)

  var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func store(_ value: Double) {
    bits.store(value.bitPattern, ordering: .relaxed)
  }

  func add(_ amount: Double) {
    var known = bits.load(ordering: .relaxed)
    while true {
      let sum = Double(bitPattern: known) + amount
      let (exchanged, original) = bits.weakCompareExchange(
        expected: known, desired: sum.bitPattern, ordering: .relaxed)
      if exchanged { return }
      known = original
    }
  }
}

/// A fixed number of counts that many threads raise, without a lock.
///
/// Unchecked, since the pointer is never handed out and never changes, and what it leads to is atomic.
struct AtomicCounts: ~Copyable, @unchecked Sendable {
  private let counts: UnsafeMutablePointer<Atomic<UInt64>>
  let count: Int

  init(count: Int) {
    precondition(count > 0)
    self.count = count
    counts = .allocate(capacity: count)
    for index in 0..<count { (counts + index).initialize(to: Atomic(0)) }
  }

  deinit {
    counts.deinitialize(count: count)
    counts.deallocate()
  }

  func increment(_ index: Int) {
    assert((0..<count).contains(index), "nothing else bounds the pointer")
    counts[index].wrappingAdd(1, ordering: .relaxed)
  }

  subscript(index: Int) -> UInt64 {
    assert((0..<count).contains(index), "nothing else bounds the pointer")
    return counts[index].load(ordering: .relaxed)
  }
}
