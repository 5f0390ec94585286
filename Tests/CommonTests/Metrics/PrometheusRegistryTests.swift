import Metrics
import Testing

@testable import Common

@Suite struct PrometheusRegistryTests {
  /// The lines of a rendering without comments and without the registry's own counter.
  private func samples(_ registry: PrometheusRegistry) -> [String] {
    registry.render().split(separator: "\n").map(String.init).filter {
      !$0.hasPrefix("#") && !$0.hasPrefix("holdfast_metrics_series_dropped_total")
    }
  }

  private func dropped(_ registry: PrometheusRegistry) -> String? {
    registry.render().split(separator: "\n")
      .first { $0.hasPrefix("holdfast_metrics_series_dropped_total ") }
      .map { String($0.dropFirst("holdfast_metrics_series_dropped_total ".count)) }
  }

  @Test func `counters rise, and only rise`() {
    let registry = PrometheusRegistry()
    let counter = Counter(label: "a_total", factory: registry)
    counter.increment()
    counter.increment(by: 41)
    counter.increment(by: -5)
    let seconds = FloatingPointCounter(label: "b_total", factory: registry)
    seconds.increment(by: 0.25)
    seconds.increment(by: 0.5)
    seconds.increment(by: -1)
    seconds.increment(by: Double.nan)
    #expect(samples(registry) == ["a_total 42", "b_total 0.75"])
    counter.reset()
    seconds.reset()
    #expect(samples(registry) == ["a_total 0", "b_total 0"])
  }

  @Test func `whole and fractional steps meet in one counter`() {
    let registry = PrometheusRegistry()
    Counter(label: "a_total", factory: registry).increment(by: 2)
    FloatingPointCounter(label: "a_total", factory: registry).increment(by: 0.5)
    #expect(samples(registry) == ["a_total 2.5"])
  }

  @Test func `gauges and meters go up and down`() {
    let registry = PrometheusRegistry()
    let gauge = Gauge(label: "a", factory: registry)
    gauge.record(7)
    gauge.record(3)
    let meter = Meter(label: "b", factory: registry)
    meter.set(10)
    meter.increment(by: 2.5)
    meter.decrement()
    Gauge(label: "c", factory: registry).record(-Double.infinity)
    #expect(samples(registry) == ["a 3", "b 11.5", "c -Inf"])
  }

