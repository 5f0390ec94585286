import Dispatch
import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Lines on their way to a descriptor whose reader may be slow, or may have stopped reading.
///
/// A thread of its own writes them, so that whoever logs never waits. What does not fit is dropped and counted. A line
/// tells of that as soon as something can be written again.
package final class LogQueue: Sendable {
  /// Enough for a second of a node that logs each request, under full load.
  package static let defaultMaxBytes = 1 << 20
  /// A pipe takes so much in one piece, so that lines of several processes do not mix.
  private static let maxPieceBytes = 4096

  private struct State {
    var waiting: [UInt8] = []
    /// Dropped since the last line that told of it.
    var dropped = 0
    var droppedEver = 0
    /// The writer is at work, or has been woken.
    var isWriting = false
    /// Signalled once nothing waits any more.
    var onlookers: [DispatchSemaphore] = []
  }

  private let descriptor: Int32
  private let maxBytes: Int
  private let now: @Sendable () -> Int64
  /// The line that tells how many were dropped.
  private let dropNotice: NIOLockedValueBox<@Sendable (Int) -> ByteBuffer>
  private let state = NIOLockedValueBox(State())
  private let work = DispatchSemaphore(value: 0)
  private let thread = NIOThreadPool(numberOfThreads: 1)

  /// - Parameters:
  ///   - descriptor: stays open for as long as the process lives, as the queue and its thread do.
  ///   - maxBytes: how many bytes may wait.
  ///   - now: the time of the queue's own lines, in milliseconds since 1970.
  package init(
    descriptor: Int32, maxBytes: Int = defaultMaxBytes,
    now: @escaping @Sendable () -> Int64 = WallClock.epochMilliseconds
  ) {
    precondition(maxBytes > 0)
    self.descriptor = descriptor
    self.maxBytes = maxBytes
    self.now = now
    dropNotice = NIOLockedValueBox({ LogQueue.notice(of: $0, at: now(), metadata: [:]) })
    // A reader that has gone is an error of the write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    thread.start()
    // The task never ends. The pool has this one thread for it.
    thread.submit { [self] _ in
      while true {
        work.wait()
        writeAll()
      }
    }
  }

  /// Lines that have been dropped so far.
  package var droppedEver: Int { state.withLockedValue { $0.droppedEver } }

  /// The line about dropped lines is to have this metadata, as all others have.
  package func setMetadata(_ metadata: Logger.Metadata) {
    let now = now
    dropNotice.withLockedValue { $0 = { LogQueue.notice(of: $0, at: now(), metadata: metadata) } }
  }

  /// Takes one whole line, its newline included, or counts it as dropped. Never waits for the reader.
  package func append(_ line: UnsafeRawBufferPointer) {
    assert(line.last == UInt8(ascii: "\n"), "the writer parts what waits by lines")
    let wakes = state.withLockedValue { state in
      guard state.waiting.count + line.count <= maxBytes else {
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
    let isDone = state.withLockedValue { state in
      if state.isWriting { state.onlookers.append(done) }
      return !state.isWriting
    }
    return isDone || done.wait(timeout: .now() + limit) == .success
  }

  // MARK: - The writer's thread

  private func writeAll() {
    while true {
      let (lines, dropped) = state.withLockedValue { state in
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
      if dropped > 0 { dropNotice.withLockedValue { $0 }(dropped).withUnsafeReadableBytes(write) }
    }
  }

  /// Writes as many whole lines at a time as fit into one piece. A longer line goes by itself.
  private func writeInPieces(_ lines: UnsafeRawBufferPointer) {
    var rest = lines[...]
    while !rest.isEmpty {
      let newline = UInt8(ascii: "\n")
      let lastFitting = rest.prefix(Self.maxPieceBytes).lastIndex(of: newline)
      let end = lastFitting ?? rest.firstIndex(of: newline) ?? rest.endIndex - 1
      write(UnsafeRawBufferPointer(rebasing: rest[...end]))
      rest = rest[(end + 1)...]
    }
  }

  /// What can't be written at all is dropped. There is nowhere left to say so.
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

  private static func notice(of dropped: Int, at now: Int64, metadata: Logger.Metadata) -> ByteBuffer {
    LogLine.encode(
      epochMilliseconds: now, level: .warning, label: "log",
      message: "log lines were dropped",
      metadata: metadata.merging([
        "dropped": .stringConvertible(dropped), "reason": "the reader of standard error does not keep up",
      ]) { $1 })
  }
}
