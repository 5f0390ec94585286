import Synchronization

/// A value that can be replaced while others read it. To read it takes a lock, so it is not for a hot path.
package final class Replaceable<Value: Sendable>: Sendable {
  private let value: Mutex<Value>

  package init(_ value: Value) { self.value = Mutex(value) }

  package var current: Value {
    get { value.withLock { $0 } }
    set { value.withLock { $0 = newValue } }
  }
}
