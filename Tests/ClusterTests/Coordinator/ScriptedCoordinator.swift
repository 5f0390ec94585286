import Foundation
import NIOConcurrencyHelpers
import TestSupport

/// A coordinator played by the test.
final class ScriptedCoordinator: Sendable {
  private struct Script {
    var reply = LittleServer.answer(200, #"{"wanted":"serve"}"#)
    var once: (reply: LittleServer.Reply, before: @Sendable () -> Void)?
  }

  private final class State: Sendable {
    let script = NIOLockedValueBox(Script())
  }

  private let state: State
  private let server: LittleServer

  init(port: Int = 0) async throws {
    let state = State()
    self.state = state
    server = try await LittleServer(port: port) { request in
      guard request.hasPrefix("POST /api/v1/nodes HTTP/1.1\r\n") else {
        return .bytes("HTTP/1.1 204 Status\r\n\r\n")
      }
      let (reply, once) = state.script.withLockedValue { script in
        defer { script.once = nil }
        return (script.reply, script.once)
      }
      once?.before()
      return once?.reply ?? reply
    }
  }

  /// Sets the reply from now on.
  func reply(_ reply: LittleServer.Reply) { state.script.withLockedValue { $0.reply = reply } }

  /// Sets the reply to the next announcement only. `before` runs first.
  func replyOnce(_ reply: LittleServer.Reply, before: @escaping @Sendable () -> Void) {
    state.script.withLockedValue { $0.once = (reply, before) }
  }

  static func text(wanting wanted: String) -> String {
    let body = #"{"wanted":"\#(wanted)"}"#
    return "HTTP/1.1 200 Status\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  var url: String { server.url }
  var requests: [String] { server.requests }
  /// The announced states, in order.
  var states: [String] { requests.compactMap { $0.firstMatch(of: /"state":"(\w+)"/).map { String($0.1) } } }

  func settings(_ others: [String: String] = [:]) -> [String: String] {
    ["COORDINATOR_URL": url, "CLUSTER_TOKEN": "t"].merging(others) { $1 }
  }
}
