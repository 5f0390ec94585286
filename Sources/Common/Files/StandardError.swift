import Dispatch
import Glibc

/// Where the process speaks to its operator. Nobody who does waits for whoever reads it.
package enum StandardError {
  /// What has been said is waited for so long at the end of the process: a reader that is stuck must not hold it up.
  private static let flushLimit = DispatchTimeInterval.seconds(1)

  package static let queue = LogQueue(descriptor: STDERR_FILENO)

  /// Takes whole lines.
  package static func write(_ lines: UnsafeRawBufferPointer) { queue.append(lines) }

  package static func writeLine(_ text: String) {
    Array("\(text)\n".utf8).withUnsafeBytes(write)
  }

  /// To be called before the process ends.
  package static func flush() { queue.flush(within: flushLimit) }
}
