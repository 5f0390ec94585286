import Common
import Foundation

/// What the template `node` shows of one node.
struct NodePresenter {
  let node: ClusterView.Node
  let leader: String?
  let instants: Instants
  let look: Look
  let base: BasePath

  init(_ node: ClusterView.Node, leader: String?, instants: Instants, look: Look, base: BasePath) {
    self.node = node
    self.leader = leader
    self.instants = instants
    self.look = look
    self.base = base
  }

  /// The id of the node's part of the page.
  static func key(_ id: String) -> String {
    let isPlain =
      (1...64).contains(id.utf8.count)
      && id.utf8.allSatisfy { byte in
        byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
          || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
      }
    return isPlain ? "n-\(id)" : "x-\(Assets.digest(id.utf8))"
  }

  private var name: String { DisplayText.shownName(node.id) }

  /// What it told last, if that is still taken to be true.
  private var health: HealthReport? { node.state.isReached ? node.health : nil }

  var fields: Fields {
    let trouble = NodeTrouble(node)
    var fields: Fields = [
      "key": Self.key(node.id), "name": name, "style": node.state.style,
      "trouble": trouble.map { " \($0.style)" } ?? "", "class": trouble?.style ?? node.state.style,
      "sign": trouble?.sign ?? node.state.sign,
      "word": trouble.map { "\(node.state.rawValue), \($0.word)" } ?? node.state.rawValue, "ready": node.ready,
      "leads": node.id == leader,
      "toDrain": node.wanted == Wanted.drain.rawValue && node.state != .draining,
      "reason": DisplayText.shown(trouble?.reason ?? node.reason), "requests": requests, "probes": probes,
      "redis": redis, "lease": lease,
      "changes": changes, "facts": NodeFacts(node).groups,
    ]
    fields["since"] = instants.fields(node.since)
    return fields
  }

  private var requests: Fields {
    guard let requests = health?.requests else { return ["rate": "–", "errors": "", "errorsClass": "quiet"] }
    let hasErrors = requests.errorsPerSecond > 0
    var fields: Fields = [
      "rate": "\(Wording.rate(requests.ratePerSecond)) /s",
      "errors": hasErrors ? "\(Wording.rate(requests.errorsPerSecond)) errors /s" : "no errors",
      "errorsClass": hasErrors ? "poor" : "quiet",
    ]
    fields["spark"] = Sparkline.fields(node.rates, minTop: 1, what: "Requests a second") { Wording.rate($0) }
    return fields
  }

  private var probes: Fields {
    let probe = node.probe
    var fields: Fields = [
      "last": probe.lastFailure == nil ? probe.lastMs.map { Wording.took(milliseconds: $0) } ?? "–" : "failed",
      "note": probe.lastFailure == nil
        ? probe.lastAgoMs.map { Wording.ago(milliseconds: $0) } ?? "not asked yet"
        : "\(Wording.count(probe.failuresInARow)) in a row",
      "noteClass": probe.lastFailure == nil ? "quiet" : "poor",
    ]
    fields["spark"] = Sparkline.fields(node.probeTimes, minTop: 5, what: "Probe times") {
      Wording.took(milliseconds: $0)
    }
    return fields
  }

  private var redis: Fields {
    guard let redis = health?.redis else {
      return ["state": "–", "class": "", "note": "", "noteClass": "quiet"]
    }
    let roundTrip = redis.roundTripMs.map { Wording.took(milliseconds: $0) }
    let warnings = redis.warnings.count
    return [
      "state": !redis.connected ? "not connected" : redis.faults.isEmpty ? "connected" : "of no use",
      "class": redis.connected && redis.faults.isEmpty ? "" : "poor",
      "note": warnings > 0
        ? Wording.counted(warnings, "warning", "warnings")
        : [roundTrip, "\(Wording.count(redis.pending)) pending"].compactMap(\.self).joined(separator: ", "),
      "noteClass": warnings > 0 ? "watch" : "quiet",
    ]
  }

  private var lease: Fields {
    guard let lease = health?.lease else { return ["state": "–", "note": ""] }
    let epoch = lease.epoch.map { "epoch \($0)" } ?? ""
    if lease.leader { return ["state": "holds it", "note": epoch] }
    return [
      "state": lease.holder.map { "follows \(DisplayText.shownName($0))" } ?? "sees no leader", "note": epoch,
    ]
  }

  private var changes: [Fields] {
    let isToDrain = node.wanted == Wanted.drain.rawValue
    let changes: [NodeChange] =
      switch node.state {
      case .left: [.forget]
      case .down: [isToDrain ? .undrain : .drain, .recheck, .forget]
      case .unknown, .up, .suspect, .recovering, .draining: [isToDrain ? .undrain : .drain, .recheck]
      }
    return changes.map { change in
      let word = change.rawValue.capitalized
      return [
        "action": base.address(change.path(of: node.id)) + look.query, "word": word, "label": "\(word) \(name)",
      ]
    }
  }
}
