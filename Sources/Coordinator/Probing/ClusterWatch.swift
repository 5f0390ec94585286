import Common
import Logging
import NIOPosix
import ServiceLifecycle

/// Watches the cluster: takes in what nodes announce, asks them how they are, and shows what is known.
///
/// Decides nothing itself: that is done by ``Registry`` and the machines in it. Here are the clocks, the network, the
/// file and those who look on.
actor ClusterWatch: ClusterWatching, Service {
  typealias Instant = ContinuousClock.Instant

  /// Longest sleep between two rounds: the shorter, the sooner it is noticed that the coordinator itself was stopped.
  private static let longestNap = Duration.milliseconds(100)
  private static let sampling = Duration.seconds(1)
  private static let saving = Duration.seconds(1)
  /// A view is made again no sooner than this after a change, and this long after the last one without any.
  static let (leastPause, mostPause) = (Duration.milliseconds(250), Duration.seconds(1))
  /// One view serves all who ask for it within this, as long as nothing changes.
  private static let viewAge = Duration.milliseconds(100)

  private let prober: Prober
  private let file: RegistryFile?
  private let logger: Logger
  private var metrics: CoordinatorMetrics
  private var registry: Registry
  private var punctuality: Punctuality
  private var onsets = Onsets()
  private var fileProblem: String?
  private var savedRevision: Int
  private var nextSample: Instant

  /// Those who wait for the end of a probe, by its number.
  private var waiting: [Int: [CheckedContinuation<Void, Never>]] = [:]
  private var isStopped = false
  private let endings: AsyncStream<Prober.Ending>
  private let ended: AsyncStream<Prober.Ending>.Continuation

  private var onlookers: [Int: AsyncStream<ClusterView>.Continuation] = [:]
  private var lastOnlooker = 0
  /// The last view, and when it was made; nil as soon as something has changed.
  private var current: (view: ClusterView, at: Instant)?
  private var lastShown: Instant
  private var hasUnshownNews = false
  private var lastRefusal: AnnouncementRefusal?

  /// - Parameters:
  ///   - allowed: the networks that nodes may be in.
  ///   - path: of the file that keeps the registry; nil: it is not kept.
  init(
    allowed: AddressPolicy, mostNodes: Int, path: String?, timing: VerdictTiming = VerdictTiming(),
    metrics: CoordinatorMetrics = CoordinatorMetrics(), logger: Logger
  ) {
    let now = Moment.now
    prober = Prober(client: CurlClient(allowed: allowed), timing: timing)
    file = path.map { RegistryFile(path: $0) }
    (self.logger, self.metrics) = (logger, metrics)
    registry = Registry(mostNodes: mostNodes, timing: timing, contents: file.flatMap { $0.known(logger) }, at: now)
    punctuality = Punctuality(due: now.instant)
    savedRevision = registry.revision
    (nextSample, lastShown) = (now.instant, now.instant)
    (endings, ended) = AsyncStream.makeStream()
  }

  /// Watches until the process is told to stop.
  func run() async throws {
    // It may have been made long before.
    punctuality.end(nextDue: .now)
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
    for onlooker in onlookers.values { onlooker.finish() }
    onlookers = [:]
    await saveIfChanged()
  }

  // MARK: - Asking

  private func keepAsking() async {
    while !Task.isCancelled {
      let next = round()
      try? await Task.sleep(until: next, tolerance: .milliseconds(1), clock: .continuous)
    }
  }

  /// Does all that is due.
  /// - Returns: when there is more to do.
  private func round() -> Instant {
    let now = Moment.now
    let isLate = punctuality.begin(at: now.instant)
    if isLate {
      metrics.wokenLate()
      logger.debug("woken late", metadata: ["inARow": "\(punctuality.lateRounds)"])
    }
    for probe in registry.startProbes(due: now.instant + prober.timing.together, at: now.instant) { send(probe) }
    if nextSample <= now.instant {
      nextSample = now.instant + Self.sampling
      registry.sample(at: now, isLate: isLate)
      metrics.update(registry, registry.check(condition(at: now), &onsets, at: now).problems)
      noteNews()
    }
    showToOnlookers(at: now)
    let next = min(registry.wakeUp ?? nextSample, nextSample, nextShowing ?? nextSample, now.instant + Self.longestNap)
    punctuality.end(nextDue: next)
    return next
  }

  private func send(_ probe: Registry.Probe) {
    prober.send(probe) { [ended] in ended.yield($0) }
  }

  /// Reads the answers off the actor.
  private nonisolated func takeEndings() async {
    for await ending in endings { await take(prober.read(ending), of: ending) }
  }

  private func take(_ result: Result<HealthReport, ProbeFailure>, of ending: Prober.Ending) {
    let now = Moment.now
    let probe = ending.probe
    let isHeld = punctuality.holds(
      began: probe.began, limit: prober.timing.limit, told: ending.told, at: now.instant)
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

  /// Asks a node at once and returns when it has answered, or has not.
  private func ask(_ id: String) async {
    guard !isStopped, let probe = registry.startProbe(of: id, at: .now) else { return }
    await withCheckedContinuation { continuation in
      waiting[probe.number, default: []].append(continuation)
      send(probe)
    }
  }

  // MARK: - ClusterWatching

  func announce(_ announcement: Announcement) async throws(AnnouncementRefusal) -> Wanted {
    do throws(AnnouncementRefusal) {
      var reception = try registry.announce(announcement, at: .now)
      if reception == .unproven {
        await ask(announcement.id)
        reception = try registry.announce(announcement, at: .now)
      }
      noteNews()
      guard case .taken(let wanted, let isWorthAsking) = reception else {
        throw .idTaken("another process may serve as \(announcement.id)")
      }
      metrics.announced()
      if isWorthAsking, let probe = registry.startProbe(of: announcement.id, at: .now) { send(probe) }
      return wanted
    } catch {
      noteNews()
      metrics.refused(error)
      // Once: who is refused comes again every two seconds.
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
      try registry.leave(id: id, bootID: bootId, at: .now)
    } catch {
      metrics.refused(error)
      throw error
    }
  }

  func want(_ wanted: Wanted, of id: String, by operatorName: String) async -> Bool {
    defer { noteNews() }
    return registry.want(wanted, of: id, by: operatorName, at: .now)
  }

  func recheck(id: String) async -> Bool {
    guard registry.nodes[id] != nil else { return false }
    await ask(id)
    return true
  }

  // MARK: - Showing

  func view() async -> ClusterView { view(at: .now) }

  private func view(at now: Moment) -> ClusterView {
    if let current, now.instant - current.at < Self.viewAge { return current.view }
    let surroundings = Registry.Surroundings(condition: condition(at: now), lateRounds: punctuality.lateRounds)
    let view = registry.view(surroundings, &onsets, at: now)
    current = (view, now.instant)
    return view
  }

  private func condition(at now: Moment) -> ClusterCheck.Condition {
    ClusterCheck.Condition(isLate: punctuality.isTrouble(at: now.instant), fileProblem: fileProblem)
  }

  func views() async -> AsyncStream<ClusterView> {
    let (stream, continuation) = AsyncStream.makeStream(of: ClusterView.self, bufferingPolicy: .bufferingNewest(1))
    continuation.yield(view(at: .now))
    guard !isStopped else {
      continuation.finish()
      return stream
    }
    lastOnlooker += 1
    let number = lastOnlooker
    onlookers[number] = continuation
    continuation.onTermination = { [weak self] _ in Task { await self?.forget(onlooker: number) } }
    return stream
  }

  private func forget(onlooker number: Int) { onlookers[number] = nil }

  /// When those who look on are shown the next view; nil if nobody does.
  private var nextShowing: Instant? {
    onlookers.isEmpty ? nil : lastShown + (hasUnshownNews ? Self.leastPause : Self.mostPause)
  }

  private func showToOnlookers(at now: Moment) {
    guard let nextShowing, nextShowing <= now.instant else { return }
    (lastShown, hasUnshownNews) = (now.instant, false)
    let view = view(at: now)
    for onlooker in onlookers.values { onlooker.yield(view) }
  }

  /// Logs what has changed, and has it shown.
  private func noteNews() {
    let news = registry.takeNews()
    guard !news.isEmpty else { return }
    (current, hasUnshownNews) = (nil, true)
    for entry in news {
      let verdict = Verdict(rawValue: entry.to)
      if let verdict { metrics.changed(to: verdict) }
      logger.log(
        level: verdict == .down ? .warning : .info, "state changed",
        metadata: [
          "subject": "\(entry.subject)", "from": "\(entry.from)", "to": "\(entry.to)", "reason": "\(entry.reason)",
        ])
    }
    showToOnlookers(at: .now)
  }

  // MARK: - Keeping

  private func keepSaving() async {
    while !Task.isCancelled {
      await saveIfChanged()
      try? await Task.sleep(for: Self.saving)
    }
  }

  private func saveIfChanged() async {
    let revision = registry.revision
    guard let file, revision != savedRevision || fileProblem != nil else { return }
    let contents = registry.contents
    // fsync can take long: it must not hold up the threads that all tasks share.
    let failure: String? = await withCheckedContinuation { continuation in
      NIOThreadPool.singleton.submit { _ in
        do throws(RegistryFile.Failure) {
          try file.save(contents)
          continuation.resume(returning: nil)
        } catch {
          continuation.resume(returning: error.reason)
        }
      }
    }
    savedRevision = revision
    note(fileFailure: failure)
  }

  private func note(fileFailure failure: String?) {
    if let failure {
      metrics.fileFailed()
      if fileProblem == nil {
        logger.error("the registry can't be kept", metadata: ["path": "\(file?.path ?? "")", "reason": "\(failure)"])
      }
    } else if fileProblem != nil {
      logger.info("the registry is kept again")
    }
    if failure != fileProblem { current = nil }
    fileProblem = failure
  }
}

extension RegistryFile {
  /// What was kept, if it is there and can be used.
  fileprivate func known(_ logger: Logger) -> RegistryContents? {
    switch load() {
    case .contents(let contents): return contents
    case .nothing: return nil
    case .damaged(let reason, let movedTo):
      logger.error(
        "the registry file can't be used, and was set aside",
        metadata: ["path": "\(path)", "reason": "\(reason)", "movedTo": "\(movedTo ?? "nowhere: it is still there")"])
      return nil
    }
  }
}
