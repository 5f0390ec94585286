import Common
import Testing

@testable import Coordinator

@Suite struct KnownStoreTests {
  private static let loss = HealthReport.Store.Loss(
    seenIdentity: "9c1f", seenMark: 5000, foundIdentity: nil, foundMark: nil,
    since: RFC3339.string(epochMilliseconds: 9000))

  private func told(
    mark: Int64, identity: String = "9c1f", acknowledged: Int64 = 0, loss: HealthReport.Store.Loss? = nil
  ) -> HealthReport.Store {
    HealthReport.Store(identity: identity, mark: mark, markedBy: "b1", acknowledged: acknowledged, loss: loss)
  }

  /// A known store that is already written to the file.
  private func known(mark: Int64 = 10_000) -> KnownStore {
    var store = KnownStore(StoreMemory())
    _ = store.heard(told(mark: mark))
    store.keep()
    return store
  }

  @Test func `a store that is seen for the first time is worth writing`() {
    var store = KnownStore(StoreMemory())
    #expect(store.heard(told(mark: 1)) == true)
    #expect(store.memory.evidence?.identity == "9c1f")
  }

  @Test func `a mark is worth writing when it has risen by five seconds since it was last written`() {
    var store = known(mark: 10_000)
    #expect(store.heard(told(mark: 10_001)) == false)
    #expect(store.heard(told(mark: 14_999)) == false)
    #expect(store.memory.evidence?.mark == 14_999, "it is known all the same")
    #expect(store.heard(told(mark: 15_000)) == true)
    #expect(store.heard(told(mark: 15_001)) == true, "it has not been written yet")
    store.keep()
    #expect(store.heard(told(mark: 20_000)) == false)
    #expect(store.heard(told(mark: 20_001)) == true)
  }

  @Test func `a loss, and an acknowledgement of which a node tells first, are worth writing at once`() {
    var store = known()
    #expect(store.heard(told(mark: 10_000, loss: Self.loss)) == true)
    #expect(store.heard(told(mark: 10_000, loss: Self.loss)) == false, "it is known already")
    store = known()
    #expect(store.heard(told(mark: 10_000, acknowledged: 7)) == true)
    #expect(store.memory.acknowledged == 7)
  }

  @Test func `what an operator acknowledges is written then, so that the next mark is no reason to write`() {
    var store = known()
    store.acknowledge([told(mark: 60_000, identity: "ab", loss: Self.loss)], at: 100_000)
    #expect(store.memory.acknowledged == 100_000 && store.memory.evidence?.identity == "ab")
    #expect(store.heard(told(mark: 60_500, identity: "ab", acknowledged: 100_000)) == false)
    #expect(store.heard(told(mark: 65_000, identity: "ab", acknowledged: 100_000)) == true)
  }
}
