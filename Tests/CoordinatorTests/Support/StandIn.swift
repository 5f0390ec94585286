import Common
import Foundation
import NIOConcurrencyHelpers
import TestSupport

@testable import Coordinator

/// A small server that speaks the health protocol and does what a test wants.
final class StandIn: Sendable {
  private final class Contents: Sendable {
    let report: NIOLockedValueBox<HealthReport>
    /// Sent instead of the report.
    let reply = NIOLockedValueBox<LittleServer.Reply?>(nil)

    init(_ report: HealthReport) { self.report = NIOLockedValueBox(report) }
  }

  private let contents: Contents
  private let server: LittleServer

  init(_ report: HealthReport = .sample(), port: Int = 0) async throws {
    let contents = Contents(report)
    self.contents = contents
    server = try await LittleServer(port: port) { request in
      guard request.hasPrefix("GET /health HTTP/1.1\r\n") else { return LittleServer.answer(404) }
      if let reply = contents.reply.withLockedValue({ $0 }) { return reply }
      return LittleServer.answer(200, String(buffer: contents.report.withLockedValue { $0 }.json))
    }
  }

  var url: String { server.url }
  var port: Int { server.port }
  var connections: Int { server.connections }
  var requests: Int { server.requests.count }
  /// The requests it received, as texts.
  var requestTexts: [String] { server.requests }

  var report: HealthReport {
    get { contents.report.withLockedValue { $0 } }
    set { contents.report.withLockedValue { $0 = newValue } }
  }

  /// Sets the reply from now on. Nil for the report again.
  func reply(_ reply: LittleServer.Reply?) { contents.reply.withLockedValue { $0 = reply } }

  var announcement: Announcement {
    let report = report
    return Announcement(
      id: report.nodeId, bootId: report.bootId, url: url, version: report.version, state: report.state.rawValue)
  }
}
