import Dispatch
import Glibc
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Lines on their way to a descriptor whose reader may be slow, or may have stopped reading altogether.
///
/// A thread of its own writes them, so that nobody who logs ever waits. What does not fit is dropped and counted, and
/// told in a line of its own as soon as something can be written again.
package final class LogQueue: Sendable {
  /// Lines wait up to so many bytes: a second of a node that logs each request, under full load.
  package static let bytesHeld = 1 << 20
  /// A pipe takes so much in one piece: lines of several processes do not mix.
  private static let pieceBytes = 4096

  private struct State {
    var waiting: [UInt8] = []
    /// Since the last line that told of them.
    var dropped = 0
    var droppedEver = 0
    /// The writer is at work, or has been woken.
    var isWriting = false
    /// Told once nothing waits any more.
    var onlookers: [DispatchSemaphore] = []
  }

  private let descriptor: Int32
  private let limit: Int
  /// The line that tells how many were dropped.
  private let dropNotice: Mutex<@Sendable (Int) -> ByteBuffer>
  private let state = Mutex(State())
  private let work = DispatchSemaphore(value: 0)
  private let thread = NIOThreadPool(numberOfThreads: 1)

  /// - Parameters:
  ///   - descriptor: stays open for as long as the process lives, as the queue and its thread do.
  ///   - limit: bytes that may wait.
  package init(descriptor: Int32, limit: Int = bytesHeld) {
    self.descriptor = descriptor
    self.limit = limit
    dropNotice = Mutex({ LogQueue.notice(of: $0, metadata: [:]) })
    // A reader that has gone is an error of the write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    thread.start()
    // It never ends: the pool has this one thread for this one task.
    thread.submit { [self] _ in
      while true {
        work.wait()
        writeAll()
      }
    }
  }

  /// Lines that have been dropped so far.
  package var droppedEver: Int { state.withLock { $0.droppedEver } }

  /// What is said of each record is to be said of the one about dropped lines too.
  package func setMetadata(_ metadata: Logger.Metadata) {
    dropNotice.withLock { $0 = { LogQueue.notice(of: $0, metadata: metadata) } }
  }

  /// Takes one whole line, its newline included, or counts it as dropped. Never waits for the reader.
  package func append(_ line: UnsafeRawBufferPointer) {
    let wakes = state.withLock { state in
      guard state.waiting.count + line.count <= limit else {
        state.dropped += 1
        state.droppedEver += 1
        return false
      }
      state.waiting.append(contentsOf: line)
      defer { state.isWriting = true }
      return !state.isWriting
    }
    if wakes { work.signal() }
  }

  /// Waits until everything has been written, but only so long.
  ///
  /// - Returns: whether everything has been.
  @discardableResult
  package func flush(within limit: DispatchTimeInterval) -> Bool {
    let done = DispatchSemaphore(value: 0)
    let isDone = state.withLock { state in
      if state.isWriting { state.onlookers.append(done) }
      return !state.isWriting
    }
    return isDone || done.wait(timeout: .now() + limit) == .success
  }

  // MARK: - The writer's thread

  private func writeAll() {
    while true {
      let (lines, dropped) = state.withLock { state in
        let taken = (state.waiting, state.dropped)
        (state.waiting, state.dropped) = ([], 0)
        if taken.0.isEmpty && taken.1 == 0 {
          state.isWriting = false
          for onlooker in state.onlookers { onlooker.signal() }
          state.onlookers = []
        }
        return taken
      }
      if lines.isEmpty && dropped == 0 { return }
      lines.withUnsafeBytes(writeInPieces)
      if dropped > 0 { dropNotice.withLock { $0 }(dropped).withUnsafeReadableBytes(write) }
    }
  }

  /// As many whole lines at a time as go in one piece, and a longer line by itself.
  private func writeInPieces(_ lines: UnsafeRawBufferPointer) {
    var rest = lines[...]
    while !rest.isEmpty {
      let newline = UInt8(ascii: "\n")
      let lastFitting = rest.prefix(Self.pieceBytes).lastIndex(of: newline)
      let end = lastFitting ?? rest.firstIndex(of: newline) ?? rest.endIndex - 1
      write(UnsafeRawBufferPointer(rebasing: rest[...end]))
      rest = rest[(end + 1)...]
    }
  }

  /// What cannot be written at all is dropped: there is nowhere left to say so.
  private func write(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while !rest.isEmpty {
      let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if written < 0 && errno == EINTR { continue }
      if written < 0 && errno == EAGAIN {
        // Whoever shares the descriptor has made it non-blocking.
        var readiness = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&readiness, 1, -1)
        continue
      }
      guard written > 0 else { return }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  private static func notice(of dropped: Int, metadata: Logger.Metadata) -> ByteBuffer {
    LogLine.encode(
      epochMilliseconds: WallClock.epochMilliseconds(), level: .warning, label: "log",
      message: "log lines were dropped",
      metadata: metadata.merging([
        "dropped": .stringConvertible(dropped), "reason": "the reader of standard error does not keep up",
      ]) { $1 })
  }
}
