import Glibc

/// Why a file could not be read, in the system's words.
package struct FileFailure: Error, Equatable {
  package let reason: String
}

/// Whole small files: settings, tokens, `/proc`.
package enum FileContents {
  /// Reads a regular file to its end. It does not ask for the size first, since files of `/proc` tell none.
  ///
  /// - Throws: ``FileFailure`` if the file is missing, unreadable, not regular, or longer than `maxBytes`.
  package static func read(_ path: String, maxBytes: Int = 1 << 20) throws(FileFailure) -> [UInt8] {
    // Non-blocking: a pipe that nobody writes to would block its reader for ever.
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
      guard bytes.count + count <= maxBytes else {
        throw FileFailure(reason: "longer than \(maxBytes) bytes")
      }
      bytes.append(contentsOf: chunk[..<count])
    }
  }

  /// Whether something at that path is not a regular file: a directory, a pipe, a device.
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
