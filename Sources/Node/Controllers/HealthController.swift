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
  var traffic: () -> HealthReport.Requests = {
    HealthReport.Requests(inFlight: 0, ratePerSecond: 0, errorsPerSecond: 0, total: 0, errors: 0)
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
            writeWarnings(to: &body)
          }))
    }
    var body = ByteBuffer(string: "{\"status\":\"ready\"")
    writeWarnings(to: &body)
    body.writeStaticString("}")
    answer(.json(200, body))
  }

  private func writeWarnings(to body: inout ByteBuffer) {
    body.writeStaticString(",\"warnings\":")
    body.writeJSONArray(state.warnings) { $0.writeJSONString($1) }
    guard let loss = state.store?.judge.loss else { return }
    body.writeStaticString(",\"loss\":")
    loss.write(to: &body)
  }

  func health(answer: Answer) {
    answer(.json(200, state.report(of: traffic()).json))
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
