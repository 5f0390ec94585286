import NIOCore
import NIOSSL

/// Feeds hiredis with the bytes of the socket and passes whole replies on.
final class ReplyHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let receiver: any ReplyReceiver
  private let problem: LinkProblem
  private var reader = ReplyReader()
  private var hasHeard = false
  private var reason: String?

  init(receiver: any ReplyReceiver, problem: LinkProblem) {
    self.receiver = receiver
    self.problem = problem
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    if !hasHeard {
      hasHeard = true
      if let words = problem.words(begunWith: buffer) { return close(context, because: words) }
    }
    do {
      try buffer.withUnsafeReadableBytes { bytes throws(ReplyReader.ProtocolViolation) in try reader.feed(bytes) }
      while let reply = try reader.next() { receiver.received(reply) }
    } catch {
      close(context, because: problem.words(violated: error.reason))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    receiver.closed(because: reason ?? problem.wordsForClosing(hasHeard: hasHeard))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    receiver.caught(error)
    let certificate = try? context.channel.pipeline.syncOperations.nioSSL_peerCertificate()
    close(
      context, because: problem.words(for: error, hasHeard: hasHeard, certificate: certificate.map { .init($0) }))
  }

  private func close(_ context: ChannelHandlerContext, because words: String) {
    // Keep the first reason: later ones are its consequences.
    reason = reason ?? words
    context.channel.closeHard()
  }
}

extension Channel {
  /// Closes the connection below TLS. TLS would wait seconds for a silent peer to close its side.
  func closeHard() {
    if let tls = try? pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
      tls.close(promise: nil)
    } else {
      close(promise: nil)
    }
  }
}
