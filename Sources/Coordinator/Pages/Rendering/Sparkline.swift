/// Values over time as a small curve, the newest at the right edge.
enum Sparkline {
  /// One value a second.
  static let maxValues = 60
  private static let (width, height) = (120.0, 24.0)

  /// - Parameters:
  ///   - values: the oldest first; nil where there is none. Such gaps are marked.
  ///   - minTop: the full height stands for at least this, so that small values do not look like trouble.
  ///   - what: what the values are, for those who don't see the curve.
  /// - Returns: nil if there is nothing to show.
  static func fields(
    _ values: [Double?], minTop: Double, what: String, word: (Double) -> String
  ) -> Fields? {
    assert(minTop > 0, "all values may be 0")
    let values = values.suffix(maxValues).map { $0.map { max(0, $0) } }
    let known = values.compactMap(\.self)
    guard let last = known.last, let lowest = known.min(), let highest = known.max() else { return nil }
    let step = width / Double(maxValues - 1)
    let start = maxValues - values.count
    let top = max(highest, minTop)
    func x(_ index: Int) -> String { short(Double(start + index) * step) }
    func y(_ value: Double) -> String { short(height - 1 - value / top * (height - 2)) }

    var (line, area, gaps) = ("", "", "")
    for run in runs(of: values) {
      let points = run.map { "\(x($0.index)),\(y($0.value))" }
      // A value between two gaps would be a point without extent.
      line += "M\(points.joined(separator: "L"))" + (run.count == 1 ? "h0.01" : "")
      let bottom = short(height)
      area += "M\(x(run[0].index)),\(bottom)L\(points.joined(separator: "L"))L\(x(run[run.count - 1].index)),\(bottom)Z"
    }
    for index in values.indices where values[index] == nil { gaps += "M\(x(index)),\(short(height - 5))v5" }
    let range = lowest == highest ? word(last) : "\(word(lowest)) to \(word(highest)), now \(word(last))"
    let missing = values.count - known.count
    var fields: Fields = [
      "line": line, "area": area,
      "label": "\(what), last \(values.count) s: \(range)" + (missing > 0 ? "; \(missing) without a value" : ""),
    ]
    if !gaps.isEmpty { fields["gaps"] = gaps }
    return fields
  }

  /// The known values that stand side by side.
  private static func runs(of values: [Double?]) -> [[(index: Int, value: Double)]] {
    var runs: [[(index: Int, value: Double)]] = []
    var previous: Int?
    for (index, value) in values.enumerated() {
      guard let value else { continue }
      if previous == index - 1, !runs.isEmpty {
        runs[runs.count - 1].append((index, value))
      } else {
        runs.append([(index, value)])
      }
      previous = index
    }
    return runs
  }

  /// With one decimal: a curve has many points.
  private static func short(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }
}
