import Common
import NIOCore

/// Sends pictures of the cluster to all who look at the page. Each picture is rendered once, however many look. While
/// nobody looks, nothing is done.
actor LivePictures {
  static let maxViewers = 128
  /// One client cannot take every place.
  static let maxViewersPerAddress = 16
  /// What is not urgent is shown no more often than this: a little less than the second in which views come.
  private static let minPause = Duration.milliseconds(950)
  /// After such a silence a sign of life is sent.
  private static let maxSilence = Duration.seconds(2)
  /// A viewer that leaves messages unread for so long does not read at all, and is dropped.
  static let maxUnread = Duration.seconds(10)

  private struct Viewer {
    let look: Look
    let address: AddressGroup
    let messages: AsyncStream<ByteBuffer>.Continuation
    /// Ends the connection. Nothing else ends a write that waits for a viewer who does not read.
    let drop: @Sendable () -> Void
    /// Since when newer messages have pushed out unread ones; nil if the last one was read in time.
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

  /// - Parameter now: the clock by which pictures are held back, signs of life are due and viewers are dropped.
  init(
    watch: any ClusterWatching, templates: PageTemplates, assets: Assets,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    precondition(
      Self.minPause < Self.maxSilence && Self.maxSilence < Self.maxUnread, "a silence must not pass for news")
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
    guard viewers.values.count(where: { $0.address == address }) < Self.maxViewersPerAddress else {
      throw Problem(
        .overloaded, "\(Self.maxViewersPerAddress) pages are open at your address already.", retryAfter: 10)
    }
    // Each picture is whole. A slow viewer misses some, and is up to date again with the next.
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
    let (urgent, now) = (Urgent(view), now())
    if let shown, shown.urgent == urgent, now - shown.at < Self.minPause { return }
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
      try? await Task.sleep(for: Self.maxSilence)
      if let shown, now() - shown.at < Self.maxSilence { continue }
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
    if let since = viewer.unreadSince, now() - since >= Self.maxUnread {
      viewers[id] = nil
      viewer.messages.finish()
      viewer.drop()
    }
  }

  private func event(_ view: ClusterView, _ look: Look) -> ByteBuffer {
    let picture = templates.render("picture", PicturePresenter(view, look: look, assets: assets).fields)
    var event = ByteBuffer(string: "retry: 1000\nevent: picture\n")
    // The format ends a line at each of these. The browser joins the lines by "\n" again.
    // It goes by bytes: a large picture has a million characters, which are costly to tell apart.
    for line in picture.utf8.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
      event.writeStaticString("data: ")
      event.writeBytes(line)
      event.writeStaticString("\n")
    }
    event.writeStaticString("\n")
    return event
  }
}
