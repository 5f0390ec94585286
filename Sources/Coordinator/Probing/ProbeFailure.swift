import Common

/// Why a probe does not show that the node is well.
enum ProbeFailure: Error, Equatable, Sendable {
  case noAnswer(within: Duration)
  /// Refused, unreachable, or not made in time.
  case noConnection(String)
  case status(Int)
  case noHealthReport
  /// Another node's id.
  case otherNode(id: String)
  /// The right id, but not the boot id that was announced.
  case otherProcess(bootID: String)
  case tooLarge
  case forbiddenAddress
  case unusable(String)
  case broken(String)

  init(_ failure: ExchangeFailure, timeout: Duration) {
    self =
      switch failure {
      case .timedOut: .noAnswer(within: timeout)
      case .noConnection(let words): .noConnection(words)
      case .tooLarge: .tooLarge
      case .forbiddenAddress: .forbiddenAddress
      case .unusable(let words): .unusable(words)
      case .broken(let words): .broken(words)
      }
  }

  /// For operators: what was seen, without the node's name.
  var words: String {
    switch self {
    case .noAnswer(let timeout): "no answer within \(Int(timeout / .milliseconds(1))) ms"
    case .noConnection(let words): words
    case .status(let status): "/health answered \(status)"
    case .noHealthReport: "/health answered something else than a health report"
    case .otherNode(let id): "answers as another node (\(id.clipped(to: 64)))"
    case .otherProcess(let bootID): "answers as another process (boot id \(bootID.clipped(to: 64)))"
    case .tooLarge: "/health answered more than a health report can be"
    case .forbiddenAddress: "its address is not in the allowed networks"
    case .unusable(let words): "its URL can't be asked: \(words)"
    case .broken(let words): "the connection failed: \(words)"
    }
  }

  /// The kind, for metrics.
  var label: String {
    switch self {
    case .noAnswer: "no-answer"
    case .noConnection: "no-connection"
    case .status: "status"
    case .noHealthReport: "no-health-report"
    case .otherNode: "other-node"
    case .otherProcess: "other-process"
    case .tooLarge: "too-large"
    case .forbiddenAddress: "forbidden-address"
    case .unusable: "unusable-url"
    case .broken: "broken"
    }
  }
}
