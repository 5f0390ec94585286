import Common
import NIOCore

/// Sends pictures of the cluster to all who look at the page. Each is rendered once, however many look; while nobody
/// does, nothing is done.
actor LivePictures {
  static let maxViewers = 128
  /// So many of one address, so that one client cannot take every seat.
  static let maxOfOneAddress = 16
  /// What is not urgent is shown so often.
  private static let pause = Duration.milliseconds(950)
  /// After such a silence a sign of life is sent.
  private static let heartbeat = Duration.seconds(2)
  /// A viewer that has taken nothing for so long, though there was something, does not read, and is dropped.
  static let longestUnread = Duration.seconds(10)

  private struct Viewer {
    let look: Look
    let address: AddressGroup
    let messages: AsyncStream<ByteBuffer>.Continuation
    /// Ends the connection, which alone ends a write that waits for a viewer who does not read.
    let drop: @Sendable () -> Void
    /// Since when something waits for it that newer messages have pushed out.
    var unreadSince: ContinuousClock.Instant?
  }

  /// What is shown at once when it changes.
  private struct Urgent: Equatable {
    let problems: [ClusterView.Problem]
    let leader: String?
    let epoch: Int64?
    let nodes: [[String]]

    init(_ view: ClusterView) {
      problems = view.problems
      leader = view.leader?.id
      epoch = view.leader?.epoch
      nodes = view.nodes.map { [$0.id, $0.bootId, $0.state.rawValue, $0.wanted, "\($0.ready)"] }
    }
  }

  private let watch: any ClusterWatching
  private let templates: PageTemplates
  private let assets: Assets
  private let now: @Sendable () -> ContinuousClock.Instant
  private var viewers: [Int: Viewer] = [:]
  private var viewersSoFar = 0
  private var work: Task<Void, Never>?
  private var shown: (view: ClusterView, urgent: Urgent, at: ContinuousClock.Instant)?

  /// - Parameter now: the clock by which viewers are dropped that do not read.
  init(
    watch: any ClusterWatching, templates: PageTemplates, assets: Assets,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.watch = watch
    self.templates = templates
    self.assets = assets
    self.now = now
  }

  var viewerCount: Int { viewers.count }

  /// Server-sent events for one more viewer: the picture now and whenever it changes, and signs of life.
  ///
  /// - Parameter drop: called when the viewer does not read.
  /// - Throws: a ``Problem`` if there are too many already, or too many of its address.
  func stream(
    _ look: Look, for address: AddressGroup, drop: @escaping @Sendable () -> Void
  ) throws(Problem) -> AsyncStream<ByteBuffer> {
    guard viewers.count < Self.maxViewers else {
      throw Problem(.overloaded, "\(Self.maxViewers) pages are open already.", retryAfter: 10)
    }
    guard viewers.values.count(where: { $0.address == address }) < Self.maxOfOneAddress else {
      throw Problem(
        .overloaded, "\(Self.maxOfOneAddress) pages are open at your address already.", retryAfter: 10)
    }
    // Pictures are whole: a viewer who is slow misses some, and is up to date again with the next.
    let (stream, messages) = AsyncStream.makeStream(of: ByteBuffer.self, bufferingPolicy: .bufferingNewest(1))
    let id = viewersSoFar
    viewersSoFar += 1
    messages.onTermination = { _ in Task { await self.leave(id) } }
    viewers[id] = Viewer(look: look, address: address, messages: messages, drop: drop)
    if let shown { messages.yield(event(shown.view, look)) }
    if work == nil { begin() }
    return stream
  }

  private func leave(_ id: Int) {
    viewers[id] = nil
    guard viewers.isEmpty else { return }
    work?.cancel()
    work = nil
    shown = nil
  }

  private func begin() {
    work = Task {
      async let beats: Void = beat()
      for await view in await watch.views() {
        if Task.isCancelled { break }
        consider(view)
      }
      _ = await beats
    }
  }

  private func consider(_ view: ClusterView) {
    let (urgent, now) = (Urgent(view), ContinuousClock.now)
    if let shown, shown.urgent == urgent, now - shown.at < Self.pause { return }
    shown = (view, urgent, now)
    var events: [Look: ByteBuffer] = [:]
    for (id, viewer) in viewers {
      let event = events[viewer.look] ?? self.event(view, viewer.look)
      events[viewer.look] = event
      send(event, to: id)
    }
  }

  private func beat() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.heartbeat)
      if let shown, ContinuousClock.now - shown.at < Self.heartbeat { continue }
      for id in viewers.keys { send(ByteBuffer(string: "event: heartbeat\ndata:\n\n"), to: id) }
    }
  }

  private func send(_ message: ByteBuffer, to id: Int) {
    guard var viewer = viewers[id] else { return }
    if case .dropped = viewer.messages.yield(message) {
      viewer.unreadSince = viewer.unreadSince ?? now()
    } else {
      viewer.unreadSince = nil
    }
    viewers[id] = viewer
    if let since = viewer.unreadSince, now() - since >= Self.longestUnread {
      viewers[id] = nil
      viewer.messages.finish()
      viewer.drop()
    }
  }

  private func event(_ view: ClusterView, _ look: Look) -> ByteBuffer {
    let picture = templates.render("picture", PicturePresenter(view, look: look, assets: assets).fields)
    var event = ByteBuffer(string: "retry: 1000\nevent: picture\n")
    // The format ends a line at each of these; the browser puts "\n" between them again.
    // By bytes: a large picture has a million characters, which are costly to tell apart.
    for line in picture.utf8.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
      event.writeStaticString("data: ")
      event.writeBytes(line)
      event.writeStaticString("\n")
    }
    event.writeStaticString("\n")
    return event
  }
}
