import Dispatch
import Glibc

/// Where the process speaks to its operator. Whoever writes never waits for the reader.
package enum StandardError {
  /// At its end the process waits so long for what was written to be read. A stuck reader must not hold it up for
  /// longer.
  private static let maxFlush = DispatchTimeInterval.seconds(1)

  package static let queue = LogQueue(descriptor: STDERR_FILENO)

  /// Takes whole lines.
  package static func write(_ lines: UnsafeRawBufferPointer) { queue.append(lines) }

  package static func writeLine(_ text: String) {
    Array("\(text)\n".utf8).withUnsafeBytes(write)
  }

  /// To be called before the process ends.
  package static func flush() { queue.flush(within: maxFlush) }
}
