import Foundation

/// Which seeds a simulation runs: all of them, or the one that `HOLDFAST_TEST_SEED` says.
struct Seeds {
  private let all: [UInt64]

  init(total: Int) throws {
    if let seed = ProcessInfo.processInfo.environment["HOLDFAST_TEST_SEED"].flatMap({ UInt64($0) }) {
      all = [seed]
    } else {
      all = (1...total).map { UInt64($0) }
    }
  }

  func part(_ number: Int, of count: Int) -> [UInt64] {
    all.count == 1 ? number == 0 ? all : [] : all.enumerated().filter { $0.offset % count == number }.map(\.element)
  }
}
