import CCurl
import Glibc
import NIOConcurrencyHelpers
import NIOPosix

/// The only door to libcurl. It makes many HTTP requests at once, by the multi interface, on a thread of its own.
///
/// Connections are kept between requests. Somebody else may have chosen the URL, so redirects are not followed, proxies
/// of the environment are not used, and only http and https are spoken.
package final class CurlClient: Sendable {
  package typealias Completion = @Sendable (Result<IncomingAnswer, ExchangeFailure>) -> Void

  struct Job: Sendable {
    let request: OutgoingRequest
    let completion: Completion
  }

  /// Unchecked: other threads only wake it, which libcurl allows. They do so under the lock of the inbox. The client's
  /// thread frees it only after it was taken out of the inbox.
  private struct Multi: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
  }

  /// What others tell the thread.
  private struct Inbox {
    var jobs: [Job] = []
    /// Nil once the client is stopped.
    var multi: Multi?
  }

  private let inbox: NIOLockedValueBox<Inbox>
  private let thread = NIOThreadPool(numberOfThreads: 1)

  /// - Parameter allowed: the addresses that may be connected to; nil for any.
  package init(allowed: AddressPolicy? = nil) {
    guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK, let pointer = curl_multi_init() else {
      preconditionFailure("libcurl can't be initialized: there is no memory")
    }
    let multi = Multi(pointer: pointer)
    inbox = NIOLockedValueBox(Inbox(multi: multi))
    thread.start()
    // The task runs until `stop`. The pool has this one thread for it.
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
    let isTaken = inbox.withLockedValue { inbox in
      guard let multi = inbox.multi else { return false }
      // Whoever came first has woken the thread, and the thread takes all jobs.
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
    inbox.withLockedValue { inbox in
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

  /// The jobs that came just before the stop.
  private func takeLateJobs() -> [Job] {
    inbox.withLockedValue { inbox in
      defer { inbox.jobs = [] }
      return inbox.jobs
    }
  }

  /// Nil when it is time to end.
  private func takeJobs() -> [Job]? {
    inbox.withLockedValue { inbox in
      guard inbox.multi != nil else { return nil }
      defer { inbox.jobs = [] }
      return inbox.jobs
    }
  }
}
