/// The rules of the Prometheus text format 0.0.4: names, escapes, numbers, lines.
enum PrometheusText {
  /// A metric's name from a swift-metrics label; labels that keep the rules come out unchanged.
  static func metricName(_ label: String, _ kind: MetricKind) -> String {
    let name = identifier(label)
    return kind == .counter && !name.hasSuffix("_total") ? name + "_total" : name
  }

  /// The labels of a sample in canonical order, without braces: `outcome="ok",route="reserve"`.
  static func labels(_ dimensions: [(String, String)]) -> String {
    guard !dimensions.isEmpty else { return "" }
    let named = dimensions.map { (labelName($0.0), $0.1) }
    // A label may occur only once in a sample; of several the last one counts.
    return Dictionary(named) { $1 }
      .sorted { $0.key < $1.key }
      .map { "\($0.key)=\"\(escaped($0.value, quotes: true))\"" }
      .joined(separator: ",")
  }

  static func appendHeader(
    _ name: String, _ kind: MetricKind, help: String, to text: inout String
  ) {
    text += "# HELP \(name) \(escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
  }

  /// - Parameters:
  ///   - suffix: What follows the metric's name.
  ///   - labels: The labels without braces; empty if there are none.
  ///   - bound: The `le` label beside them.
  static func appendSample(
    _ name: String, suffix: String = "", _ labels: String, bound: String? = nil, _ value: String,
    to text: inout String
  ) {
    // Piece by piece: this is most of the work of a rendering, and interpolation doubles it.
    text += name
    text += suffix
    if bound != nil || !labels.isEmpty {
      text += "{"
      text += labels
      if let bound {
        text += labels.isEmpty ? "le=\"" : ",le=\""
        text += bound
        text += "\""
      }
      text += "}"
    }
    text += " "
    text += value
    text += "\n"
  }

  static func number(_ value: Double) -> String {
    if let whole = Int64(exactly: value) { return String(whole) }
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return String(value)
  }

  private static func labelName(_ name: String) -> String {
    let name = identifier(name)
    // Histograms and summaries put their own labels of these names beside ours.
    return name == "le" || name == "quantile" ? "exported_" + name : name
  }

  /// `http.server.requestCount` → `http_server_request_count`
  private static func identifier(_ text: String) -> String {
    var name = ""
    var previous: Unicode.Scalar = "_"
    for scalar in text.unicodeScalars {
      switch scalar {
      case "A"..."Z":
        if ("a"..."z").contains(previous) { name.unicodeScalars.append("_") }
        name.unicodeScalars.append(scalar.properties.lowercaseMapping.unicodeScalars.first ?? "_")
      case "a"..."z", "_": name.unicodeScalars.append(scalar)
      case "0"..."9":
        if name.isEmpty { name.unicodeScalars.append("_") }
        name.unicodeScalars.append(scalar)
      default: name.unicodeScalars.append("_")
      }
      previous = scalar
    }
    return name.isEmpty ? "_" : name
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// What a metric is, in Prometheus's words.
enum MetricKind: String, Sendable {
  case counter, gauge, histogram
}
