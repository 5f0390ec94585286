import Glibc

/// Why a file could not be read, in the system's words.
package struct FileFailure: Error, Equatable {
  package let reason: String
}

/// Whole small files: settings, tokens, `/proc`.
package enum FileContents {
  /// Reads a file to its end; its announced size is not asked for, since `/proc` and pipes have none.
  ///
  /// - Parameter limit: The most bytes that the file may have.
  /// - Throws: ``FileFailure`` if it is missing, unreadable or longer than `limit`.
  package static func read(_ path: String, limit: Int = 1 << 20) throws(FileFailure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFailure(errno: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileFailure(errno: errno)
      }
      guard bytes.count + count <= limit else {
        throw FileFailure(reason: "longer than \(limit) bytes")
      }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}

extension FileFailure {
  fileprivate init(errno code: Int32) {
    reason = String(cString: strerror(code))
  }
}
