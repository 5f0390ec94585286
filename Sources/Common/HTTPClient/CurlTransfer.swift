import CCurl
import Glibc

/// One request on its way through libcurl. It belongs to the thread of its client.
final class CurlTransfer {
  let easy: UnsafeMutableRawPointer
  private let job: CurlClient.Job
  private let allowed: AddressPolicy?
  private var body: [UInt8] = []
  private var headerBytes = 0
  private var fields: UnsafeMutablePointer<curl_slist>?
  private var isTooLarge = false
  /// A name may lead to several addresses.
  private var (mayConnect, mustNotConnect) = (false, false)

  private static let maxHeaderBytes = 16 << 10

  /// - Parameter easy: a handle without options, which must outlive the transfer.
  init(_ job: CurlClient.Job, on easy: UnsafeMutableRawPointer, allowed: AddressPolicy?) {
    self.easy = easy
    self.job = job
    self.allowed = allowed
    configure(job.request)
  }

  deinit { curl_slist_free_all(fields) }

  func fail(_ failure: ExchangeFailure) {
    job.completion(.failure(failure))
  }

  func end(_ code: CURLcode) {
    job.completion(result(code))
  }

  // MARK: - Asking

  private func configure(_ request: OutgoingRequest) {
    text(CURLOPT_URL, request.url)
    text(CURLOPT_CUSTOMREQUEST, request.method)
    holdfast_curl_speak_http_only(easy)
    holdfast_curl_leave_resolver_behind(easy)
    // No proxy of the environment: what is asked must be asked from here.
    text(CURLOPT_PROXY, "")
    long(CURLOPT_NOSIGNAL, 1)
    long(CURLOPT_FOLLOWLOCATION, 0)
    long(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    long(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.wholeMilliseconds)
    long(CURLOPT_TIMEOUT_MS, request.timeout.wholeMilliseconds)
    for field in request.headers { fields = curl_slist_append(fields, "\(field.name): \(field.value)") }
    // Otherwise a body of more than a megabyte would wait for "100 Continue".
    fields = curl_slist_append(fields, "Expect:")
    holdfast_curl_set_pointer(easy, CURLOPT_HTTPHEADER, fields)
    if let body = request.body {
      long(CURLOPT_POSTFIELDSIZE, body.count)
      // libcurl copies it.
      body.withUnsafeBytes { bytes in
        let start = bytes.baseAddress ?? UnsafeRawPointer(easy)
        _ = holdfast_curl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: start))
      }
    }
    // Unretained: the worker keeps the transfer until libcurl is done with it.
    let context = Unmanaged.passUnretained(self).toOpaque()
    holdfast_curl_set_write(easy, CURLOPT_WRITEFUNCTION, takeBody)
    holdfast_curl_set_pointer(easy, CURLOPT_WRITEDATA, context)
    holdfast_curl_set_write(easy, CURLOPT_HEADERFUNCTION, takeHeader)
    holdfast_curl_set_pointer(easy, CURLOPT_HEADERDATA, context)
    holdfast_curl_set_opensocket(easy, openSocket)
    holdfast_curl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, context)
  }

  private func text(_ option: CURLoption, _ value: String) { holdfast_curl_set_text(easy, option, value) }

  private func long(_ option: CURLoption, _ value: Int) { holdfast_curl_set_long(easy, option, value) }

  // MARK: - The answer

  /// Bytes of the body; false when there are too many.
  fileprivate func take(body bytes: UnsafeRawBufferPointer) -> Bool {
    guard body.count + bytes.count <= job.request.maxBodyBytes else {
      isTooLarge = true
      return false
    }
    body.append(contentsOf: bytes)
    return true
  }

  fileprivate func take(headerBytes count: Int) -> Bool {
    headerBytes += count
    isTooLarge = headerBytes > Self.maxHeaderBytes
    return !isTooLarge
  }

  fileprivate func mayConnect(to address: UnsafePointer<sockaddr>) -> Bool {
    let isAllowed = allowed?.allows(address) ?? true
    if isAllowed { mayConnect = true } else { mustNotConnect = true }
    return isAllowed
  }

  private func result(_ code: CURLcode) -> Result<IncomingAnswer, ExchangeFailure> {
    guard code == CURLE_OK else { return .failure(failure(code)) }
    var (status, took) = (0, curl_off_t(0))
    holdfast_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
    holdfast_curl_get_offset(easy, CURLINFO_TOTAL_TIME_T, &took)
    return .success(IncomingAnswer(status: status, body: body, took: .microseconds(took)))
  }

  private func failure(_ code: CURLcode) -> ExchangeFailure {
    if mustNotConnect && !mayConnect {
      return .forbiddenAddress("the address is not among those that may be asked")
    }
    if isTooLarge { return .tooLarge }
    switch code {
    case CURLE_UNSUPPORTED_PROTOCOL where hasConnected: return .broken("what answers does not speak HTTP")
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_COULDNT_RESOLVE_HOST: return .unusable(words(code))
    case CURLE_COULDNT_CONNECT: return .noConnection(systemError ?? words(code))
    case CURLE_OPERATION_TIMEDOUT:
      let timeout = min(job.request.connectTimeout, job.request.timeout).wholeMilliseconds
      return hasConnected ? .timedOut : .noConnection("no connection within \(timeout) ms")
    default: return .broken(words(code))
    }
  }

  private func words(_ code: CURLcode) -> String { String(cString: curl_easy_strerror(code)).asClause }

  /// The system's own words, such as "connection refused".
  private var systemError: String? {
    var code = 0
    holdfast_curl_get_long(easy, CURLINFO_OS_ERRNO, &code)
    return code == 0 ? nil : String(cString: strerror(Int32(code))).asClause
  }

  /// Whether there is a connection, new or kept from before.
  private var hasConnected: Bool {
    var untilReady = curl_off_t(0)
    holdfast_curl_get_offset(easy, CURLINFO_PRETRANSFER_TIME_T, &untilReady)
    return untilReady > 0
  }
}

extension Duration {
  /// At least one, since zero means no limit to libcurl.
  fileprivate var wholeMilliseconds: Int { max(1, Int(self / .milliseconds(1))) }
}

extension String {
  /// With a small first letter, as within a sentence.
  fileprivate var asClause: String { prefix(1).lowercased() + dropFirst() }
}

private func transfer(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
  context.map { Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
}

/// A callback that returns another count than that of the bytes makes libcurl give up the transfer.
private let giveUp = 0

private let takeBody: curl_write_callback = { bytes, size, count, context in
  let isTaken = transfer(context)?.take(body: UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? false
  return isTaken ? size * count : giveUp
}

private let takeHeader: curl_write_callback = { _, size, count, context in
  transfer(context)?.take(headerBytes: size * count) ?? false ? size * count : giveUp
}

private let openSocket: curl_opensocket_callback = { context, _, address in
  guard let address, let transfer = transfer(context),
    withUnsafePointer(to: &address.pointee.addr, { transfer.mayConnect(to: $0) })
  else { return -1 }
  return socket(
    address.pointee.family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
}
