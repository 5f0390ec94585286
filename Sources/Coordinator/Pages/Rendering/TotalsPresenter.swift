/// The cluster in a few figures.
struct TotalsPresenter {
  let view: ClusterView
  /// Whether what is missing may only not have been looked at yet.
  let isChecking: Bool
  let instants: Instants

  init(_ view: ClusterView, isChecking: Bool, instants: Instants) {
    self.view = view
    self.isChecking = isChecking
    self.instants = instants
  }

  var tiles: [Fields] { [leader, failovers, nodes, requests, errors, probes, overdue] }

  private func tile(
    _ name: String, _ figure: String, unit: String? = nil, note: String, isPoor: Bool = false, spark: Fields? = nil
  ) -> Fields {
    var fields: Fields = ["name": name, "figure": figure, "note": note, "class": isPoor ? "poor" : ""]
    fields["unit"] = unit
    fields["spark"] = spark
    return fields
  }

  private var leader: Fields {
    guard let leader = view.leader else {
      return tile("Leader", "none", note: isChecking ? "not known yet" : "nobody sweeps", isPoor: !isChecking)
    }
    var fields = tile(
      "Leader", DisplayText.shownName(leader.id), note: "in term, epoch \(leader.epoch)")
    fields["since"] = instants.fields(leader.since)
    return fields
  }

  private var failovers: Fields {
    tile("Failovers", Wording.count(view.failovers), note: "seen by this coordinator")
  }

  private var nodes: Fields {
    let totals = view.totals
    return tile(
      "Nodes up", "\(totals.up) of \(totals.nodes)", note: "\(totals.ready) ready for requests",
      isPoor: (totals.up < totals.nodes || totals.ready == 0) && !isChecking)
  }

  private var requests: Fields {
    let rates = view.totals.rates
    return tile(
      "Requests", Wording.rate(view.totals.ratePerSecond), unit: "/s",
      note: rates.max().map { "at most \(Wording.rate($0)) in a minute" } ?? "",
      spark: Sparkline.fields(rates, minTop: 1, what: "Requests a second") { Wording.rate($0) })
  }

  private var errors: Fields {
    let rate = view.totals.errorsPerSecond
    return tile(
      "Server errors", Wording.rate(rate), unit: "/s", note: rate > 0 ? "see the nodes below" : "none at present",
      isPoor: rate > 0)
  }

  /// The slowest of each second over all nodes.
  private var probes: Fields {
    var slowest = [Double?](repeating: nil, count: view.nodes.map(\.probeTimes.count).max() ?? 0)
    for node in view.nodes {
      for (index, time) in zip(slowest.indices.suffix(node.probeTimes.count), node.probeTimes) {
        slowest[index] = [slowest[index], time].compactMap(\.self).max()
      }
    }
    let last = slowest.last ?? nil
    return tile(
      "Slowest probe", last.map { Wording.took(milliseconds: $0) } ?? "–",
      note: slowest.compactMap(\.self).max().map { "at most \(Wording.took(milliseconds: $0)) in a minute" } ?? "",
      spark: Sparkline.fields(slowest, minTop: 5, what: "Slowest probe") { Wording.took(milliseconds: $0) })
  }

  private var overdue: Fields {
    let totals = view.totals
    let note =
      switch totals.oldestOverdueMs {
      case let oldest? where (totals.overdueHolds ?? 0) > 0:
        "the oldest by \(Wording.took(milliseconds: Double(oldest)))"
      default: totals.overdueHolds == nil ? "not known" : "all swept"
      }
    return tile(
      "Overdue holds", totals.overdueHolds.map { Wording.count($0) } ?? "–", note: note,
      isPoor: view.problems.contains { $0.kind == "overdue-holds" },
      spark: Sparkline.fields(totals.overdue.map { Double($0) }, minTop: 10, what: "Overdue holds") {
        Wording.rate($0)
      })
  }
}
