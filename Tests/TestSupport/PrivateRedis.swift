import Foundation
import NIOConcurrencyHelpers

/// A Redis server or Sentinel for one test, with its own port and directory. It uses an append-only file and evicts
/// nothing.
// Unchecked: one test at a time calls startAgain(), which replaces the process, and signal(_:), which stops it.
package final class PrivateRedis: @unchecked Sendable {
  package enum Kind: Sendable { case store, sentinel }

  package let port: Int
  private let kind: Kind
  private let directory: TemporaryDirectory
  private let options: [String]
  private var process: ServerProcess
  /// Whether it was stopped by a signal and not continued. Then it answers nobody.
  package private(set) var isStopped = false

  /// - Parameters:
  ///   - options: further command-line options, for example `["--maxmemory", "8mb"]`.
  ///   - port: nil for any free port.
  ///   - file: the initial configuration file. The server may rewrite it, and reads it when it starts again.
  package init(_ kind: Kind = .store, options: [String] = [], port: Int? = nil, file: String = "") async throws {
    // In memory if there is room, so that other work on the disk does not stall Redis. Killing the process loses no
    // data there either.
    directory = try TemporaryDirectory(inMemory: true)
    (self.kind, self.options) = (kind, options)
    try Data(file.utf8).write(to: Self.file(in: directory))
    var started: (Int, ServerProcess)?
    // Another process may take the port between our check and Redis's bind.
    for _ in 0..<(port == nil ? 5 : 1) where started == nil {
      let port = try port ?? FreePort.find()
      let process = try Self.start(kind, port: port, directory: directory, options: options)
      // The process that took the port may be the Redis of another test.
      try await eventually("redis-server answers or ends") { !process.isRunning || process.isRedis(at: port) }
      if process.isRedis(at: port) { started = (port, process) } else { process.kill() }
    }
    guard let started else { throw ServerProcess.StartFailed(description: "redis-server found no free port") }
    (self.port, process) = started
  }

  package var url: String { "redis://127.0.0.1:\(port)/0" }
  package var pid: Int32 { process.pid }
  package var isRunning: Bool { process.isRunning }

  package func signal(_ number: Int32) {
    if number == SIGSTOP { isStopped = true }
    process.signal(number)
    if number == SIGCONT { isStopped = false }
  }

  /// Sends SIGKILL. Nothing is started in its place.
  package func kill() {
    process.kill()
    isStopped = false
  }

  /// Starts it again with its data. Returns as soon as the process runs, before it serves.
  package func startAgain() throws {
    kill()
    process = try Self.start(kind, port: port, directory: directory, options: options)
  }

  package var serves: Bool { Self.answers(port) }

  /// Runs one command with `redis-cli` and returns its output.
  @discardableResult
  package func cli(_ arguments: String...) throws -> String { try cli(arguments) }

  @discardableResult
  package func cli(_ arguments: [String]) throws -> String {
    try Shell.run("redis-cli", ["-p", "\(port)"] + arguments)
  }

  private static func file(in directory: TemporaryDirectory) -> URL { directory.url.appending(path: "redis.conf") }

  private static func start(
    _ kind: Kind, port: Int, directory: TemporaryDirectory, options: [String]
  ) throws -> ServerProcess {
    let own =
      switch kind {
      case .store:
        [
          "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
          "--maxmemory", "4gb",
        ]
      case .sentinel: ["--sentinel"]
      }
    return try ServerProcess(
      try Shell.find("redis-server"),
      [
        file(in: directory).path, "--port", "\(port)", "--bind", "127.0.0.1", "--dir", directory.url.path,
        "--daemonize", "no",
      ] + own + options,
      logFile: directory.url.appending(path: "redis-\(port).log"))
  }

  private static func answers(_ port: Int) -> Bool {
    (try? Shell.run("redis-cli", ["-p", "\(port)", "PING"])) == "PONG"
  }
}

extension ServerProcess {
  /// Whether this process is the Redis that listens on the port.
  fileprivate func isRedis(at port: Int) -> Bool {
    guard isRunning, let server = try? Shell.run("redis-cli", ["-p", "\(port)", "INFO", "server"]) else { return false }
    // A Redis that wants a password does not say which process it is.
    return server.hasPrefix("NOAUTH") || server.split(whereSeparator: \.isNewline).contains("process_id:\(pid)")
  }
}

/// TCP ports of the loopback that nobody listens on. No other test gets the same port, not even in another process:
/// each process claims its own slices of ports.
package enum FreePort {
  /// Below the ports that the system gives to clients: otherwise a connection could occupy the port of a server that is
  /// about to start again. Above the ports of the clusters of `Scripts/cluster.sh test`.
  private static let range = 20_000..<32_000
  private static let sliceSize = 100
  private static let own = NIOLockedValueBox<[Int]>([])

  package static func find() throws -> Int {
    try own.withLockedValue { own in
      for _ in 0..<range.count {
        if own.isEmpty { own = try takeSlice() }
        let port = own.removeLast()
        if isFree(port) { return port }
      }
      throw ServerProcess.StartFailed(description: "no free port")
    }
  }

  private static func takeSlice() throws -> [Int] {
    for first in stride(from: range.lowerBound, to: range.upperBound, by: sliceSize).shuffled() where claim(first) {
      return (first..<first + sliceSize).shuffled()
    }
    throw ServerProcess.StartFailed(description: "all ports are taken by other tests")
  }

  /// Claims a slice by a socket name that only one process can hold, until that process ends.
  private static func claim(_ first: Int) -> Bool {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // A name that begins with a zero byte is in the kernel's abstract namespace and leaves no file behind.
    let name = [0] + Array("holdfast-test-ports-\(first)".utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    let isOurs = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
    }
    if !isOurs { close(descriptor) }
    return isOurs
  }

  private static func isFree(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}

/// Runs programs until they end.
package enum Shell {
  package static func find(_ name: String) throws -> URL {
    for folder in ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin"] {
      let path = "\(folder)/\(name)"
      if FileManager.default.isExecutableFile(atPath: path) { return URL(fileURLWithPath: path) }
    }
    throw ServerProcess.StartFailed(description: "\(name) is not installed; Scripts/cluster.sh test installs it")
  }

  /// Its standard output and errors, without the last line feed.
  package static func run(_ name: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = try find(name)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let text = String(decoding: bytes, as: UTF8.self)
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }
}
