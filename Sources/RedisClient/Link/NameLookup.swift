import Dispatch
import Glibc
import NIOCore
import NIOPosix

/// Asks the system for the addresses of a host, one question at a time, and remembers the last result. A slow resolver
/// must not be reported as a silent server. An answer that comes too late for one attempt to connect serves the next
/// one. Belongs to its event loop.
final class NameLookup: Resolver, @unchecked Sendable {
  /// Why a name has no address.
  struct Failure: Error, Equatable {
    /// The code that `getaddrinfo` returned.
    let code: CInt

    /// Whether the resolver did not answer, as opposed to "no such name".
    var isSilence: Bool { code == EAI_AGAIN }
    var words: String { String(cString: gai_strerror(code)) }
  }

  enum State: Equatable {
    case answered
    /// The question has no answer yet. The previous question did not fail.
    case unanswered
    /// The question has no answer yet. The previous question failed like this.
    case failing(Failure)
  }

  typealias Ask = @Sendable (_ host: String, _ port: Int) -> Result<[SocketAddress], Failure>

  private let eventLoop: any EventLoop
  private let ask: Ask
  private let answerAge: TimeAmount

  private var answer: EventLoopFuture<[SocketAddress]>?
  private var known: (host: String, port: Int, addresses: [SocketAddress], until: NIODeadline)?
  private var lastFailure: Failure?

  var state: State { answer == nil ? .answered : lastFailure.map { .failing($0) } ?? .unanswered }

  /// - Parameters:
  ///   - answerAge: how long an answer is used. It must still be there for the next attempt after any back-off.
  ///   - ask: blocks, so it is called on a thread that may block.
  init(eventLoop: any EventLoop, answerAge: TimeAmount = .seconds(2), ask: @escaping Ask = NameLookup.system) {
    (self.eventLoop, self.answerAge, self.ask) = (eventLoop, answerAge, ask)
  }

  func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
    addresses(host, port).map { $0.filter { $0.protocol == .inet } }
  }

  func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
    addresses(host, port).map { $0.filter { $0.protocol == .inet6 } }
  }

  /// Cancels nothing: the next attempt to connect uses the answer.
  func cancelQueries() {}

  private func addresses(_ host: String, _ port: Int) -> EventLoopFuture<[SocketAddress]> {
    if let answer { return answer }
    if let known, known.host == host, known.port == port, eventLoop.now < known.until {
      return eventLoop.makeSucceededFuture(known.addresses)
    }
    let promise = eventLoop.makePromise(of: [SocketAddress].self)
    answer = promise.futureResult
    let (ask, eventLoop, answerAge) = (ask, eventLoop, answerAge)
    DispatchQueue.global().async { [self] in
      let result = ask(host, port)
      eventLoop.execute { [self] in
        answer = nil
        switch result {
        case .success(let addresses):
          lastFailure = nil
          known = (host, port, addresses, eventLoop.now + answerAge)
        case .failure(let failure): lastFailure = failure
        }
        promise.completeWith(result.mapError { $0 })
      }
    }
    return promise.futureResult
  }

  static let system: Ask = { host, port in
    var hints = addrinfo()
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    hints.ai_protocol = CInt(IPPROTO_TCP)
    var first: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &first)
    guard code == 0 else { return .failure(Failure(code: code)) }
    defer { freeaddrinfo(first) }
    var addresses: [SocketAddress] = []
    var next = first
    while let info = next?.pointee {
      switch info.ai_family {
      case AF_INET:
        info.ai_addr.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          addresses.append(SocketAddress($0.pointee, host: host))
        }
      case AF_INET6:
        info.ai_addr.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
          addresses.append(SocketAddress($0.pointee, host: host))
        }
      default: break
      }
      next = info.ai_next
    }
    return .success(addresses)
  }
}
