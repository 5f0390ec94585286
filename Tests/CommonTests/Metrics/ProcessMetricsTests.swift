import Foundation
import Testing

@testable import Common

@Suite struct ProcessMetricsTests {
  @Test func `the usage is plausible`() throws {
    let before = try #require(ProcessUsage.current())
    #expect(before.residentBytes > 1_000_000)
    #expect(before.threads >= 1)
    #expect(before.openFileDescriptors >= 3)
    let age = Date().timeIntervalSince1970 - before.startTimeSeconds
    // The kernel gives the time of boot in whole seconds.
    #expect(age > -2 && age < 86_400)

    var spent = before
    while spent.cpuSeconds < before.cpuSeconds + 0.05 {
      spent = try #require(ProcessUsage.current())
    }
    #expect(spent.startTimeSeconds == before.startTimeSeconds)
  }

  @Test func `each rendering refreshes the usage`() throws {
    let registry = PrometheusRegistry()
    ProcessMetrics.register(with: registry)
    func value(_ name: String) throws -> Double {
      let line = registry.render().split(separator: "\n").first { $0.hasPrefix(name + " ") }
      return try #require(line.flatMap { Double($0.dropFirst(name.count + 1)) })
    }
    #expect(try value("holdfast_process_resident_memory_bytes") > 1_000_000)
    #expect(try value("holdfast_process_threads") >= 1)
    #expect(try value("holdfast_process_open_fds") >= 3)
    #expect(try value("holdfast_process_start_time_seconds") > 1_700_000_000)
    let before = try value("holdfast_process_cpu_seconds_total")
    var spent = before
    while spent < before + 0.05 { spent = try value("holdfast_process_cpu_seconds_total") }
    // Read after the metrics, so it includes what other tests have used meanwhile.
    let usage = try #require(ProcessUsage.current())
    #expect(spent <= usage.cpuSeconds)
  }
}
