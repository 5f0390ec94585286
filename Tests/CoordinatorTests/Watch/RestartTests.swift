import Common
import Foundation
import TestSupport
import Testing

@testable import Coordinator

extension HeavyTests {
  @Suite struct RestartTests {
    private let directory: TemporaryDirectory
    private var file: URL { directory.url.appending(path: "registry.json") }

    init() throws { directory = try TemporaryDirectory() }

    @Test
    func `after a restart every known node is UNKNOWN, and nothing is healthy until all are judged`() async throws {
      let alive = try await StandIn(.sample().leading(epoch: 3))
      var dead: StandIn? = try await StandIn(.sample(id: "n2"))
      do {
        let watch = WatchUnderTest(file: file)
        try await watch.admit(alive)
        try await watch.admit(dead!)
        _ = await watch.watch.want(.drain, of: "n2", by: "anna")
        try await watch.stop()
      }
      dead?.reply(.last(""))
      dead = nil
      let watch = ClusterWatch(
        allowed: AddressPolicy("127.0.0.1")!, maxNodes: 10, path: file.path, logger: .init(label: "restarted"))
      let first = await watch.view()
      #expect(first.nodes.map(\.state) == [.unknown, .unknown] && !first.healthy)
      #expect(first.nodes[1].wanted == "drain")
      #expect(first.transitions.contains { $0.reason == "anna wants it to drain" })
      let running = Task { try await watch.run() }
      defer { running.cancel() }
      try await eventually("all are judged, and the leader is known") {
        let view = await watch.view()
        return view.nodes.map(\.state) == [.up, .down] && view.leader?.id == "n1"
      }
      #expect(await watch.view().failovers == 0)
    }

    @Test func `what changes is written while the watch runs, not only when it ends`() async throws {
      let (watch, node) = (WatchUnderTest(file: file), try await StandIn())
      try await watch.admit(node)
      // A node that answers late on a busy machine counts as a change.
      try await untilShown("nothing changes while it is asked three times more") {
        try await eventually("the node is in the file") {
          guard case .contents(let contents) = RegistryFile(path: file.path).load() else { return false }
          return contents.nodes.first?.state == .up
        }
        let changes = await watch.view.transitions.count
        let written = try FileManager.default.attributesOfItem(atPath: file.path)[.systemFileNumber] as? Int
        let asked = node.requests
        try await eventually("it was asked three times more") { node.requests >= asked + 3 }
        let later = try FileManager.default.attributesOfItem(atPath: file.path)[.systemFileNumber] as? Int
        guard await watch.view.transitions.count == changes else { return false }
        #expect(written == later, "nothing has changed, and nothing is written")
        return true
      }
    }

    @Test func `a damaged file is told, put aside, and does not keep the watch from its work`() async throws {
      try Data("{\"nodes\":".utf8).write(to: file)
      let (watch, node) = (WatchUnderTest(file: file), try await StandIn())
      try await watch.admit(node)
      let line = watch.log.all.first { $0.hasPrefix("the registry file can't be used") } ?? ""
      #expect(line.contains(file.path))
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.url.path)
      #expect(names.contains { $0.hasPrefix("registry.json.damaged-") })
    }

    @Test func `a file that can't be written is a problem that is shown, until it can`() async throws {
      let folder = directory.url.appending(path: "later")
      let watch = WatchUnderTest(file: folder.appending(path: "registry.json"))
      let node = try await StandIn(.sample().leading(epoch: 1))
      try await watch.admit(node)
      try await eventually("the problem is shown") {
        await watch.view.problems.contains { $0.kind == "registry-not-kept" && $0.text.contains("No such file") }
      }
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
      try await eventually("all is well") { await watch.view.healthy }
      #expect(watch.log.all.count { $0.hasPrefix("the registry can't be kept") } == 1)
      #expect(Int(watch.metric("holdfast_coordinator_file_failures_total") ?? "") ?? 0 > 0)
    }
  }
}
