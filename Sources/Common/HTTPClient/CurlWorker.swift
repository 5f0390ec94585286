import CCurl
import Glibc

/// What the thread of a ``CurlClient`` does. Touched by that thread alone.
final class CurlWorker {
  /// Most time asleep; jobs and libcurl's own timers end it sooner.
  private static let nap: Int32 = 1000
  /// Connections kept open, in all.
  private static let mostConnections = 1024

  private let multi: UnsafeMutableRawPointer
  private let allowed: AddressPolicy?
  private var transfers: [UnsafeMutableRawPointer: CurlTransfer] = [:]

  init(multi: UnsafeMutableRawPointer, allowed: AddressPolicy?) {
    self.multi = multi
    self.allowed = allowed
    holdfast_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.mostConnections)
  }

  /// Begins the jobs, moves bytes, tells what has ended, and sleeps until there is more to do.
  func turn(with jobs: [CurlClient.Job]) {
    for job in jobs { begin(job) }
    var running: Int32 = 0
    curl_multi_perform(multi, &running)
    tellEnded()
    curl_multi_poll(multi, nil, 0, Self.nap, nil)
  }

  func end() {
    for transfer in transfers.values {
      curl_multi_remove_handle(multi, transfer.easy)
      transfer.fail(.broken(CurlClient.stopped))
    }
    transfers = [:]
    curl_multi_cleanup(multi)
  }

  private func begin(_ job: CurlClient.Job) {
    guard let transfer = CurlTransfer(job, allowed: allowed) else {
      return job.completion(.failure(.broken("libcurl has no memory")))
    }
    guard curl_multi_add_handle(multi, transfer.easy) == CURLM_OK else {
      return transfer.fail(.broken("libcurl takes no further request"))
    }
    transfers[transfer.easy] = transfer
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
    }
  }
}
