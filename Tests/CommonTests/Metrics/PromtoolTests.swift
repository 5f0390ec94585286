import Foundation
import Metrics
import Testing

@testable import Common

@Suite struct PromtoolTests {
  /// `promtool` is required: without it the test would prove nothing.
  @Test func `promtool has no complaint`() throws {
    let registry = PrometheusRegistry(
      help: ["holdfast_requests_total": "Requests, by route and \"outcome\"\\.\nTwo lines."],
      bounds: ["holdfast_sweep_batch_lines": [1, 10, 100]])
    ProcessMetrics.register(with: registry)
    for outcome in ["ok", "a \"quoted\"\\ one\nof two lines", "ü", ""] {
      let dimensions = [("route", "reserve"), ("outcome", outcome)]
      let requests = Counter(
        label: "holdfast_requests_total", dimensions: dimensions, factory: registry)
      requests.increment()
      let duration = Timer(
        label: "holdfast_request_duration_seconds", dimensions: dimensions, factory: registry)
      duration.recordMilliseconds(3)
    }
    FloatingPointCounter(label: "holdfast_waited_seconds_total", factory: registry)
      .increment(by: 1e-9)
    Meter(label: "holdfast_requests_in_flight", factory: registry).set(3)
    Gauge(label: "holdfast_not_a_number", factory: registry).record(Double.nan)
    Gauge(label: "holdfast_largest", factory: registry).record(1e300)
    Recorder(label: "holdfast_sweep_batch_lines", factory: registry).record(12)
    Counter(
      label: "someLibrary.eventCount", dimensions: [("le", "1"), ("camelCase", "2")],
      factory: registry
    ).increment()

    let (output, status) = try check(registry.render())
    #expect(output == "")
    #expect(status == 0, "is promtool installed? (apt-get install prometheus)")
  }

  @Test func `promtool is really asked`() throws {
    let (output, status) = try check("# TYPE bad_total counter\nbad_total x\n")
    #expect(output.contains("bad_total") || output.contains("parsing"))
    #expect(status != 0)
  }

  private func check(_ metrics: String) throws -> (output: String, status: Int32) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["promtool", "check", "metrics"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data(metrics.utf8))
    try input.fileHandleForWriting.close()
    let told = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (String(decoding: told, as: UTF8.self), process.terminationStatus)
  }
}
