import Common
import NIOCore
import Synchronization

/// Whether the node is on duty: it takes requests and stands for election, or it drains. Both offices are told here.
final class Duty: Sendable {
  private let front: NIOLoopBound<FrontOffice>
  private let back: NIOLoopBound<BackOffice>
  private let frontLoop: any EventLoop
  private let backLoop: any EventLoop
  private let url = Mutex<String?>(nil)
  /// Yields on each change.
  let changes: AsyncStream<Void>
  private let changed: AsyncStream<Void>.Continuation

  init(
    front: NIOLoopBound<FrontOffice>, back: NIOLoopBound<BackOffice>, frontLoop: any EventLoop,
    backLoop: any EventLoop
  ) {
    (self.front, self.back, self.frontLoop, self.backLoop) = (front, back, frontLoop, backLoop)
    (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// The node listens.
  ///
  /// - Parameter advertisedURL: where others reach it; nil: at this host and port.
  func begin(at host: String, _ port: Int, advertisedURL: String?) {
    let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    // First: once it is announced it may be told to drain, which must not come before this.
    backLoop.execute { [back] in back.value.leadership.stand(address: address) }
    url.withLock { $0 = advertisedURL ?? "http://\(address)" }
    changed.yield()
  }

  /// Drains for this reason, or has it no longer. Once in office again, the node stands for election anew.
  func set(_ drain: NodeState.Drain, to isOn: Bool) {
    frontLoop.execute { [self] in
      guard front.value.set(drain, to: isOn) else { return }
      let isDraining = front.value.state.isDraining
      backLoop.execute { [back] in
        let leadership = back.value.leadership
        if isDraining { leadership.retire() } else { leadership.standAgain() }
      }
      changed.yield()
    }
  }

  /// The coordinator has told what others have seen of the store.
  func heard(_ memory: StoreMemory) {
    backLoop.execute { [back] in back.value.heard(memory) }
  }

  /// What the coordinator is told; nil before the node listens.
  func announcement() async throws -> Announcement? {
    guard let url = url.withLock({ $0 }) else { return nil }
    return try await frontLoop.submit { [front] in front.value.state.announcement(url: url) }.get()
  }
}
