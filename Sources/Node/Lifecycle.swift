import Common
import NIOConcurrencyHelpers
import NIOCore

/// Whether the node takes requests and stands for election, or drains. Tells both planes.
final class Lifecycle: Sendable {
  private let dataPlane: NIOLoopBound<DataPlane>
  private let controlPlane: NIOLoopBound<ControlPlane>
  private let url = NIOLockedValueBox<String?>(nil)
  let changes: AsyncStream<Void>
  private let changed: AsyncStream<Void>.Continuation

  init(dataPlane: NIOLoopBound<DataPlane>, controlPlane: NIOLoopBound<ControlPlane>) {
    (self.dataPlane, self.controlPlane) = (dataPlane, controlPlane)
    (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// The node listens.
  ///
  /// - Parameter advertisedURL: where others reach it; nil: at this host and port.
  func begin(at host: String, _ port: Int, advertisedURL: String?) {
    let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    // This comes first: once announced, the node may be told to drain, which must not come before this.
    controlPlane.eventLoop.execute { [controlPlane] in controlPlane.value.leadership.stand(address: address) }
    url.withLockedValue { $0 = advertisedURL ?? "http://\(address)" }
    changed.yield()
  }

  /// Drains for this reason, or has it no longer. Without any, the node stands for election anew.
  func set(_ drain: NodeState.Drain, to isOn: Bool) {
    dataPlane.eventLoop.execute { [self] in
      guard dataPlane.value.set(drain, to: isOn) else { return }
      let isDraining = dataPlane.value.state.isDraining
      controlPlane.eventLoop.execute { [controlPlane] in
        let leadership = controlPlane.value.leadership
        if isDraining { leadership.retire() } else { leadership.standAgain() }
      }
      changed.yield()
    }
  }
}

extension Lifecycle: AnnouncedNode {
  func want(_ wanted: Wanted) { set(.wanted, to: wanted == .drain) }

  func heard(_ memory: StoreMemory) {
    controlPlane.eventLoop.execute { [controlPlane] in controlPlane.value.heard(memory) }
  }

  func announcement() async throws -> Announcement? {
    guard let url = url.withLockedValue({ $0 }) else { return nil }
    return try await dataPlane.eventLoop.submit { [dataPlane] in dataPlane.value.announcement(url: url) }.get()
  }
}
