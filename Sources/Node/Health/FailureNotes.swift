import Logging
import Store

/// Logs the failures of what is done again and again: once that it fails, and once that it works again.
///
/// A refusal of Redis's is an error that a person must look at. That it loads its data, or is busy, passes by itself: that is
/// a warning. A link that is away is told by the link itself.
struct FailureNotes {
  private let subject: String
  private let logger: Logger
  private var last: String?

  init(of subject: String, logger: Logger) {
    self.subject = subject
    self.logger = logger
  }

  mutating func note(_ failure: StoreFailure, _ what: String? = nil) {
    let facts: Logger.Metadata = ["subject": "\(what.map { "\(subject): \($0)" } ?? subject)"]
    guard let words = failure.cause else {
      logger.debug("failed for now", metadata: facts.merging(["failure": "\(failure)"]) { $1 })
      return
    }
    guard words != last else { return }
    last = words
    logger.log(
      level: failure.passesByItself ? .warning : .error, "refused by Redis",
      metadata: facts.merging(["redis": "\(words)"]) { $1 })
  }

  mutating func ended() {
    guard last != nil else { return }
    last = nil
    logger.notice("no longer refused by Redis", metadata: ["subject": "\(subject)"])
  }
}

extension StoreFailure {
  fileprivate var passesByItself: Bool { if case .redis(.rejected(.notYet)) = self { true } else { false } }
}
