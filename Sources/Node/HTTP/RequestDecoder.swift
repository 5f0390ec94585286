import NIOCore
import NIOHTTP1

/// NIO's HTTP parser. It also tells whether a head has begun that is not whole yet.
final class RequestDecoder: ByteToMessageDecoder {
  typealias InboundOut = HTTPServerRequestPart

  private let parser: HTTPRequestDecoder
  /// The parser keeps the bytes of a head until its end has come, and no other bytes.
  private(set) var holdsHead = false

  init(_ limits: NIOHTTPDecoderLimitConfiguration) {
    parser = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
  }

  func decoderAdded(context: ChannelHandlerContext) { parser.decoderAdded(context: context) }

  func decoderRemoved(context: ChannelHandlerContext) { parser.decoderRemoved(context: context) }

  func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
    let state = try parser.decode(context: context, buffer: &buffer)
    holdsHead = buffer.readableBytes > 0
    return state
  }

  func decodeLast(context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool) throws -> DecodingState {
    try parser.decodeLast(context: context, buffer: &buffer, seenEOF: seenEOF)
  }
}
