import Testing

@testable import Node

@Suite struct ScriptLibraryTests {
  private static let library = ScriptLibrary(tuning: .init(retentionSeconds: 77, eventsMaxLength: 99))
  private static var all: [Script] {
    [
      library.reserve, library.confirm, library.cancel, library.extend, library.readReservation, library.readStock,
      library.listStock, library.changeStock, library.deleteStock, library.auditStock, library.release,
      library.acquireLease, library.renewLease, library.releaseLease, library.sweep, library.trim, library.overdue,
    ]
  }

  @Test func everyScriptIsItsFirstLineThenTheConstantsThenTheSharedHead() {
    for script in Self.all {
      let lines = script.source.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines[0].hasPrefix("#!lua"), "\(script.name)")
      #expect(lines[1].hasPrefix("local INVENTORY = 'inventory:' "), "\(script.name)")
      #expect(script.source.contains("if now > ARGV[1] then\n  return 'LATE ' .. now"), "\(script.name)")
      #expect(script.sha.count == 40 && script.sha.allSatisfy(\.isHexDigit))
    }
    #expect(Set(Self.all.map(\.sha)).count == Self.all.count)
  }

  /// engine.md: scripts that free memory or keep order run on a full Redis too.
  @Test func whatFinishesRunsOnAFullStoreAndWhatReadsWritesNothing() {
    for script in Self.all {
      let flags = script.source.prefix { $0 != "\n" }
      switch script.kind {
      case .reads: #expect(flags.contains("no-writes"), "\(script.name)")
      case .adds: #expect(!flags.contains("allow-oom"), "\(script.name)")
      case .finishes where script.name == "extend": break
      case .finishes: #expect(flags.contains("allow-oom"), "\(script.name)")
      }
    }
    #expect([Self.library.confirm, Self.library.cancel, Self.library.release].allSatisfy { $0.kind == .finishes })
    // On a full Redis the one process that would free memory must still be elected, and run.
    #expect((Self.library.forElection + [Self.library.sweep, Self.library.trim]).allSatisfy { $0.kind == .finishes })
    #expect([Self.library.reserve, Self.library.changeStock].allSatisfy { $0.kind == .adds })
  }

  @Test func anOperatorsTuningIsPartOfTheScripts() {
    let source = Self.library.reserve.source
    for constant in [
      "RETENTION = '77'", "EVENTS_MAX = '99'", "KEPT = '137'", "HOLD_LIMIT = 3600", "STOCK_LIMIT = 1000000000",
      "ITEMS_AT = \(StoredReservation.itemsOffset + 1)", "COMMA = 44", "RESERVATION = 'reservation:'",
    ] {
      #expect(source.contains("local \(constant)"), "\(constant)")
    }
    #expect(ScriptLibrary(tuning: .init()).reserve.sha != Self.library.reserve.sha)
  }

  @Test func everyScriptIsLoadedWhereItIsCalled() {
    let loaded = Set(
      [Self.library.forShoppers, Self.library.forOperators, Self.library.forElection, Self.library.forSweeping]
        .joined().map(\.name))
    #expect(loaded == Set(Self.all.map(\.name)))
  }
}
