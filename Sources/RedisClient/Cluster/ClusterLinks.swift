import NIOCore

/// The links of one purpose to the masters of a Cluster: one to each that serves a slot in use. Belongs to its event loop.
///
/// A master that is lost holds up only what goes to its slots.
package final class ClusterLinks: LinkSet, SlotFollower {
  private struct Member {
    let link: SingleLink
    /// The link proves by a write to this slot that its server serves.
    let provenSlot: Int
  }

  /// A link that is not used any more has so long for the replies that are due.
  private static let leaveLimit = TimeAmount.seconds(3)
  private static let leaveInterval = TimeAmount.milliseconds(50)
  /// A shorter loss is not worth a word.
  private static let tellLossAfter = TimeAmount.seconds(1)

  private let map: ClusterMap
  private let make: (ServerAddress, Int) -> SingleLink
  private var members: [ServerAddress: Member] = [:]
  private var leaving: [SingleLink] = []
  /// Of links that are not used any more.
  private var formerReconnects = 0
  private var ways: [Int: SlotSender] = [:]
  private var startedAt: NIODeadline?
  package var whenUp: (() -> Void)? { willSet { precondition(whenUp == nil, "a second one would replace the first") } }

  /// - Parameter make: makes the link to a server, which proves by writes to this slot that it serves.
  package init(_ map: ClusterMap, make: @escaping (_ url: RedisURL, _ slot: Int) -> SingleLink) {
    self.map = map
    self.make = { make(map.url(of: $0), $1) }
  }

  package func sender(of slot: Int) -> any CommandSender {
    if let sender = ways[slot] { return sender }
    let sender = SlotSender(map)
    ways[slot] = sender
    slotsMoved()
    return sender
  }

  package var senders: [any CommandSender] {
    members.sorted { $0.key.description < $1.key.description }.map(\.value.link.link)
  }

  package func start() {
    precondition(startedAt == nil, "a second start would double the links")
    startedAt = map.eventLoop.now
    map.tell(self)
    slotsMoved()
  }

  package func stop() {
    startedAt = nil
    map.forget(self)
    for link in members.values.map(\.link) + leaving { link.stop() }
    (members, leaving) = ([:], [])
    for sender in ways.values { sender.use(nil, to: nil) }
  }

  // MARK: - The servers

  var lacksServer: Bool {
    let now = map.eventLoop.now
    return ways.keys.contains { map.slots.master(of: $0) == nil }
      || members.values.contains { !$0.link.status(at: now).isUp }
  }

  func slotsMoved() {
    guard startedAt != nil else { return }
    for (server, member) in members where map.slots.master(of: member.provenSlot) != server {
      members[server] = nil
      leave(member.link)
    }
    for (slot, sender) in ways.sorted(by: { $0.key < $1.key }) {
      guard let server = map.slots.master(of: slot) else {
        sender.use(nil, to: nil)
        continue
      }
      sender.use(link(to: server, provenBy: slot).link, to: server)
    }
  }

  private func link(to server: ServerAddress, provenBy slot: Int) -> SingleLink {
    if let member = members[server] { return member.link }
    let link = make(server, slot)
    link.whenUp = { [weak self, unowned link = link.link] in
      guard let self else { return }
      for sender in ways.values where sender.isServed(by: link) { sender.whenUp?() }
      whenUp?()
    }
    members[server] = Member(link: link, provenSlot: slot)
    link.start()
    return link
  }

  /// Stops the link when nothing is due on it any more.
  private func leave(_ link: SingleLink) {
    formerReconnects += link.link.reconnects + 1
    link.retire()
    leaving.append(link)
    endLeaving(link, before: map.eventLoop.now + Self.leaveLimit)
  }

  private func endLeaving(_ link: SingleLink, before limit: NIODeadline) {
    map.eventLoop.assumeIsolated().scheduleTask(in: Self.leaveInterval) { [self] in
      let now = map.eventLoop.now
      guard link.status(at: now).pending == 0 || now >= limit else { return endLeaving(link, before: limit) }
      guard let index = leaving.firstIndex(where: { $0 === link }) else { return }
      leaving.remove(at: index)
      link.stop()
    }
  }

  // MARK: - What is seen of them

  /// All links as one. It is up while any of them is: what the others lack is told as a warning.
  package func status(at now: NIODeadline) -> RedisLink.Status {
    let each = members.sorted { $0.key.description < $1.key.description }.map {
      (server: $0.key, status: $0.value.link.status(at: now))
    }
    var sum = RedisLink.Status(
      isUp: each.contains { $0.status.isUp }, pending: each.reduce(0) { $0 + $1.status.pending },
      reconnects: each.reduce(formerReconnects) { $0 + $1.status.reconnects })
    sum.server = each.isEmpty ? nil : each.compactMap(\.status.server).joined(separator: ",")
    let unknown = ways.keys.filter { map.slots.master(of: $0) == nil }
    let lost = each.filter { !$0.status.isUp }
    let slotsOfLost = lost.map { lost in ways.keys.count { map.slots.master(of: $0) == lost.server } }
    sum.unservedShards = unknown.count + slotsOfLost.reduce(0, +)
    for status in each.map(\.status) {
      for warning in status.warnings where !sum.warnings.contains(warning) { sum.warnings.append(warning) }
    }
    guard sum.isUp else {
      sum.downFor = lost.compactMap(\.status.downFor).min() ?? startedAt.map { now - $0 } ?? .zero
      sum.isRefused = !lost.isEmpty && lost.allSatisfy(\.status.isRefused)
      sum.lastProblem =
        lost.compactMap(\.status.lastProblem).first ?? map.problem
        ?? (map.slots.isEmpty
          ? "no server of the Cluster has answered yet" : "no server of the Cluster serves the store")
      return sum
    }
    if !unknown.isEmpty {
      sum.warnings.append(
        "no server of the Cluster serves \(unknown.count) of \(ways.count) slots of the store: what is kept there can't"
          + " be sold")
    }
    for (lost, count) in zip(lost, slotsOfLost) where lost.status.downFor ?? .zero > Self.tellLossAfter {
      let why = lost.status.lastProblem ?? "no reply from \(lost.server)"
      sum.warnings.append(
        "no link to Redis at \(lost.server), which serves \(count) of \(ways.count) slots of the store: \(why)")
    }
    return sum
  }
}
