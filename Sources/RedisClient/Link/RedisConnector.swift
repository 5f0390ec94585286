import NIOCore
import NIOPosix
import NIOSSL

/// Receives what arrives on a connection to Redis, on the connection's event loop.
protocol ReplyReceiver: AnyObject {
  func received(_ reply: RedisReply)
  /// An error in its own form, for developers. ``closed(because:)`` follows.
  func caught(_ error: any Error)
  /// The connection is closed. `words` say why, in plain words.
  func closed(because words: String)
}

/// Makes connections to Redis servers. Belongs to its event loop.
final class RedisConnector {
  struct Failure: Error {
    let words: String
    let cause: any Error
  }

  let eventLoop: any EventLoop
  private let tls: RedisTLS?
  /// One lookup for each server, so that each is asked one question at a time.
  private var names: [ServerAddress: NameLookup] = [:]

  init(eventLoop: any EventLoop, tls: RedisTLS?) {
    (self.eventLoop, self.tls) = (eventLoop, tls)
  }

  func problem(of url: RedisURL) -> LinkProblem {
    LinkProblem(url: url, authorities: tls?.authorities ?? RedisTLS.systemAuthorities, files: tls?.names)
  }

  /// - Parameter receiver: called only after `completion` was called with success.
  func connect(
    to url: RedisURL, within limit: TimeAmount, receiver: any ReplyReceiver,
    completion: @escaping (Result<any Channel, Failure>) -> Void
  ) {
    let problem = problem(of: url)
    let names = names(of: url.address)
    let tls = url.usesTLS ? tls : nil
    let receiver = NIOLoopBound(receiver, eventLoop: eventLoop)
    let attempt = ClientBootstrap(group: eventLoop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .resolver(names)
      .connectTimeout(limit)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            // SNI takes names only.
            let name = (try? SocketAddress(ipAddress: url.host, port: 0)) == nil ? url.host : nil
            try channel.pipeline.syncOperations.addHandler(
              NIOSSLClientHandler(context: tls.context, serverHostname: name))
          }
          try channel.pipeline.syncOperations.addHandler(ReplyHandler(receiver: receiver.value, problem: problem))
        }
      }
      .connect(host: url.host, port: url.port)
    attempt.assumeIsolated().whenComplete { result in
      completion(
        result.mapError { Failure(words: problem.words(connecting: $0, lookup: names.state), cause: $0) })
    }
  }

  private func names(of server: ServerAddress) -> NameLookup {
    if let known = names[server] { return known }
    let lookup = NameLookup(eventLoop: eventLoop)
    names[server] = lookup
    return lookup
  }
}
