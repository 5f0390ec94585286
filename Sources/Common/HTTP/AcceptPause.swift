import Glibc
import Logging
import Metrics
import NIOCore

/// Belongs on a listening channel. When the process is out of file descriptors, no connection is accepted for a moment.
///
/// Otherwise the loop would try again at once, and take a whole core for as long as the shortage lasts. Clients wait in
/// the kernel's queue meanwhile.
package final class AcceptPause: ChannelInboundHandler {
  package typealias InboundIn = any Channel

  package static let metric = "holdfast_accept_pauses_total"
  package static let help = [metric: "Failures to accept a connection, for want of file descriptors; a pause follows."]
  package static let pause = TimeAmount.milliseconds(200)
  /// The shortage is over after so long without a failure.
  private static let relief = TimeAmount.seconds(5)

  private let logger: Logger
  private let failures = Counter(label: metric)
  private var isPaused = false
  private var began: NIODeadline?
  private var lastFailure = NIODeadline.uptimeNanoseconds(0)

  package init(logger: Logger) {
    precondition(Self.pause < Self.relief, "a pause alone must not pass for the end of the shortage")
    self.logger = logger
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let failure = error as? IOError, Self.isShortage(failure.errnoCode) else {
      return context.fireErrorCaught(error)
    }
    failures.increment()
    guard !isPaused else {
      // Another handler asked for a read meanwhile.
      context.channel.setOption(.autoRead, value: true).whenFailure { _ in }
      context.channel.setOption(.autoRead, value: false).whenFailure { _ in }
      return
    }
    isPaused = true
    lastFailure = context.eventLoop.now
    if began == nil {
      began = lastFailure
      let reason = String(cString: strerror(failure.errnoCode))
      logger.error("no connections can be accepted at present", metadata: ["reason": "\(reason)"])
    }
    // Withholding reads would not do: one is pending.
    context.channel.setOption(.autoRead, value: false).whenFailure { _ in }
    context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.resume(context.channel) }
  }

  private func resume(_ channel: any Channel) {
    isPaused = false
    // Fails once the channel is closed, which is well.
    channel.setOption(.autoRead, value: true).whenFailure { _ in }
    channel.eventLoop.assumeIsolated().scheduleTask(in: Self.relief) { self.tellOfRelief(at: channel.eventLoop.now) }
  }

  private func tellOfRelief(at now: NIODeadline) {
    guard let began, now - lastFailure >= Self.relief else { return }
    self.began = nil
    logger.notice(
      "connections are accepted again", metadata: ["seconds": .seconds(Duration(lastFailure - began))])
  }

  private static func isShortage(_ code: CInt) -> Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) }
}
