import NIOConcurrencyHelpers

/// A value that can be replaced while others read it. To read it takes a lock, so it is not for a hot path.
package final class Replaceable<Value: Sendable>: Sendable {
  private let value: NIOLockedValueBox<Value>

  package init(_ value: Value) { self.value = NIOLockedValueBox(value) }

  package var current: Value {
    get { value.withLockedValue { $0 } }
    set { value.withLockedValue { $0 = newValue } }
  }
}
