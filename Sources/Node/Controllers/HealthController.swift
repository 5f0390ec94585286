import Common
import NIOCore

/// Health, metrics and the API description. Belongs to the event loop of requests, which answering proves to be alive.
final class HealthController {
  typealias Answer = (Response) -> Void

  private let state: NodeState
  private let traffic: Traffic
  private let registry: PrometheusRegistry
  /// Where rendering metrics delays no shopper.
  private let background: any EventLoop
  private let eventLoop: any EventLoop
  private let leaseClock: () -> ContinuousClock.Instant
  private static let description = ByteBuffer(bytes: PackageResources.openapi_yaml)

  /// - Parameter leaseClock: that by which ``LeaseReport/endsAt`` goes.
  init(
    state: NodeState, traffic: Traffic, registry: PrometheusRegistry, background: any EventLoop,
    eventLoop: any EventLoop, leaseClock: @escaping () -> ContinuousClock.Instant
  ) {
    (self.state, self.traffic) = (state, traffic)
    self.registry = registry
    self.background = background
    self.eventLoop = eventLoop
    self.leaseClock = leaseClock
  }

  func live(answer: Answer) {
    answer(.json(200, ByteBuffer(string: "{\"status\":\"live\"}")))
  }

  func ready(answer: Answer) {
    let now = eventLoop.now
    let obstacles = state.obstacles(at: now)
    guard obstacles.isEmpty else {
      return answer(
        .problem(
          Problem(.notReady, obstacles.joined(separator: "; "), retryAfter: 1) { body in
            body.writeStaticString(",\"reasons\":")
            body.writeJSONArray(obstacles) { $0.writeJSONString($1) }
            writeWarnings(to: &body, at: now)
          }))
    }
    var body = ByteBuffer(string: "{\"status\":\"ready\"")
    writeWarnings(to: &body, at: now)
    body.writeStaticString("}")
    answer(.json(200, body))
  }

  private func writeWarnings(to body: inout ByteBuffer, at now: NIODeadline) {
    body.writeStaticString(",\"warnings\":")
    body.writeJSONArray(state.warnings(at: now)) { $0.writeJSONString($1) }
    guard let loss = state.reports.current.store?.judge.loss else { return }
    body.writeStaticString(",\"loss\":")
    loss.write(to: &body)
  }

  func health(answer: Answer) {
    answer(.json(200, state.report(of: traffic.report, at: eventLoop.now, leaseNow: leaseClock()).json))
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
