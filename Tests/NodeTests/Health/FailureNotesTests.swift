import RedisClient
import Store
import TestSupport
import Testing

@testable import Node

@Suite struct FailureNotesTests {
  private let log = LogRecorder()
  private var notes: FailureNotes

  init() { notes = FailureNotes(of: "sweep", logger: log.logger) }

  @Test mutating func `a refusal is an error, told once until it is over`() {
    for _ in 0..<3 { notes.note(.redis(.rejected(.other("ERR wrong")))) }
    notes.ended()
    notes.ended()
    #expect(log.levels == [.error, .notice] && log.all[0].contains("ERR wrong"), "\(log.all)")
  }

  @Test mutating func `what passes by itself is a warning`() {
    notes.note(.redis(.rejected(.notYet("LOADING Redis is loading the dataset in memory"))))
    #expect(log.levels == [.warning], "\(log.all)")
  }

  @Test mutating func `a link that is away is told by the link itself`() {
    notes.note(.redis(.notSent(.offline)))
    #expect(log.levels == [.debug])
  }
}
