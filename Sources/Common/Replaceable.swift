import Synchronization

/// A value that is put in the place of another while others read it. Not for a hot path: reading takes a lock.
package final class Replaceable<Value: Sendable>: Sendable {
  private let value: Mutex<Value>

  package init(_ value: Value) { self.value = Mutex(value) }

  package var current: Value {
    get { value.withLock { $0 } }
    set { value.withLock { $0 = newValue } }
  }
}
