import Glibc
import Metrics
import NIOConcurrencyHelpers

/// What the kernel knows of this process.
package struct ProcessUsage: Sendable {
  /// Processor time spent so far, in user and kernel mode.
  package let cpuSeconds: Double
  package let residentBytes: Int
  package let openFileDescriptors: Int
  package let threads: Int
  /// When the process was started, in seconds since 1970.
  package let startTimeSeconds: Double

  /// Reads it from `/proc`; nil if that is not there.
  package static func current() -> ProcessUsage? {
    guard let stat = text(of: "/proc/self/stat"), let nameEnd = stat.lastIndex(of: ")"),
      let bootTime = bootTimeSeconds(), let descriptors = openDescriptors()
    else { return nil }
    // The name, field 2, may hold spaces and parentheses: count the fields after it, from 3 on.
    let fields = stat[nameEnd...].split(separator: " ").dropFirst()
    func field(_ number: Int) -> Double? {
      let index = fields.startIndex + number - 3
      return index < fields.endIndex ? Double(fields[index]) : nil
    }
    guard let userTicks = field(14), let kernelTicks = field(15), let threads = field(20),
      let startTicks = field(22), let residentPages = field(24)
    else { return nil }
    let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
    return ProcessUsage(
      cpuSeconds: (userTicks + kernelTicks) / ticksPerSecond,
      residentBytes: Int(residentPages) * sysconf(Int32(_SC_PAGESIZE)),
      openFileDescriptors: descriptors,
      threads: Int(threads),
      startTimeSeconds: bootTime + startTicks / ticksPerSecond)
  }

  private static func text(of path: String) -> String? {
    (try? FileContents.read(path)).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func bootTimeSeconds() -> Double? {
    text(of: "/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
      .flatMap { Double($0.dropFirst("btime ".count)) }
  }

  private static func openDescriptors() -> Int? {
    guard let directory = opendir("/proc/self/fd") else { return nil }
    defer { closedir(directory) }
    var entries = 0
    while readdir(directory) != nil { entries += 1 }
    // Neither `.` and `..` nor the descriptor that lists them.
    return entries - 3
  }
}

/// Shows ``ProcessUsage`` as `holdfast_process_…`, and what became of log lines.
package enum ProcessMetrics {
  /// Adds the metrics, refreshed by each rendering.
  package static func register(with registry: PrometheusRegistry) {
    registry.describe([
      "holdfast_process_cpu_seconds_total": "Processor time spent, in user and kernel mode.",
      "holdfast_process_resident_memory_bytes": "Memory of the process that is in RAM.",
      "holdfast_process_open_fds": "Open file descriptors.",
      "holdfast_process_threads": "Threads of the process.",
      "holdfast_process_start_time_seconds": "When the process started, since 1970.",
      "holdfast_log_lines_dropped_total": "Log lines that whoever reads standard error was too slow for.",
    ])
    let cpu = FloatingPointCounter(label: "holdfast_process_cpu_seconds_total", factory: registry)
    let resident = Gauge(label: "holdfast_process_resident_memory_bytes", factory: registry)
    let descriptors = Gauge(label: "holdfast_process_open_fds", factory: registry)
    let threads = Gauge(label: "holdfast_process_threads", factory: registry)
    let startTime = Gauge(label: "holdfast_process_start_time_seconds", factory: registry)
    let dropped = Counter(label: "holdfast_log_lines_dropped_total", factory: registry)
    // A counter takes increments, but totals are told; and renderings may overlap.
    let countedDrops = NIOLockedValueBox(0)
    let countedCPU = NIOLockedValueBox(0.0)
    registry.registerCollector {
      countedDrops.withLockedValue { counted in
        let total = StandardError.queue.droppedEver
        dropped.increment(by: total - counted)
        counted = total
      }
      guard let usage = ProcessUsage.current() else { return }
      countedCPU.withLockedValue { counted in
        cpu.increment(by: usage.cpuSeconds - counted)
        counted = max(counted, usage.cpuSeconds)
      }
      resident.record(usage.residentBytes)
      descriptors.record(usage.openFileDescriptors)
      threads.record(usage.threads)
      startTime.record(usage.startTimeSeconds)
    }
  }
}
