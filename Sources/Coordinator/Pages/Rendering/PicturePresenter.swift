import Common
import Foundation

/// What the template `picture` shows of the cluster: everything that changes while one looks.
struct PicturePresenter {
  private static let maxRecentTransitions = 12
  private static let maxTransitions = 100

  let view: ClusterView
  let look: Look
  let assets: Assets
  private let instants: Instants

  init(_ view: ClusterView, look: Look, assets: Assets) {
    self.view = view
    self.look = look
    self.assets = assets
    instants = Instants(now: view.at)
  }

  /// Is all well?
  enum Tone: String {
    case ok, warning, critical, checking

    var sign: String {
      switch self {
      case .ok: "✓"
      case .warning: "!"
      case .critical: "✕"
      case .checking: "…"
      }
    }
  }

  var tone: Tone {
    if view.problems.contains(where: { $0.severity == .critical }) { return .critical }
    // Not to have looked yet is no trouble.
    if view.problems.contains(where: { $0.kind != "not-judged" }) { return .warning }
    return view.healthy ? .ok : .checking
  }

  /// The problem that the shop cannot sell. It is told before all else.
  private var outage: ClusterView.Problem? { view.problems.first(where: Outage.isTold) }

  /// In large letters. What else is wrong stands below.
  private var headline: String {
    if let outage { return DisplayText.shown(outage.text) }
    return switch tone {
    case .ok, .checking: DisplayText.shown(view.summary)
    case .warning, .critical: problemCount
    }
  }

  private var listed: [ClusterView.Problem] {
    var problems = view.problems
    if let told = problems.firstIndex(where: Outage.isTold) { problems.remove(at: told) }
    return problems
  }

  private var problemCount: String { Wording.counted(view.problems.count, "problem", "problems") }

  /// What the browser's tab tells.
  var title: String {
    let words =
      switch tone {
      case _ where outage != nil: "Cannot sell"
      case .ok: "All well"
      case .checking: "Checking"
      case .warning, .critical: problemCount
      }
    return "\(words) – Holdfast"
  }

  var icon: String { assets.path("\(tone.rawValue).svg") }

  var fields: Fields {
    let nodes = view.nodes.filter(look.shows).sorted(by: Self.byName)
    var fields: Fields = [
      "title": title, "icon": icon, "now": instants.now, "clock": Instants.clock(instants.now),
      "taken": Instants.full(instants.now), "page": "\(assets.version)-\(look.mayChange)",
      "tone": tone.rawValue, "sign": tone.sign, "headline": headline,
      "hasProblems": !listed.isEmpty, "problems": listed.map(problem),
      "tiles": TotalsPresenter(view, isChecking: tone == .checking, instants: instants).tiles,
      "filters": filters, "storeRows": StorePresenter(store: view.store).rows,
      "mayChange": look.mayChange,
      "hasNodes": !nodes.isEmpty,
      "nodes": nodes.map { node($0).fields },
      "noNodes": view.nodes.isEmpty
        ? "No node has announced itself yet." : "No node is in this state now.",
      "invariants": view.invariants.map(Self.invariant), "checks": view.checks.map { DisplayText.shown($0) },
      "version": view.coordinator.version,
      "uptime": Wording.duration(seconds: view.coordinator.uptimeSeconds),
    ]
    if view.store.loss != nil, look.mayChange {
      fields["acknowledge"] = ["action": assets.base.address(StoreChange.acknowledgePath) + look.query]
    }
    if view.coordinator.lateRounds > 0 {
      fields["lateRounds"] = Wording.counted(view.coordinator.lateRounds, "round", "rounds")
    }
    switch tone {
    case .ok, .checking: fields["lastChange"] = view.transitions.first.map(transition)
    case .warning, .critical: fields["spoken"] = DisplayText.shown(spoken)
    }
    fields["lasting"] = outage.flatMap { instants.fields($0.since) }
    return fields.merging(history) { $1 }
  }

  /// What screen readers tell after the headline.
  private var spoken: String {
    outage == nil
      ? view.summary : listed.isEmpty ? "" : "and " + Wording.counted(listed.count, "more problem", "more problems")
  }

  private func node(_ node: ClusterView.Node) -> NodePresenter {
    NodePresenter(node, leader: view.leader?.id, instants: instants, look: look, base: assets.base)
  }

  private var history: Fields {
    let shown = view.transitions.prefix(Self.maxTransitions).map(transition)
    let older = Array(shown.dropFirst(Self.maxRecentTransitions))
    var fields: Fields = [
      "hasHistory": !shown.isEmpty, "recent": Array(shown.prefix(Self.maxRecentTransitions)), "older": older,
    ]
    if !older.isEmpty { fields["olderCount"] = older.count }
    return fields
  }

  private func problem(_ problem: ClusterView.Problem) -> Fields {
    var fields: Fields = ["class": problem.severity.rawValue, "text": DisplayText.shown(problem.text)]
    (fields["word"], fields["sign"]) =
      switch problem.severity {
      case .critical: ("critical", "✕")
      case .warning: ("warning", "!")
      }
    fields["since"] = instants.fields(problem.since)
    if let node = view.nodes.first(where: { $0.id == problem.node }) {
      // A node that the filter hides is on the page of all.
      let place = look.shows(node) ? "" : address(look.only([]))
      fields["href"] = "\(place)#\(NodePresenter.key(node.id))"
    }
    return fields
  }

  private func transition(_ transition: ClusterView.Transition) -> Fields {
    func style(_ state: String) -> String { ClusterView.Node.State(rawValue: state)?.style ?? "" }
    var fields: Fields = [
      "subject": DisplayText.shownName(transition.subject), "reason": DisplayText.shown(transition.reason),
      "from": DisplayText.shownName(transition.from), "fromClass": style(transition.from),
      "to": DisplayText.shownName(transition.to), "toClass": style(transition.to),
    ]
    fields["at"] = instants.fields(transition.at)
    return fields
  }

  /// The address of the page when it is looked at in this way.
  private func address(_ look: Look) -> String { assets.base.address("/") + look.query }

  /// One filter for all nodes, and one for each state that a node is in or that is asked for.
  private var filters: [Fields] {
    let all: Fields = [
      "word": "All", "count": view.nodes.count, "href": address(look.only([])) + "#nodes",
      "current": look.states.isEmpty,
    ]
    return [all]
      + ClusterView.Node.State.allCases.compactMap { state in
        let count = view.nodes.count { $0.state == state }
        guard count > 0 || look.states.contains(state) else { return nil }
        return [
          "word": state.rawValue.capitalized, "count": count, "href": address(look.only([state])) + "#nodes",
          "current": look.states.contains(state),
        ]
      }
  }

  private static func invariant(_ invariant: ClusterView.Invariant) -> Fields {
    var fields: Fields = ["name": DisplayText.shown(invariant.name), "detail": DisplayText.shown(invariant.detail)]
    (fields["class"], fields["sign"], fields["word"]) =
      switch invariant.holds {
      case true?: ("holds", "✓", "holds")
      case false?: ("broken", "✕", "broken")
      case nil: ("open", "?", "not told")
      }
    return fields
  }

  /// Nodes keep their places, whatever becomes of them: a button must not move away under the pointer. Only those that
  /// have left go to the end. `node-2` comes before `node-10`.
  private static func byName(_ one: ClusterView.Node, _ other: ClusterView.Node) -> Bool {
    guard (one.state == .left) == (other.state == .left) else { return other.state == .left }
    let order = one.id.compare(other.id, options: .numeric)
    return order == .orderedSame ? one.id < other.id : order == .orderedAscending
  }
}
