import Common
import NIOCore

/// Health, metrics and the API description. Belongs to the event loop of requests, which answering proves to be alive.
final class HealthController {
  typealias Answer = (Response) -> Void

  private let state: NodeState
  private let registry: PrometheusRegistry
  /// Where rendering metrics delays no shopper.
  private let background: any EventLoop
  private let eventLoop: any EventLoop
  private static let description = ByteBuffer(bytes: PackageResources.openapi_yaml)
  /// Set once there is a desk to count at.
  var traffic: () -> Traffic = { Traffic() }

  struct Traffic {
    var inFlight = 0, total = 0, errors = 0
    var ratePerSecond = 0.0, errorsPerSecond = 0.0
  }

  init(state: NodeState, registry: PrometheusRegistry, background: any EventLoop, eventLoop: any EventLoop) {
    self.state = state
    self.registry = registry
    self.background = background
    self.eventLoop = eventLoop
  }

  func live(answer: Answer) {
    answer(.json(200, ByteBuffer(string: "{\"status\":\"live\"}")))
  }

  func ready(answer: Answer) {
    let obstacles = state.obstacles()
    guard obstacles.isEmpty else {
      return answer(
        .problem(
          Problem(.notReady, obstacles.joined(separator: "; "), retryAfter: 1) { body in
            body.writeStaticString(",\"reasons\":")
            body.writeJSONArray(obstacles) { $0.writeJSONString($1) }
          }))
    }
    answer(.json(200, ByteBuffer(string: "{\"status\":\"ready\"}")))
  }

  func health(answer: Answer) {
    let obstacles = state.obstacles()
    let link = state.linkStatus
    let traffic = traffic()
    var reasons = obstacles
    if state.store?.isNearlyFull == true { reasons.append("the store is nearly full: nothing new is taken") }
    var body = ByteBufferAllocator().buffer(capacity: 1024)
    body.writeString("{\"nodeId\":\"\(state.nodeID)\",\"bootId\":\"\(state.bootID)\",\"version\":\"\(Version.text)\"")
    body.writeString(",\"uptimeSeconds\":\(state.uptimeSeconds)")
    body.writeString(",\"state\":\"\(state.phase(obstacles: obstacles).rawValue)\",\"reasons\":")
    body.writeJSONArray(reasons) { $0.writeJSONString($1) }
    let roundTrip = state.roundTrip.map { "\(Double($0.nanoseconds / 1000) / 1000)" } ?? "null"
    body.writeString(",\"redis\":{\"connected\":\(link.isUp),\"roundTripMs\":\(roundTrip)")
    body.writeString(",\"pending\":\(link.pending),\"reconnects\":\(link.reconnects)")
    body.writeString(",\"usedBytes\":\(state.store?.usedBytes ?? 0),\"limitBytes\":\(state.store?.limitBytes ?? 0)")
    body.writeStaticString(",\"warnings\":")
    body.writeJSONArray(state.store?.warnings ?? []) { $0.writeJSONString($1) }
    body.writeString("},")
    body.writeLease(state.lease)
    body.writeSweep(state.sweep)
    body.writeString("\"requests\":{\"inFlight\":\(traffic.inFlight)")
    body.writeString(
      ",\"ratePerSecond\":\(traffic.ratePerSecond.tenths),\"errorsPerSecond\":\(traffic.errorsPerSecond.tenths)")
    body.writeString(",\"total\":\(traffic.total),\"errors\":\(traffic.errors)}}")
    answer(.json(200, body))
  }

  func metrics(answer: @escaping Answer) {
    let answer = NIOLoopBound(answer, eventLoop: eventLoop)
    let (registry, eventLoop) = (registry, eventLoop)
    background.execute {
      let text = ByteBuffer(string: registry.render())
      eventLoop.execute { answer.value(Response(status: 200, contentType: .prometheus, body: text)) }
    }
  }

  func openAPI(answer: Answer) {
    answer(Response(status: 200, contentType: .yaml, body: Self.description))
  }
}

extension ByteBuffer {
  fileprivate mutating func writeLease(_ lease: LeaseReport) {
    let holder = lease.holder
    writeString("\"lease\":{\"leader\":\(lease.isLeader),\"epoch\":\(orNull(holder?.epoch)),\"holder\":")
    if let holder { writeJSONString(holder.nodeID) } else { writeStaticString("null") }
    let since = holder.map { "\"\(RFC3339.string(epochMilliseconds: $0.acquiredAt))\"" }
    writeString(",\"since\":\(orNull(since))")
    writeString(",\"remainingMs\":\(orNull(lease.remaining().map { Int($0 / .milliseconds(1)) }))")
    writeString(",\"termsWon\":\(lease.termsWon),\"termsLost\":\(lease.termsLost)")
    writeString(",\"renewMs\":\(orNull(lease.renewal.map { ($0 / .milliseconds(1)).thousandths }))},")
  }

  fileprivate mutating func writeSweep(_ sweep: SweepReport) {
    let overdue = sweep.overdue
    writeString("\"sweeper\":{\"backlog\":\(orNull(overdue?.holds))")
    writeString(",\"oldestOverdueMs\":\(orNull(overdue?.oldest.map { $0.nanoseconds / 1_000_000 })),\"lastBatch\":")
    if let batch = sweep.lastBatch {
      let age = (NIODeadline.now() - batch.at).nanoseconds / 1_000_000
      let took = (Double(batch.took.nanoseconds) / 1e6).thousandths
      writeString("{\"agoMs\":\(age),\"holds\":\(batch.holds),\"tookMs\":\(took)}")
    } else {
      writeStaticString("null")
    }
    writeString(",\"releasedTotal\":\(sweep.releasedTotal),\"trimmedTotal\":\(sweep.trimmedTotal)")
    writeString(",\"fencedAttempts\":\(sweep.fencedAttempts)},")
  }

  private func orNull(_ value: (some CustomStringConvertible)?) -> String { value?.description ?? "null" }
}

extension Double {
  /// With three decimals: of milliseconds, whole microseconds.
  fileprivate var thousandths: Double { (self * 1000).rounded() / 1000 }
  /// With one decimal: more would only flicker.
  fileprivate var tenths: Double { (self * 10).rounded() / 10 }
}