  @Test func `timers are histograms in seconds`() {
    let registry = PrometheusRegistry(bounds: ["t_seconds": [0.001, 0.5, 1]])
    let timer = Timer(label: "t_seconds", factory: registry)
    timer.recordNanoseconds(1_000_000)  // A bound belongs to its bucket.
    timer.recordNanoseconds(1_000_001)
    timer.recordMilliseconds(700)
    timer.recordSeconds(3)
    #expect(
      samples(registry) == [
        #"t_seconds_bucket{le="0.001"} 1"#,
        #"t_seconds_bucket{le="0.5"} 2"#,
        #"t_seconds_bucket{le="1"} 3"#,
        #"t_seconds_bucket{le="+Inf"} 4"#,
        "t_seconds_sum 3.702000001",
        "t_seconds_count 4",
      ])
  }

  @Test func `timers have bounds by default`() {
    let registry = PrometheusRegistry()
    _ = Timer(label: "t_seconds", factory: registry)
    let bounds = samples(registry).compactMap { $0.split(separator: "\"").dropFirst().first }
    #expect(
      bounds == [
        "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1",
        "2.5", "+Inf",
      ])
  }

  @Test func `aggregating recorders are histograms`() {
    let registry = PrometheusRegistry(bounds: ["lines": [1, 5]])
    let recorder = Recorder(
      label: "lines", dimensions: [("kind", "x")], aggregate: true, factory: registry)
    recorder.record(1)
    recorder.record(4.5)
    recorder.record(20)
    recorder.record(Double.nan)
    #expect(
      samples(registry) == [
        #"lines_bucket{kind="x",le="1"} 1"#,
        #"lines_bucket{kind="x",le="5"} 2"#,
        #"lines_bucket{kind="x",le="+Inf"} 3"#,
        #"lines_sum{kind="x"} 25.5"#,
        #"lines_count{kind="x"} 3"#,
      ])
  }

  @Test func `same label and dimensions are one series`() {
    let registry = PrometheusRegistry()
    let one = registry.makeCounter(label: "a_total", dimensions: [("x", "1"), ("y", "2")])
    let same = registry.makeCounter(label: "a_total", dimensions: [("y", "2"), ("x", "1")])
    let other = registry.makeCounter(label: "a_total", dimensions: [("x", "2"), ("y", "2")])
    #expect(one === same)
    #expect(one !== other)
    one.increment(by: Int64(1))
    same.increment(by: Int64(1))
    #expect(samples(registry) == [#"a_total{x="1",y="2"} 2"#, #"a_total{x="2",y="2"} 0"#])
  }

  @Test func `families have one help and one type`() {
    let registry = PrometheusRegistry(help: ["a_total": "What \\ is\ncounted."])
    for value in ["1", "2"] {
      _ = Counter(label: "a_total", dimensions: [("x", value)], factory: registry)
    }
    let comments = registry.render().split(separator: "\n")
      .filter { $0.hasPrefix("#") && $0.contains(" a_total ") }
    #expect(comments == [#"# HELP a_total What \\ is\ncounted."#, "# TYPE a_total counter"])
  }

  @Test func `names and labels are made valid`() {
    let registry = PrometheusRegistry()
    _ = Counter(
      label: "http.requestCount",
      dimensions: [("9-le", "q\"b\\n\nü"), ("le", "x"), ("a.b", "1"), ("a_b", "2")],
      factory: registry)
    _ = Gauge(label: "", factory: registry)
    #expect(
      samples(registry) == [
        "_ 0",
        #"http_request_count_total{_9_le="q\"b\\n\nü",a_b="2",exported_le="x"} 0"#,
      ])
  }

  @Test func `series are bounded`() {
    let registry = PrometheusRegistry(maxSeries: 2)
    let kept = Counter(label: "a_total", dimensions: [("x", "1")], factory: registry)
    _ = Counter(label: "a_total", dimensions: [("x", "2")], factory: registry)
    let refused = Counter(label: "a_total", dimensions: [("x", "3")], factory: registry)
    _ = Timer(label: "t_seconds", factory: registry)
    refused.increment()
    #expect(samples(registry) == [#"a_total{x="1"} 0"#, #"a_total{x="2"} 0"#])
    #expect(dropped(registry) == "2")
    kept.destroy()
    Counter(label: "a_total", dimensions: [("x", "3")], factory: registry).increment()
    #expect(samples(registry) == [#"a_total{x="2"} 0"#, #"a_total{x="3"} 1"#])
  }

  @Test func `one name is one kind`() {
    let registry = PrometheusRegistry()
    _ = Gauge(label: "a", factory: registry)
    Timer(label: "a", factory: registry).recordSeconds(1)
    Timer(label: "t", factory: registry).recordSeconds(1)
    Recorder(label: "t", factory: registry).record(1)
    #expect(samples(registry).filter { $0.hasPrefix("a") } == ["a 0"])
    #expect(samples(registry).last == "t_count 1")
    #expect(dropped(registry) == "2")
  }

  @Test func `collectors run before each rendering`() {
    let registry = PrometheusRegistry()
    let counter = Counter(label: "a_total", factory: registry)
    registry.registerCollector { counter.increment() }
    _ = registry.render()
    #expect(samples(registry) == ["a_total 2"])
  }

  @Test func `nothing is lost among threads`() async {
    let registry = PrometheusRegistry()
    await withTaskGroup { group in
      for _ in 0..<4 {
        group.addTask {
          let counter = Counter(label: "a_total", factory: registry)
          let fractions = FloatingPointCounter(label: "b_total", factory: registry)
          let timer = Timer(label: "t_seconds", factory: registry)
          for _ in 0..<10_000 {
            counter.increment()
            fractions.increment(by: 0.5)
            timer.recordNanoseconds(1)
          }
        }
      }
    }
    let samples = samples(registry)
    #expect(samples.prefix(2) == ["a_total 40000", "b_total 20000"])
    #expect(samples.suffix(2) == ["t_seconds_sum 4e-05", "t_seconds_count 40000"])
  }
}
