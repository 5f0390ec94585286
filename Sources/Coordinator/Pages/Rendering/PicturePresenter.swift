import Common
import Foundation

/// What the template `picture` shows of the cluster: everything that changes while one looks.
struct PicturePresenter {
  private static let recentTransitions = 12
  private static let mostTransitions = 100

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

  /// The verdict in large letters. What is wrong in particular stands below.
  private var headline: String {
    switch tone {
    case .ok, .checking: DisplayText.shown(view.summary)
    case .warning, .critical: problemCount
    }
  }

  private var problemCount: String { Wording.counted(view.problems.count, "problem", "problems") }

  /// What the browser's tab tells.
  var title: String {
    let verdict =
      switch tone {
      case .ok: "All well"
      case .checking: "Checking"
      case .warning, .critical: problemCount
      }
    return "\(verdict) – Holdfast"
  }

  var icon: String { assets.path("\(tone.rawValue).svg") }

  var fields: Fields {
    let nodes = view.nodes.filter(look.shows).sorted(by: Self.byName)
    var fields: Fields = [
      "title": title, "icon": icon, "now": instants.now, "clock": Instants.clock(instants.now),
      "taken": Instants.full(instants.now), "page": "\(assets.version)-\(look.mayChange)",
      "tone": tone.rawValue, "sign": tone.sign, "headline": headline,
      "hasProblems": !view.problems.isEmpty, "problems": view.problems.map(problem),
      "tiles": TotalsPresenter(view, isChecking: tone == .checking, instants: instants).tiles,
      "filters": filters, "mayChange": look.mayChange,
      "hasNodes": !nodes.isEmpty,
      "nodes": nodes.map { NodePresenter($0, leader: view.leader?.id, instants: instants).fields },
      "noNodes": view.nodes.isEmpty
        ? "No node has announced itself yet." : "No node is in this state now.",
      "invariants": view.invariants.map(Self.invariant), "checks": view.checks.map { DisplayText.shown($0) },
      "version": view.coordinator.version,
      "uptime": Wording.duration(seconds: view.coordinator.uptimeSeconds),
    ]
    if view.coordinator.lateRounds > 0 {
      fields["lateRounds"] = Wording.counted(view.coordinator.lateRounds, "round", "rounds")
    }
    switch tone {
    case .ok, .checking: fields["lastChange"] = view.transitions.first.map(transition)
    case .warning, .critical: fields["spoken"] = DisplayText.shown(view.summary)
    }
    return fields.merging(history) { $1 }
  }

  private var history: Fields {
    let shown = view.transitions.prefix(Self.mostTransitions).map(transition)
    let older = Array(shown.dropFirst(Self.recentTransitions))
    var fields: Fields = [
      "hasHistory": !shown.isEmpty, "recent": Array(shown.prefix(Self.recentTransitions)), "older": older,
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
      fields["href"] = (look.shows(node) ? "#" : "/#") + NodePresenter.key(node.id)
    }
    return fields
  }

  private func transition(_ transition: ClusterView.Transition) -> Fields {
    func style(_ state: String) -> String { ClusterView.Node.State(rawValue: state)?.style ?? "" }
    var fields: Fields = [
      "subject": DisplayText.shown(transition.subject, limit: 64), "reason": DisplayText.shown(transition.reason),
      "from": DisplayText.shown(transition.from, limit: 64), "fromClass": style(transition.from),
      "to": DisplayText.shown(transition.to, limit: 64), "toClass": style(transition.to),
    ]
    fields["at"] = instants.fields(transition.at)
    return fields
  }

  /// One for all nodes, and one for each state that some node is in or that is asked for.
  private var filters: [Fields] {
    let all: Fields = [
      "word": "All", "count": view.nodes.count, "href": "/#nodes", "current": look.states.isEmpty,
    ]
    return [all]
      + ClusterView.Node.State.allCases.compactMap { state in
        let count = view.nodes.count { $0.state == state }
        guard count > 0 || look.states.contains(state) else { return nil }
        return [
          "word": state.rawValue.capitalized, "count": count, "href": "/?state=\(state.style)#nodes",
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

  /// Nodes keep their places, whatever becomes of them: a button must not move away under the pointer. Only those
  /// that have left stand last. `node-2` comes before `node-10`.
  private static func byName(_ one: ClusterView.Node, _ other: ClusterView.Node) -> Bool {
    guard (one.state == .left) == (other.state == .left) else { return other.state == .left }
    let order = one.id.compare(other.id, options: .numeric)
    return order == .orderedSame ? one.id < other.id : order == .orderedAscending
  }
}
