import NIOCore
import NIOHTTPTypes

/// Bounds what one connection gets in a turn of its event loop: further requests of a client that pipelines thousands are
/// read when all others have been seen to.
final class FairShare: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart

  private static let bytesPerTurn = 1024

  func handlerAdded(context: ChannelHandlerContext) {
    // Fails once the channel is closed, which is well.
    context.channel.setOption(.maxMessagesPerRead, value: 1).whenFailure { _ in }
    context.channel.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.bytesPerTurn))
      .whenFailure { _ in }
  }
}
