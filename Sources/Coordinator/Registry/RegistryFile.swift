import Common
import FoundationEssentials
import Glibc

/// The registry on disk: a small JSON file. It is always whole, since a new file replaces the old one in one step.
struct RegistryFile: Sendable {
  /// What could not be done, in words.
  struct Failure: Error, Equatable {
    let reason: String
  }

  enum Loaded: Equatable {
    case contents(RegistryContents)
    /// There is no file yet.
    case nothing
    /// What is there can't be used and was put aside. No new place: it could not be moved.
    case damaged(reason: String, movedTo: String?)
  }

  private static let maxBytes = 16 << 20

  let path: String
  /// The time of day, in epoch milliseconds. What is put aside is named after it.
  var now: @Sendable () -> Int64 = WallClock.epochMilliseconds

  func load() -> Loaded {
    guard access(path, F_OK) == 0 || errno != ENOENT else { return .nothing }
    let bytes: [UInt8]
    do {
      bytes = try FileContents.read(path, maxBytes: Self.maxBytes)
    } catch {
      return setAside(error.reason)
    }
    guard let contents = try? JSONDecoder().decode(RegistryContents.self, from: Data(bytes)) else {
      return setAside("it is not the JSON of a registry")
    }
    if let fault = contents.fault { return setAside(fault) }
    return .contents(contents)
  }

  /// Puts the file aside, so that people can look at it and nothing is written over it. What is there but no file
  /// stays.
  private func setAside(_ reason: String) -> Loaded {
    guard !FileContents.isOther(path) else { return .damaged(reason: reason, movedTo: nil) }
    let aside = "\(path).damaged-\(now())"
    return .damaged(reason: reason, movedTo: rename(path, aside) == 0 ? aside : nil)
  }

  /// Replaces the file. Blocks until it is on disk.
  func save(_ contents: RegistryContents) throws(Failure) {
    guard !FileContents.isOther(path) else { throw Failure(reason: "what is there is not a regular file") }
    guard let bytes = try? JSONEncoder().encode(contents) else { throw Failure(reason: "it can't be put as JSON") }
    let new = path + ".new"
    try write(Array(bytes), to: new)
    guard rename(new, path) == 0 else { throw Self.failure("rename") }
    // Otherwise the old file could be back after a loss of power.
    let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw Self.failure("open the directory") }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw Self.failure("fsync of the directory") }
  }

  private var folder: String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private func write(_ bytes: [UInt8], to path: String) throws(Failure) {
    // Non-blocking: a pipe that nobody reads would block for ever.
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    guard descriptor >= 0 else { throw Self.failure("open") }
    defer { close(descriptor) }
    // A file that was there before has kept its mode.
    guard fchmod(descriptor, 0o600) == 0 else { throw Self.failure("chmod") }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Self.failure("write") }
      rest = rest.dropFirst(count)
    }
    guard fsync(descriptor) == 0 else { throw Self.failure("fsync") }
  }

  private static func failure(_ what: String) -> Failure {
    Failure(reason: "\(what): \(String(cString: strerror(errno)))")
  }
}
