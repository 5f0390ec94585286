import CCurl
import Glibc

/// What the thread of a ``CurlClient`` does. Only that thread touches it.
final class CurlWorker {
  /// The longest sleep. Jobs and libcurl's own timers end it sooner.
  private static let maxNapMs: Int32 = 1000
  /// Handles kept for later transfers.
  private static let maxSpare = 64
  /// Connections kept open, in all.
  private static let maxConnections = 1024

  private let multi: UnsafeMutableRawPointer
  private let allowed: AddressPolicy?
  private var transfers: [UnsafeMutableRawPointer: CurlTransfer] = [:]
  /// Handles that wait for their next transfer. To make one is a good part of the cost of a small request.
  private var spare: [UnsafeMutableRawPointer] = []

  init(multi: UnsafeMutableRawPointer, allowed: AddressPolicy?) {
    self.multi = multi
    self.allowed = allowed
    holdfast_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.maxConnections)
  }

  /// Begins the jobs, moves bytes, tells what has ended, and sleeps until there is more to do.
  func turn(with jobs: [CurlClient.Job]) {
    for job in jobs { begin(job) }
    var running: Int32 = 0
    curl_multi_perform(multi, &running)
    tellEnded()
    curl_multi_poll(multi, nil, 0, Self.maxNapMs, nil)
  }

  func end() {
    for transfer in transfers.values {
      curl_multi_remove_handle(multi, transfer.easy)
      transfer.fail(.broken(CurlClient.stopped))
      curl_easy_cleanup(transfer.easy)
    }
    transfers = [:]
    for easy in spare { curl_easy_cleanup(easy) }
    spare = []
    curl_multi_cleanup(multi)
  }

  private func begin(_ job: CurlClient.Job) {
    guard let easy = spare.popLast() ?? curl_easy_init() else {
      return job.completion(.failure(.broken("libcurl has no memory")))
    }
    let transfer = CurlTransfer(job, on: easy, allowed: allowed)
    guard curl_multi_add_handle(multi, easy) == CURLM_OK else {
      transfer.fail(.broken("libcurl takes no further request"))
      return keep(easy)
    }
    assert(transfers[easy] == nil, "a handle has one transfer at a time")
    transfers[easy] = transfer
  }

  private func tellEnded() {
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      var code = CURLE_OK
      guard let easy = holdfast_curl_done(message, &code), let transfer = transfers.removeValue(forKey: easy) else {
        continue
      }
      curl_multi_remove_handle(multi, easy)
      transfer.end(code)
      keep(easy)
    }
  }

  /// Nothing of a transfer stays behind but the memory of its handle.
  private func keep(_ easy: UnsafeMutableRawPointer) {
    guard spare.count < Self.maxSpare else { return curl_easy_cleanup(easy) }
    curl_easy_reset(easy)
    spare.append(easy)
  }
}
