import Common
import NIOConcurrencyHelpers

@testable import Coordinator

/// A watch over a cluster that the test defines. It records what it was asked for.
final class SampleCluster: ClusterWatching {
  struct State {
    var view: ClusterView
    var refusal: AnnouncementRefusal?
    var announced: [Announcement] = []
    var left: [String] = []
    var wanted: [(id: String, wanted: Wanted, operatorName: String)] = []
    var rechecked: [String] = []
    var acknowledgedBy: [String] = []
    var forgotten: [(id: String, operatorName: String)] = []
    var watchers: [AsyncStream<ClusterView>.Continuation] = []
  }

  let state: NIOLockedValueBox<State>

  init(_ view: ClusterView) { state = NIOLockedValueBox(State(view: view)) }

  /// Changes the cluster and notifies the watchers.
  func change(_ change: (inout ClusterView) -> Void) {
    state.withLockedValue { state in
      change(&state.view)
      for watcher in state.watchers { watcher.yield(state.view) }
    }
  }

  var watchers: Int { state.withLockedValue { $0.watchers.count } }

  func view() async -> ClusterView { state.withLockedValue { $0.view } }

  func views() async -> AsyncStream<ClusterView> {
    let (stream, continuation) = AsyncStream.makeStream(of: ClusterView.self)
    state.withLockedValue { state in
      continuation.yield(state.view)
      state.watchers.append(continuation)
    }
    return stream
  }

  func announce(_ announcement: Announcement) async throws(AnnouncementRefusal) -> AnnouncementAnswer {
    let (refusal, wanted) = state.withLockedValue { state in
      state.announced.append(announcement)
      return (state.refusal, state.view.nodes.first { $0.id == announcement.id }?.wanted)
    }
    if let refusal { throw refusal }
    return AnnouncementAnswer(wanted: wanted.flatMap { Wanted(rawValue: $0) } ?? .serve)
  }

  func leave(id: String, bootId: String) async throws(AnnouncementRefusal) {
    let refusal = state.withLockedValue { state in
      state.left.append("\(id) \(bootId)")
      return state.refusal
    }
    if let refusal { throw refusal }
  }

  func want(_ wanted: Wanted, of id: String, by operatorName: String) async -> Bool {
    guard state.withLockedValue({ $0.view.nodes.contains { $0.id == id } }) else { return false }
    state.withLockedValue { $0.wanted.append((id, wanted, operatorName)) }
    change { view in
      for index in view.nodes.indices where view.nodes[index].id == id { view.nodes[index].wanted = wanted.rawValue }
    }
    return true
  }

  func acknowledgeLoss(by operatorName: String) async -> HealthReport.Store.Loss? {
    guard let loss = state.withLockedValue({ $0.view.store.loss }) else { return nil }
    state.withLockedValue { $0.acknowledgedBy.append(operatorName) }
    change { $0.store.loss = nil }
    return loss
  }

  func forget(id: String, by operatorName: String) async throws(ForgetRefusal) {
    guard let node = state.withLockedValue({ $0.view.nodes.first { $0.id == id } }) else { throw .unknownNode }
    guard node.state == .down || node.state == .left else { throw .alive(node.state) }
    state.withLockedValue { $0.forgotten.append((id, operatorName)) }
    change { view in view.nodes.removeAll { $0.id == id } }
  }

  func recheck(id: String) async -> Bool {
    state.withLockedValue { state in
      state.rechecked.append(id)
      return state.view.nodes.contains { $0.id == id }
    }
  }
}
