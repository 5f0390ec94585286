import Glibc

/// Why a file could not be read, in the system's words.
package struct FileFailure: Error, Equatable {
  package let reason: String
}

/// Whole small files: settings, tokens, `/proc`.
package enum FileContents {
  /// Reads a regular file to its end; its announced size is not asked for, since `/proc` has none.
  ///
  /// - Parameter limit: The most bytes that the file may have.
  /// - Throws: ``FileFailure`` if it is missing, unreadable, no regular file, or longer than `limit`.
  package static func read(_ path: String, limit: Int = 1 << 20) throws(FileFailure) -> [UInt8] {
    // Without waiting: a pipe that nobody writes to would hold up its reader for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileFailure(errno: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure(errno: errno) }
    guard !status.isDirectory else { throw FileFailure(errno: EISDIR) }
    guard status.isRegular else { throw FileFailure(reason: "not a regular file") }
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

  /// Whether something is at that path that is no regular file: a directory, a pipe, a device.
  package static func isOther(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && !status.isRegular
  }
}

extension stat {
  fileprivate var isRegular: Bool { st_mode & S_IFMT == S_IFREG }
  fileprivate var isDirectory: Bool { st_mode & S_IFMT == S_IFDIR }
}

extension FileFailure {
  fileprivate init(errno code: Int32) {
    reason = String(cString: strerror(code))
  }
}
