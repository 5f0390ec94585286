import CCurl
import Glibc
import NIOPosix
import Synchronization

/// HTTP requests, all at once, by libcurl's multi interface on a thread of its own: the only door to libcurl.
///
/// Connections are kept alive between requests. Redirects are not followed, proxies of the environment not used, and
/// only http and https are spoken: what is asked may be a URL that somebody else chose.
package final class CurlClient: Sendable {
  package typealias Completion = @Sendable (Result<IncomingAnswer, ExchangeFailure>) -> Void

  struct Job: Sendable {
    let request: OutgoingRequest
    let completion: Completion
  }

  /// Unchecked: others than the client's thread only wake it, which libcurl allows, and do so under the lock after
  /// which the thread frees it.
  private struct Multi: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
  }

  /// What the thread is told from outside.
  private struct Inbox {
    var jobs: [Job] = []
    /// Nil once the client is stopped.
    var multi: Multi?
  }

  private let inbox: Mutex<Inbox>
  private let thread = NIOThreadPool(numberOfThreads: 1)

  /// - Parameter allowed: the addresses that may be connected to; nil for any.
  package init(allowed: AddressPolicy? = nil) {
    guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK, let pointer = curl_multi_init() else {
      preconditionFailure("libcurl can't be initialized: there is no memory")
    }
    let multi = Multi(pointer: pointer)
    inbox = Mutex(Inbox(multi: multi))
    thread.start()
    // It runs until `stop`: the pool has this one thread for this one task.
    thread.submit { [self] _ in
      Self.holdBackBrokenPipes()
      let worker = CurlWorker(multi: multi.pointer, allowed: allowed)
      while let jobs = takeJobs() { worker.turn(with: jobs) }
      worker.end()
      for job in takeLateJobs() { job.completion(.failure(.broken(Self.stopped))) }
    }
  }

  /// Sends a request. `completion` is called exactly once, on the thread of the client: it must not block.
  package func send(_ request: OutgoingRequest, completion: @escaping Completion) {
    let isTaken = inbox.withLock { inbox in
      guard let multi = inbox.multi else { return false }
      // Whoever was first has woken the thread, and it takes all there are.
      if inbox.jobs.isEmpty { curl_multi_wakeup(multi.pointer) }
      inbox.jobs.append(Job(request: request, completion: completion))
      return true
    }
    if !isTaken { completion(.failure(.broken(Self.stopped))) }
  }

  package func send(_ request: OutgoingRequest) async -> Result<IncomingAnswer, ExchangeFailure> {
    await withCheckedContinuation { continuation in send(request) { continuation.resume(returning: $0) } }
  }

  /// Ends the thread; what is under way fails.
  package func stop() {
    inbox.withLock { inbox in
      guard let multi = inbox.multi else { return }
      inbox.multi = nil
      curl_multi_wakeup(multi.pointer)
    }
    thread.shutdownGracefully { _ in }
  }

  /// A connection that ends while OpenSSL writes to it must not end the process.
  private static func holdBackBrokenPipes() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  static let stopped = "the client is stopped"

  /// Those that came just before the stop.
  private func takeLateJobs() -> [Job] {
    inbox.withLock { inbox in
      defer { inbox.jobs = [] }
      return inbox.jobs
    }
  }

  /// Nil when it is time to end.
  private func takeJobs() -> [Job]? {
    inbox.withLock { inbox in
      guard inbox.multi != nil else { return nil }
      defer { inbox.jobs = [] }
      return inbox.jobs
    }
  }
}
