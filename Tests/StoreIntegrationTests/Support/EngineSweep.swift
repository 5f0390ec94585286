import NIOCore
import RedisClient

@testable import Store

/// Sweeps batch by batch like the leader of one long term, but with longer deadlines.
extension Engine.Parts {
  private static let term = String(repeating: "5", count: 32)
  /// The start of the test's clock, and so less than any epoch that comes of it.
  private static let epoch = 1_700_000_000_000
  private static let patience = TimeAmount.seconds(30)
  private static let maxBatches = 100

  /// Sweeps until nothing is due on any shard, and returns how many holds were released.
  func sweep(_ answer: @escaping (Answer) -> Void) {
    let lease = store.shards[0]
    var arguments = RedisArguments(Self.term)
    arguments.append(3_600_000)
    for text in ["0 model host:1", ""] { arguments.append(text) }
    run(lease.scripts.acquireLease, arguments, at: lease) { [self] result in
      guard case .success(let reply) = result, reply.verdict == .ok else { return answer(Self.strange(result)) }
      sweep(store.map.shards[...], released: 0, batchesLeft: Self.maxBatches, answer)
    }
  }

  private func sweep(
    _ shards: ArraySlice<Shard>, released: Int, batchesLeft: Int, _ answer: @escaping (Answer) -> Void
  ) {
    guard let shard = shards.first else { return answer(Answer(status: 200, body: "\(released) released")) }
    let session = store[shard]
    var arguments = RedisArguments(Self.term)
    arguments.append(SweepRepository.linesPerBatch)
    arguments.append(Self.epoch)
    run(session.scripts.sweep, arguments, at: session) { [self] result in
      guard case .success(let reply) = result, reply.verdict == .ok, batchesLeft > 0 else {
        return answer(Self.strange(result))
      }
      var tokens = reply.rest
      let sum = released + (tokens.nextInteger() ?? 0)
      let isMoreDue = tokens.nextInstant().map { $0 <= reply.time } ?? false
      store.settle(tokens.dueParts(), dueAt: shard) { [self] _ in
        sweep(isMoreDue ? shards : shards.dropFirst(), released: sum, batchesLeft: batchesLeft - 1, answer)
      }
    }
  }

  private func run<Verdict>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, at session: StoreSession,
    _ completion: @escaping StoreCaller.Completion<Verdict>
  ) {
    let end = NIODeadline.now() + Self.patience
    session.caller.run(
      StoreCall(script: script, arguments: arguments, effectBefore: end, deadline: end), completion: completion)
  }

  /// An answer that no model gives.
  private static func strange(_ result: Result<StoreReply<some StoreVerdict>, StoreFailure>) -> Answer {
    Answer(status: 0, body: "\(result)")
  }
}
