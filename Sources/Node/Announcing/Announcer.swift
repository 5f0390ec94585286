import Common
import FoundationEssentials
import Logging
import ServiceLifecycle

/// Tells the coordinator of this node every two seconds, and learns from its answers whether an operator wants the node
/// to drain.
///
/// The node does not depend on the coordinator. Without one, with a slow one, or with one that does not take the token,
/// all goes on as it was, and the log says so once. The announcer is stopped after the server, so that the coordinator
/// sees the node drain.
struct Announcer: Service {
  private static let interval = Duration.seconds(2)
  private static let limit = Duration.seconds(1)
  /// So much of the coordinator's own words is logged.
  private static let maxBytes = 200

  /// Its base URL.
  let coordinator: String
  let token: Replaceable<String>
  let client: CurlClient
  let node: any AnnouncedNode
  let logger: Logger

  func run() async throws {
    precondition(Self.limit < Self.interval, "an announcement must end before the next is due")
    defer { client.stop() }
    var problem: String?
    var taken: Announcement?
    for await _ in Self.ticks(node.changes).cancelOnGracefulShutdown() {
      guard let announcement = try await node.announcement() else { continue }
      let outcome = await announce(announcement)
      note(outcome, after: &problem)
      taken = outcome == nil ? announcement : nil
    }
    // A coordinator that did not take the last one would only delay the end.
    if let taken { await leave(taken) }
  }

  /// Every two seconds, and at once when something has changed.
  private static func ticks(_ changes: AsyncStream<Void>) -> AsyncStream<Void> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let task = Task {
        await withDiscardingTaskGroup { group in
          group.addTask { for await _ in changes { continuation.yield() } }
          group.addTask {
            while !Task.isCancelled {
              continuation.yield()
              try? await Task.sleep(for: interval)
            }
          }
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  // MARK: - Telling

  /// Nil when the coordinator has taken it; else why it has not.
  private func announce(_ announcement: Announcement) async -> String? {
    let body: [UInt8]
    do { body = Array(try JSONEncoder().encode(announcement)) } catch {
      return "the announcement cannot be written: \(error)"
    }
    switch await client.send(request("POST", "/api/v1/nodes", body: body)) {
    case .success(let answer) where answer.status == 200:
      guard let answer = try? JSONDecoder().decode(AnnouncementAnswer.self, from: Data(answer.body)) else {
        return "the coordinator's answer can't be read"
      }
      node.want(answer.wanted)
      if let store = answer.store { node.heard(store) }
      return nil
    case .success(let answer): return Self.words(for: answer)
    case .failure(let failure): return "the coordinator can't be asked: \(failure)"
    }
  }

  private func leave(_ announcement: Announcement) async {
    let path = "/api/v1/nodes/\(announcement.id)?bootId=\(announcement.bootId)"
    let reason: String
    switch await client.send(request("DELETE", path)) {
    case .success(let answer) where answer.status == 204: return
    case .success(let answer): reason = Self.words(for: answer)
    case .failure(let failure): reason = "\(failure)"
    }
    logger.info("could not take leave of the coordinator", metadata: ["reason": "\(reason)"])
  }

  private func request(_ method: String, _ path: String, body: [UInt8]? = nil) -> OutgoingRequest {
    var headers = [(name: "Authorization", value: "Bearer \(token.current)")]
    if body != nil { headers.append((name: "Content-Type", value: "application/json")) }
    return OutgoingRequest(
      method: method, url: coordinator + path, headers: headers, body: body, connectTimeout: Self.limit,
      timeout: Self.limit)
  }

  /// Its status, and what the problem says, as far as it is one.
  private static func words(for answer: IncomingAnswer) -> String {
    struct Told: Decodable { var detail: String }
    let detail = (try? JSONDecoder().decode(Told.self, from: Data(answer.body)))?.detail ?? "no further words"
    return "the coordinator answered \(answer.status): \(detail.clipped(to: maxBytes))"
  }

  /// Says once that something is wrong, and once that it is well again.
  private func note(_ outcome: String?, after problem: inout String?) {
    defer { problem = outcome }
    switch (problem, outcome) {
    case (nil, let outcome?):
      logger.warning("not announced; the shop does not need it", metadata: ["reason": "\(outcome)"])
    case (_?, nil): logger.info("announced again")
    case (let problem?, let outcome?) where problem != outcome:
      logger.debug("still not announced", metadata: ["reason": "\(outcome)"])
    default: break
    }
  }
}
