import Foundation

/// Figures as people read them. `page.js` words durations the same way.
enum Wording {
  static func duration(seconds: Int) -> String {
    let seconds = max(0, seconds)
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400)
    if seconds < 60 { return "\(seconds) s" }
    if minutes < 60 { return "\(minutes) min \(seconds % 60) s" }
    if hours < 24 { return "\(hours) h \(minutes % 60) min" }
    return "\(count(days)) d \(hours % 24) h"
  }

  static func duration(milliseconds: Int) -> String { duration(seconds: milliseconds / 1000) }

  /// How long something took.
  static func took(milliseconds: Double) -> String {
    switch milliseconds {
    case ..<10: "\(decimal(milliseconds)) ms"
    case ..<1000: "\(count(whole(milliseconds))) ms"
    default: "\(decimal(milliseconds / 1000)) s"
    }
  }

  /// How long ago something was that happens every second.
  static func ago(milliseconds: Int) -> String {
    milliseconds < 10_000
      ? "\(decimal(Double(milliseconds) / 1000)) s ago" : "\(duration(milliseconds: milliseconds)) ago"
  }

  static func rate(_ perSecond: Double) -> String {
    perSecond > 0 && perSecond < 10 ? decimal(perSecond) : count(whole(perSecond))
  }

  static func bytes(_ bytes: Int) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"]
    guard bytes >= 1024 else { return "\(bytes) B" }
    var (value, unit) = (Double(bytes) / 1024, 0)
    while value >= 1024, unit + 1 < units.count { (value, unit) = (value / 1024, unit + 1) }
    return "\(decimal(value)) \(units[unit])"
  }

  /// `12345` → `12,345`
  static func count(_ count: some BinaryInteger) -> String {
    var text = ""
    for (index, digit) in count.magnitude.description.reversed().enumerated() {
      if index > 0, index % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (count < 0 ? "-" : "") + String(text.reversed())
  }

  static func counted(_ number: Int, _ one: String, _ many: String) -> String {
    "\(count(number)) \(number == 1 ? one : many)"
  }

  private static func decimal(_ value: Double) -> String { String(format: "%.1f", bounded(value)) }

  private static func whole(_ value: Double) -> Int { Int(bounded(value).rounded()) }

  /// A node may tell any number. None takes more room than this.
  private static func bounded(_ value: Double) -> Double { min(max(value, 0), 1e9) }
}
