import NIOCore

/// The links of one purpose to all servers of a store that take writes: one server, or the masters of a Cluster.
/// Belongs to its event loop.
package protocol LinkSet: AnyObject {
  /// The way to the server that serves a hash slot, whichever that is at the time. Without a Cluster there is one server,
  /// and the slot does not matter.
  func sender(of slot: Int) -> any CommandSender
  /// The way to each server that is in use at the time.
  var senders: [any CommandSender] { get }
  func status(at now: NIODeadline) -> RedisLink.Status
  /// Called each time one of the links has come up. It is set once.
  var whenUp: (() -> Void)? { get set }
  func start()
  func stop()
}

extension RedisLink: LinkSet {
  package func sender(of slot: Int) -> any CommandSender { self }
  package var senders: [any CommandSender] { [self] }
}

/// A link to one server, or to the master of a group, and its probe.
package final class SingleLink: LinkSet {
  let link: RedisLink
  private let probe: LinkProbe

  package init(_ link: RedisLink, probe: LinkProbe) {
    (self.link, self.probe) = (link, probe)
  }

  package var whenUp: (() -> Void)? {
    get { link.whenUp }
    set { link.whenUp = newValue }
  }

  package func sender(of slot: Int) -> any CommandSender { link }

  package var senders: [any CommandSender] { [link] }

  package func status(at now: NIODeadline) -> RedisLink.Status { link.status(at: now) }

  package func start() {
    link.start()
    probe.start()
  }

  package func stop() {
    probe.stop()
    link.stop()
  }

  /// Sends nothing more of its own accord. What was sent is still answered.
  func retire() { probe.stop() }
}
