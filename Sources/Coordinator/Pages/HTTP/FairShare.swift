import NIOCore
import NIOHTTPTypes

/// Bounds what one connection gets in a turn of its event loop. A client that pipelines thousands of requests has the
/// next piece of them read when all others have had their turn.
///
/// It takes two bounds, as a flood from 40 connections shows. Without this one, a new connection may wait until the
/// flood is over. Without the yield of ``SiteResponder``, its request waits more than ten times as long as with both.
final class FairShare: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart

  private static let bytesPerTurn = 1024

  func handlerAdded(context: ChannelHandlerContext) {
    // It fails only if the channel is closed, and then nothing is left to bound.
    context.channel.setOption(.maxMessagesPerRead, value: 1).whenFailure { _ in }
    context.channel.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.bytesPerTurn))
      .whenFailure { _ in }
  }
}
