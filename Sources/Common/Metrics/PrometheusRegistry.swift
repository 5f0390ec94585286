import Metrics
import NIOConcurrencyHelpers

/// The process's metrics: a swift-metrics backend that shows them in the Prometheus text format.
///
/// Recording takes no lock and allocates nothing; making a metric does both, so make metrics once
/// and keep them. The same label with the same dimensions gives the same series.
package final class PrometheusRegistry: MetricsFactory, Sendable {
  /// Bounds for timers without bounds of their own, in seconds.
  package static let defaultTimerBounds: [Double] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
  ]

  /// Bounds for aggregating recorders without bounds of their own.
  package static let defaultRecorderBounds: [Double] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000,
  ]

  private static let droppedLabel = "holdfast_metrics_series_dropped_total"

  private struct Family {
    let kind: MetricKind
    let help: String
    /// By their labels as exposed.
    var series: [String: any Series] = [:]
  }

  private struct State {
    /// By their names as exposed.
    var families: [String: Family] = [:]
    var seriesCount = 0
    var help: [String: String]
    var collectors: [@Sendable () -> Void] = []
  }

  private let state: NIOLockedValueBox<State>
  private let bounds: [String: [Double]]
  private let maxSeries: Int
  private let dropped = CounterSeries()

  /// - Parameters:
  ///   - help: What metrics mean, by their labels.
  ///   - bounds: Upper bounds of histogram buckets, ascending, by labels: of a timer in seconds, of
  ///     a recorder in its own unit.
  ///   - maxSeries: How many series (a metric under one set of labels) there may be. Further ones
  ///     record nothing and are counted, so that a mistaken label cannot eat the memory.
  package init(
    help: [String: String] = [:], bounds: [String: [Double]] = [:], maxSeries: Int = 2000
  ) {
    for (label, bounds) in bounds {
      precondition(
        zip(bounds, bounds.dropFirst()).allSatisfy(<), "the bounds of \(label) must ascend")
    }
    precondition(maxSeries > 0, "a registry without room is of no use")
    state = NIOLockedValueBox(State(help: help))
    self.bounds = bounds
    self.maxSeries = maxSeries
  }

  /// Adds what metrics mean, by their labels; to be called before they are made.
  package func describe(_ help: [String: String]) {
    state.withLockedValue { $0.help.merge(help) { $1 } }
  }

  /// Has values brought up to date just before each ``render()``, which may run on any thread.
  package func registerCollector(_ collect: @escaping @Sendable () -> Void) {
    state.withLockedValue { $0.collectors.append(collect) }
  }

  /// All metrics in the Prometheus text format 0.0.4, sorted by name and labels.
  package func render() -> String {
    // Outside of the lock, as collectors may make metrics.
    for collect in state.withLockedValue({ $0.collectors }) { collect() }

    var families = state.withLockedValue { $0.families }
    families[Self.droppedLabel] = Family(
      kind: .counter, help: "Requests for a metric series refused for want of room or a clash.",
      series: ["": dropped])
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      PrometheusText.appendHeader(name, family.kind, help: family.help, to: &text)
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        series.render(name: name, labels: labels, to: &text)
      }
    }
    return text
  }

  // MARK: - MetricsFactory

  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(.counter, label, dimensions) { CounterSeries() } ?? NOOPMetricsHandler.instance
  }

  package func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    series(.counter, label, dimensions) { CounterSeries() } ?? NOOPMetricsHandler.instance
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(.gauge, label, dimensions) { GaugeSeries() } ?? NOOPMetricsHandler.instance
  }

  package func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    let recorder: (any RecorderHandler)? =
      aggregate
      ? series(.histogram, label, dimensions) {
        DistributionSeries(bounds: bounds[label] ?? Self.defaultRecorderBounds)
      }
      : series(.gauge, label, dimensions) { GaugeSeries() }
    return recorder ?? NOOPMetricsHandler.instance
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(.histogram, label, dimensions) {
      TimerSeries(bounds: bounds[label] ?? Self.defaultTimerBounds)
    } ?? NOOPMetricsHandler.instance
  }

  package func destroyCounter(_ handler: any CounterHandler) { forget(handler) }
  package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
    forget(handler)
  }
  package func destroyMeter(_ handler: any MeterHandler) { forget(handler) }
  package func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }
  package func destroyTimer(_ handler: any TimerHandler) { forget(handler) }

  // MARK: - Series

  /// The series of that name and those labels; nil if there is no room for it, or if the name is
  /// taken by a metric of another kind.
  private func series<Kept: Series>(
    _ kind: MetricKind, _ label: String, _ dimensions: [(String, String)], make: () -> Kept
  ) -> Kept? {
    let name = PrometheusText.metricName(label, kind)
    let labels = PrometheusText.labels(dimensions)
    let series = state.withLockedValue { state -> Kept? in
      let family = state.families[name]
      if let known = family?.series[labels] { return known as? Kept }
      guard family == nil || family?.kind == kind, state.seriesCount < maxSeries,
        name != Self.droppedLabel
      else { return nil }
      let made = make()
      state.families[
        name, default: Family(kind: kind, help: state.help[label] ?? "Not described.")
      ].series[labels] = made
      state.seriesCount += 1
      return made
    }
    if series == nil { dropped.increment(by: Int64(1)) }
    return series
  }

  private func forget(_ handler: AnyObject) {
    state.withLockedValue { state in
      for (name, family) in state.families {
        for (labels, series) in family.series where series === handler {
          state.families[name]?.series[labels] = nil
          if family.series.count == 1 { state.families[name] = nil }
          state.seriesCount -= 1
        }
      }
    }
  }
}
