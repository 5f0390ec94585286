import Common
import NIOCore
import RedisClient

/// The store's identity and marks (``StoreEvidence``), by the script that looks at them, and raises a mark.
///
/// Lives on the event loop of its link; completions are called there.
package final class IdentityRepository {
  /// A mark that is so old is raised, by whichever node looks next.
  static let oldMark = TimeAmount.milliseconds(400)
  /// More than there are nodes; half of them are dropped at once.
  package static let maxMarks = 64

  /// What one look has found.
  package struct Look: Equatable, Sendable {
    /// Before the mark was raised.
    package var found: StoreSight
    /// What the store held then; nil if its identity is none of ours.
    package var after: StoreEvidence?
    /// The caller's mark, if it was raised.
    package var raised: Int64?
    /// Redis's clock, epoch milliseconds.
    package var time: Int64
    /// Whether as many replicas as are wanted hold all that was found, and the mark that was raised.
    package var isReplicated = true
  }

  private let caller: StoreCaller
  private let script: StoreScript<ProbeVerdict>
  /// The name of this process's mark, and what it was raised to last. A new mark is begun whenever it is not sure that
  /// the store goes on from the old one.
  private var mark = (name: StoreMark.newName(), last: Int64(0))

  init(scripts: ScriptLibrary, caller: StoreCaller) {
    (script, self.caller) = (scripts.probeStore, caller)
  }

  /// Looks at the identity and all marks. A store without an identity is given one, and this process's mark is raised
  /// where the last one is old. It has no effect after `limit`. A refusal of Redis's is told in Redis's own words.
  package func look(limit: TimeAmount, completion: @escaping (Result<Look, StoreFailure>) -> Void) {
    let (name, last) = mark
    var arguments = RedisArguments(StoreMark.newIdentity(), name)
    arguments.append(Int(Self.oldMark.nanoseconds / 1_000_000))
    arguments.append(Self.maxMarks)
    arguments.append(Int(last))
    let end = caller.now + limit
    // A mark that replicas lack may be gone after a failover by which nothing was lost that was acknowledged. It proves
    // nothing; what was found does.
    let call = StoreCall(script: script, arguments: arguments, effectBefore: end, deadline: end)
    caller.runAwaitingReplicas(call) { [self] result, notReplicated in
      let look = caller.decoded(result, from: script) { reply in
        var look = Look(reply, name: name)
        look?.isReplicated = notReplicated == nil
        return look
      }
      switch look {
      case .success(let look):
        let isHeld = last == 0 || StoreEvidence(identity: "", marks: [name: last]).marksAreHeld(by: look.found)
        let next = look.isReplicated ? look.raised ?? last : last
        mark = isHeld ? (name, next) : (StoreMark.newName(), 0)
      // It may have been raised all the same.
      case .failure(.redis(.unknown)): mark = (StoreMark.newName(), 0)
      case .failure: break
      }
      // Whatever is refused to this script is refused to all.
      if case .failure(.redis(.rejected(let rejection))) = look, rejection != .noScript {
        let line = script.script.unsigned(rejection.line)
        completion(.failure(.redis(.rejected(RedisFailure.Rejection(line: line)))))
      } else {
        completion(look)
      }
    }
  }
}

extension IdentityRepository.Look {
  /// Nil if it is not what the script replies.
  init?(_ reply: StoreReply<ProbeVerdict>, name: String) {
    switch reply.verdict {
    case .ok: break
    }
    var tokens = reply.rest
    guard let found = tokens.nextText(), let identity = tokens.nextText(), let floor = tokens.nextInteger(),
      let raised = tokens.nextText()
    else { return nil }
    var marks: [String: Int64] = [:]
    while let other = tokens.nextText() {
      guard let mark = tokens.nextInteger() else { return nil }
      marks[other] = Int64(mark)
    }
    self.found = StoreSight(identity: found == "-" ? nil : found, marks: marks, floor: Int64(floor))
    if identity != "-" {
      var after = StoreEvidence(identity: identity, marks: marks)
      if let raised = Int64(raised) { after.add(raised, by: name) }
      self.after = after
    }
    self.raised = Int64(raised)
    time = reply.time
  }
}
