import Glibc

/// Where the process speaks to its operator.
package enum StandardError {
  /// Writes bytes in one piece, so that lines of several threads and processes do not mix.
  ///
  /// What cannot be written is dropped: there is nowhere left to say so.
  package static func write(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while !rest.isEmpty {
      let written = Glibc.write(STDERR_FILENO, rest.baseAddress, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { return }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  package static func writeLine(_ text: String) {
    Array("\(text)\n".utf8).withUnsafeBytes(write)
  }
}
