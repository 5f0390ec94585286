import Common
import Logging
import ServiceLifecycle

/// Watches the cluster: takes in what nodes announce, asks them how they are, and shows what is known.
///
/// It decides nothing itself. ``Registry`` and the machines in it decide; here they meet the clock, the network
/// (``Prober``), the file (``RegistryKeeper``) and those who look on (``ViewBroadcast``).
actor ClusterWatch: ClusterWatching, Service {
  typealias Instant = ContinuousClock.Instant

  /// The longest sleep between two rounds. The shorter it is, the sooner the coordinator notices that it was stopped.
  private static let maxNap = Duration.milliseconds(100)
  private static let samplingInterval = Duration.seconds(1)
  private static let savingInterval = Duration.seconds(1)
  /// While nothing changes, one view serves all who ask for it within this.
  private static let maxViewAge = Duration.milliseconds(100)

  private let now: @Sendable () -> Moment
  private let prober: Prober
  private let keeper: RegistryKeeper?
  private let logger: Logger
  private var metrics: CoordinatorMetrics
  private var registry: Registry
  private var punctuality: Punctuality
  private var fileProblem: String?
  private var nextSample: Instant

  /// Callers that wait for the end of a probe, by its number.
  private var waiting: [Int: [CheckedContinuation<Void, Never>]] = [:]
  private var isStopped = false
  private let endings: AsyncStream<Prober.Ending>
  private let ended: AsyncStream<Prober.Ending>.Continuation

  private(set) var broadcast: ViewBroadcast
  /// The last view, and when it was made; nil as soon as something has changed.
  private var current: (view: ClusterView, at: Instant)?
  private var lastRefusal: AnnouncementRefusal?

  /// - Parameters:
  ///   - allowed: the networks that nodes may be in.
  ///   - path: the file that keeps the registry; nil if nothing keeps it.
  ///   - now: both clocks.
  init(
    allowed: AddressPolicy, maxNodes: Int, path: String?, timing: FailureDetectorTiming = FailureDetectorTiming(),
    metrics: CoordinatorMetrics = CoordinatorMetrics(), logger: Logger,
    now: @escaping @Sendable () -> Moment = { .now }
  ) {
    // A broadcast must not show the view before again.
    precondition(Self.maxViewAge < ViewBroadcast.minPause, "a view must be made anew for each broadcast")
    let start = now()
    self.now = now
    prober = Prober(client: CurlClient(allowed: allowed), timing: timing, now: { now().instant })
    let file = path.map { RegistryFile(path: $0, now: { now().epochMilliseconds }) }
    (self.logger, self.metrics) = (logger, metrics)
    registry = Registry(maxNodes: maxNodes, timing: timing, contents: file.flatMap { $0.known(logger) }, at: start)
    punctuality = Punctuality(due: start.instant)
    keeper = file.map { [revision = registry.revision] in RegistryKeeper($0, revision: revision, logger: logger) }
    broadcast = ViewBroadcast(at: start.instant)
    nextSample = start.instant
    (endings, ended) = AsyncStream.makeStream()
  }

  /// Watches until the process is told to stop.
  func run() async throws {
    // The watch may have been made long before.
    punctuality.end(nextDue: now().instant)
    await cancelWhenGracefulShutdown { [self] in
      await withDiscardingTaskGroup { group in
        group.addTask { await self.keepAsking() }
        group.addTask { await self.takeEndings() }
        group.addTask { await self.keepSaving() }
      }
    }
    await stop()
  }

  private func stop() async {
    isStopped = true
    prober.client.stop()
    ended.finish()
    for continuation in waiting.values.joined() { continuation.resume() }
    waiting = [:]
    broadcast.end()
    registry.keepMarks()
    await saveIfChanged()
  }

  // MARK: - Asking

  private func keepAsking() async {
    while !Task.isCancelled {
      let next = round()
      try? await Task.sleep(for: next - now().instant, tolerance: .milliseconds(1))
    }
  }

  /// Does what is due.
  /// - Returns: when the next round is due.
  private func round() -> Instant {
    let now = now()
    let isLate = punctuality.begin(at: now.instant)
    if isLate {
      metrics.wokenLate()
      logger.debug("woken late", metadata: ["inARow": .number(punctuality.lateRounds)])
    }
    for probe in registry.startProbes(due: now.instant + prober.timing.batchWindow, at: now.instant) { send(probe) }
    if nextSample <= now.instant {
      nextSample = now.instant + Self.samplingInterval
      registry.sample(at: now, isLate: isLate)
      metrics.update(registry, registry.inspect(condition(at: now), at: now).problems)
      noteNews()
    }
    showToOnlookers(at: now)
    let next = min(
      registry.wakeUp ?? nextSample, nextSample, broadcast.nextShowing ?? nextSample, now.instant + Self.maxNap)
    punctuality.end(nextDue: next)
    return next
  }

  private func send(_ probe: Probe) {
    prober.send(probe) { [ended] in ended.yield($0) }
  }

  /// Reads the answers off the actor.
  private nonisolated func takeEndings() async {
    for await ending in endings { await take(prober.read(ending), of: ending) }
  }

  private func take(_ result: Result<HealthReport, ProbeFailure>, of ending: Prober.Ending) {
    let now = now()
    let probe = ending.probe
    let isHeld = punctuality.holds(
      began: probe.began, timeout: prober.timing.timeout, told: ending.told, at: now.instant)
    var took = ending.told - probe.began
    switch (result, ending.result) {
    case (.success, .success(let answer)):
      took = answer.took
      metrics.answered(took)
    case (.failure(let failure), _): metrics.failed(failure)
    case (.success, .failure): break
    }
    registry.ended(probe, with: result, took: took, isHeld: isHeld, at: now)
    noteNews()
    for continuation in waiting.removeValue(forKey: probe.number) ?? [] { continuation.resume() }
  }

  /// Asks a node at once. Returns when the probe has ended.
  private func ask(_ id: String) async {
    guard !isStopped, let probe = registry.startProbe(of: id, at: now().instant) else { return }
    await withCheckedContinuation { continuation in
      waiting[probe.number, default: []].append(continuation)
      send(probe)
    }
  }

  // MARK: - ClusterWatching

  func announce(_ announcement: Announcement) async throws(AnnouncementRefusal) -> AnnouncementAnswer {
    do throws(AnnouncementRefusal) {
      var reception = try registry.announce(announcement, at: now())
      if reception == .unproven {
        await ask(announcement.id)
        reception = try registry.announce(announcement, at: now())
      }
      noteNews()
      guard case .taken(let wanted, let isWorthAsking) = reception else {
        throw .idTaken("another process may serve as \(announcement.id)")
      }
      metrics.announced()
      if isWorthAsking, let probe = registry.startProbe(of: announcement.id, at: now().instant) { send(probe) }
      return AnnouncementAnswer(wanted: wanted, store: registry.store)
    } catch {
      noteNews()
      metrics.refused(error)
      // Logged once: who is refused comes again every two seconds.
      if error != lastRefusal {
        logger.info(
          "announcement refused", metadata: ["id": "\(announcement.id.clipped(to: 64))", "reason": "\(error)"])
      }
      lastRefusal = error
      throw error
    }
  }

  func leave(id: String, bootId: String) async throws(AnnouncementRefusal) {
    defer { noteNews() }
    do throws(AnnouncementRefusal) {
      try registry.leave(id: id, bootID: bootId, at: now())
    } catch {
      metrics.refused(error)
      throw error
    }
  }

  func want(_ wanted: Wanted, of id: String, by operatorName: String) async -> Bool {
    defer { noteNews() }
    return registry.want(wanted, of: id, by: operatorName, at: now())
  }

  func acknowledgeLoss(by operatorName: String) async -> HealthReport.Store.Loss? {
    defer { noteNews() }
    return registry.acknowledgeLoss(by: operatorName, at: now())
  }

  func recheck(id: String) async -> Bool {
    guard registry.nodes[id] != nil else { return false }
    await ask(id)
    return true
  }

  func forget(id: String, by operatorName: String) async throws(ForgetRefusal) {
    defer { noteNews() }
    try registry.forget(id, by: operatorName, at: now())
  }

  // MARK: - Showing

  func view() async -> ClusterView { view(at: now()) }

  private func view(at now: Moment) -> ClusterView {
    if let current, now.instant - current.at < Self.maxViewAge { return current.view }
    let surroundings = Registry.Surroundings(condition: condition(at: now), lateRounds: punctuality.lateRounds)
    let view = registry.view(surroundings, at: now)
    current = (view, now.instant)
    return view
  }

  private func condition(at now: Moment) -> ClusterCheck.Condition {
    ClusterCheck.Condition(isLate: punctuality.isTrouble(at: now.instant), fileProblem: fileProblem)
  }

  func views() async -> AsyncStream<ClusterView> {
    broadcast.join(shown: view(at: now())) { [weak self] number in Task { await self?.remove(onlooker: number) } }
  }

  private func remove(onlooker number: Int) { broadcast.remove(number) }

  private func showToOnlookers(at now: Moment) {
    guard broadcast.isDue(at: now.instant) else { return }
    // What is shown as wrong for the first time has been so since now.
    _ = registry.inspect(condition(at: now), at: now)
    broadcast.show(view(at: now), at: now.instant)
  }

  /// Logs and counts what has changed, and shows it.
  private func noteNews() {
    let news = registry.takeNews()
    guard !news.isEmpty else { return }
    current = nil
    broadcast.noteNews()
    for entry in news {
      let status = NodeStatus(rawValue: entry.to)
      if let status { metrics.changed(to: status) }
      logger.log(
        level: status == .down ? .warning : .info, "state changed",
        metadata: [
          "subject": "\(entry.subject)", "from": "\(entry.from)", "to": "\(entry.to)", "reason": "\(entry.reason)",
        ])
    }
    showToOnlookers(at: now())
  }

  // MARK: - Keeping

  private func keepSaving() async {
    while !Task.isCancelled {
      await saveIfChanged()
      try? await Task.sleep(for: Self.savingInterval)
    }
  }

  private func saveIfChanged() async {
    guard let keeper, await keeper.needs(registry.revision) else { return }
    let problem = await keeper.save(registry.contents, revision: registry.revision)
    if problem != nil { metrics.fileFailed() }
    if problem != fileProblem { current = nil }
    fileProblem = problem
  }
}
