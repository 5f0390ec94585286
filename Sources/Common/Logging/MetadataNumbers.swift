import Logging

/// Numbers are numbers in the log too, so that it can be filtered and summed by them.
extension Logger.MetadataValue {
  package static func number(_ value: some BinaryInteger & Sendable & CustomStringConvertible) -> Self {
    .stringConvertible(value)
  }

  package static func number(_ value: Double) -> Self { .stringConvertible(value) }

  /// A duration in seconds, to the millisecond.
  package static func seconds(_ duration: Duration) -> Self {
    .stringConvertible((duration / .seconds(1) * 1000).rounded() / 1000)
  }
}
