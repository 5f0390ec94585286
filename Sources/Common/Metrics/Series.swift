import Metrics
import Synchronization

/// The values of one metric under one set of labels.
protocol Series: AnyObject, Sendable {
  /// Appends the sample lines.
  ///
  /// - Parameters:
  ///   - name: The metric's name as exposed.
  ///   - labels: The labels as exposed, without braces; empty if there are none.
  func render(name: String, labels: String, to text: inout String)
}

/// A total that only rises, in whole or fractional steps.
final class CounterSeries: Series, CounterHandler, FloatingPointCounterHandler {
  // Apart, so that whole steps, the common case, are a single addition and never lose precision.
  private let whole = Atomic<Int64>(0)
  private let fractional = AtomicDouble()

  func increment(by amount: Int64) {
    guard amount > 0 else { return }
    whole.wrappingAdd(amount, ordering: .relaxed)
  }

  func increment(by amount: Double) {
    guard amount > 0, amount.isFinite else { return }
    fractional.add(amount)
  }

  func reset() {
    whole.store(0, ordering: .relaxed)
    fractional.store(0)
  }

  func render(name: String, labels: String, to text: inout String) {
    let (whole, fractional) = (whole.load(ordering: .relaxed), fractional.value)
    let value =
      fractional == 0 ? String(whole) : PrometheusText.number(Double(whole) + fractional)
    PrometheusText.appendSample(name, labels, value, to: &text)
  }
}

/// A value that goes up and down: a meter, or a recorder that does not aggregate.
final class GaugeSeries: Series, MeterHandler, RecorderHandler {
  private let current = AtomicDouble()

  func set(_ value: Int64) { current.store(Double(value)) }
  func set(_ value: Double) { current.store(value) }
  func record(_ value: Int64) { current.store(Double(value)) }
  func record(_ value: Double) { current.store(value) }
  func increment(by amount: Double) { current.add(amount) }
  func decrement(by amount: Double) { current.add(-amount) }

  func render(name: String, labels: String, to text: inout String) {
    PrometheusText.appendSample(name, labels, PrometheusText.number(current.value), to: &text)
  }
}

/// The distribution of durations: recorded in nanoseconds, shown in seconds.
final class TimerSeries: Series, TimerHandler {
  private let buckets: Buckets<Int64>
  private let sumNanoseconds = Atomic<Int64>(0)

  /// - Parameter bounds: Upper bounds of the buckets in seconds, ascending.
  init(bounds: [Double]) {
    buckets = Buckets(bounds: bounds.map { Int64(($0 * 1e9).rounded()) }, shownAs: bounds)
  }

  func recordNanoseconds(_ duration: Int64) {
    buckets.count(duration)
    sumNanoseconds.wrappingAdd(duration, ordering: .relaxed)
  }

  func render(name: String, labels: String, to text: inout String) {
    let sum = Double(sumNanoseconds.load(ordering: .relaxed)) / 1e9
    buckets.render(name: name, labels: labels, sum: sum, to: &text)
  }
}

/// The distribution of recorded numbers: a recorder that aggregates.
final class DistributionSeries: Series, RecorderHandler {
  private let buckets: Buckets<Double>
  private let sum = AtomicDouble()

  /// - Parameter bounds: Upper bounds of the buckets, ascending.
  init(bounds: [Double]) {
    buckets = Buckets(bounds: bounds, shownAs: bounds)
  }

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    // One NaN would make the sum NaN for ever.
    guard value.isFinite else { return }
    buckets.count(value)
    sum.add(value)
  }

  func render(name: String, labels: String, to text: inout String) {
    buckets.render(name: name, labels: labels, sum: sum.value, to: &text)
  }
}

/// How many observations fell below each of a few fixed bounds.
private struct Buckets<Bound: Comparable & Sendable>: ~Copyable, Sendable {
  private let bounds: [Bound]
  private let boundTexts: [String]
  private let counts: AtomicCounts

  init(bounds: [Bound], shownAs shown: [Double]) {
    precondition(bounds.count == shown.count && zip(bounds, bounds.dropFirst()).allSatisfy(<), "bounds must ascend")
    self.bounds = bounds
    boundTexts = shown.map(PrometheusText.number) + ["+Inf"]
    counts = AtomicCounts(count: bounds.count + 1)
  }

  func count(_ value: Bound) {
    // There are few bounds, and the low ones are the likely ones. So this is faster than halving.
    var index = 0
    while index < bounds.count, value > bounds[index] { index += 1 }
    counts.increment(index)
  }

  func render(name: String, labels: String, sum: Double, to text: inout String) {
    var total: UInt64 = 0
    for (index, bound) in boundTexts.enumerated() {
      total += counts[index]
      PrometheusText.appendSample(
        name, suffix: "_bucket", labels, bound: bound, String(total), to: &text)
    }
    PrometheusText.appendSample(
      name, suffix: "_sum", labels, PrometheusText.number(sum), to: &text)
    // Not a count of its own: it must equal the last bucket, whatever is recorded meanwhile.
    PrometheusText.appendSample(name, suffix: "_count", labels, String(total), to: &text)
  }
}
