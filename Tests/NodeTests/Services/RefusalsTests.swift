import Common
import NIOCore
import RedisClient
import Testing

@testable import Node
@testable import Store

@Suite struct RefusalsTests {
  private static let ofRedis: [RedisFailure] = [
    .notSent(.overloaded), .notSent(.offline), .notSent(.deadlinePassed), .notSent(.late), .rejected(.noScript),
    .rejected(.notYet("LOADING")), .rejected(.readOnly("READONLY")), .rejected(.unwritable("OOM")),
    .rejected(.other("ERR x")),
    .unknown(.deadlinePassed), .unknown(.linkLost), .unknown(.scriptFailed("ERR x script: 1f, on line 1")),
  ]
  private static let failures: [StoreFailure] =
    ofRedis.map { .redis($0) } + [
      .damaged(StoreDamage(sku: SKU("A"), key: "holds:A")), .damaged(StoreDamage(key: "events")), .nearlyFull,
      .contended(KeyObstacle(kind: .rivals)),
    ]

  @Test(arguments: failures)
  func `a failure of the store is told by what the caller may do next`(failure: StoreFailure) {
    let (write, read) = (Problem.store(failure, isWrite: true), Problem.store(failure, isWrite: false))
    switch failure {
    case .redis(.notSent(.overloaded)): #expect(write.kind == .overloaded && read.kind == .overloaded)
    case .redis(.unknown): #expect(write.kind == .outcomeUnknown && read.kind == .storeUnavailable)
    case .damaged(let damage):
      #expect(write.kind == .stockDamaged && read.kind == .stockDamaged)
      #expect(String(buffer: write.members) == (damage.sku == nil ? "" : ",\"sku\":\"A\""))
      #expect(!write.detail.contains(damage.key), "names of keys are for the log")
    case .redis(.rejected(.other)): #expect(write.kind == .internalError && read.kind == .internalError)
    case .redis(.notSent), .redis(.rejected), .nearlyFull, .contended:
      #expect(write.kind == .storeUnavailable && read.kind == .storeUnavailable)
    }
    for problem in [write, read] {
      // Every 503 says when to try again. No answer repeats the store's words.
      #expect((problem.retryAfter != nil) == (problem.kind.status == 503))
      #expect(!problem.detail.contains("ERR") && !problem.detail.contains("OOM"))
    }
  }

  @Test(arguments: [
    (Int64(1), 1), (999, 1), (1000, 1), (1001, 2), (59_001, 60), (0, 1), (-5000, 1),
  ])
  func `a shortage tells when the earliest hold could lapse`(milliseconds: Int64, seconds: Int) {
    let now: Int64 = 1_795_337_100_123
    let skus = ["A", "B", "C"].map { SKU(stored: $0.utf8) }
    let problem = Problem.insufficientStock(
      [
        Shortage(sku: skus[0], requested: 2, available: 1, reserved: 0),
        Shortage(sku: skus[1], requested: 3, available: 0, reserved: 9, nextReleaseAt: now + milliseconds + 5000),
        Shortage(sku: skus[2], requested: 3, available: 0, reserved: 9, nextReleaseAt: now + milliseconds),
      ], now: now)
    #expect(problem.kind == .insufficientStock && problem.retryAfter == seconds)
  }

  @Test func `a shortage without holds gives no hope`() throws {
    let problem = Problem.insufficientStock(
      [Shortage(sku: SKU(stored: "A".utf8), requested: 2, available: 1, reserved: 0)], now: 5)
    #expect(problem.retryAfter == nil)
    let shortages = try problem.document.json()["shortages"] as? [[String: Any]]
    #expect(shortages?.count == 1 && shortages?[0].count == 4 && shortages?[0]["sku"] as? String == "A")
    #expect(shortages?[0]["requested"] as? Int == 2 && shortages?[0]["available"] as? Int == 1)
    #expect(shortages?[0]["reserved"] as? Int == 0)
  }

  @Test func `refusals bring the members of the contract`() throws {
    #expect(
      try Problem.unknownSKUs(["A", "B"].map { SKU(stored: $0.utf8) }).document.json()["skus"] as? [String] == [
        "A", "B",
      ])
    let inUse = try Problem.stockInUse(reserved: 3, sold: 4).document.json()
    #expect(inUse["reserved"] as? Int == 3 && inUse["sold"] as? Int == 4 && inUse["status"] as? Int == 409)
  }

  @Test(arguments: [
    (Reservation.Status.confirmed, ProblemKind.reservationConfirmed), (.cancelled, .reservationCancelled),
    (.expired, .reservationExpired),
  ])
  func `a final state is told by its name`(status: Reservation.Status, kind: ProblemKind) {
    #expect(Problem.final(status).kind == kind)
  }
}
