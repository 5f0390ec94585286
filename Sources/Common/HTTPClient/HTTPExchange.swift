/// A request that a process of ours makes, with its bounds.
package struct OutgoingRequest: Sendable {
  package var method: String
  package var url: String
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]?
  /// Until the connection is made.
  package var connectTimeout: Duration
  /// Until the whole answer is there.
  package var timeout: Duration
  package var maxBodyBytes = 64 << 10

  package init(
    method: String = "GET", url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
    connectTimeout: Duration, timeout: Duration
  ) {
    precondition(connectTimeout > .zero && timeout > .zero, "a request must have time")
    (self.method, self.url, self.headers, self.body) = (method, url, headers, body)
    (self.connectTimeout, self.timeout) = (connectTimeout, timeout)
  }
}

/// An answer that came in time and within its bounds, of whatever status.
package struct IncomingAnswer: Sendable {
  package var status: Int
  package var body: [UInt8]
  /// From the sending of the request to the end of the answer, connecting included.
  package var took: Duration
}

/// Why there is no answer.
package enum ExchangeFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The URL can't be asked, or its host has no address.
  case unusable(String)
  /// The address that the name led to is not among those allowed.
  case forbiddenAddress(String)
  case noConnection(String)
  /// No answer in time, though a connection may have been made.
  case timedOut
  case tooLarge
  /// Anything else, in libcurl's words.
  case broken(String)

  package var description: String {
    switch self {
    case .unusable(let words), .forbiddenAddress(let words), .noConnection(let words), .broken(let words): words
    case .timedOut: "no answer in time"
    case .tooLarge: "the answer is too large"
    }
  }
}
