import Common

extension HealthReport.Redis.Replicas {
  /// Whether the changes that wait for replicas wait in vain.
  var isShort: Bool { connected < awaited }

  var words: String {
    let behind = lagBytes.map { $0 == 0 ? ", up to date" : ", \(Wording.bytes($0)) behind" } ?? ""
    let wanted = awaited == 0 ? "" : ", of which \(Wording.count(awaited)) must have a change before it is acknowledged"
    return "\(Wording.count(connected))\(behind)\(wanted)"
  }
}

/// The store as the nodes see it: what it is, what is wrong with it, and what is damaged in it.
struct StorePresenter {
  let store: ClusterView.Store

  private struct Row {
    var name: String
    var value: String
    var style = ""
  }

  /// None while no node tells.
  var rows: [Fields] {
    guard store.usedBytes != nil else { return [] }
    return (identity + faults + damage).compactMap(\.self).map { row in
      ["name": row.name, "value": DisplayText.shown(row.value), "class": row.style]
    }
  }

  private var identity: [Row?] {
    let limit = store.limitBytes.flatMap { $0 > 0 ? " of \(Wording.bytes($0))" : nil } ?? ""
    return [
      store.version.map { Row(name: "Redis", value: $0) },
      store.servers.isEmpty
        ? nil
        : Row(name: store.servers.count == 1 ? "Master" : "Masters", value: store.servers.joined(separator: ", ")),
      shards,
      store.replicas.map { Row(name: "Replicas", value: $0.words, style: $0.isShort ? "poor" : "") },
      store.usedBytes.map { Row(name: "Memory", value: Wording.bytes($0) + limit) },
      store.identity.map { Row(name: "Identity", value: $0) },
      store.mark.map { Row(name: "Last mark", value: Instants.full($0) ?? $0) },
      store.clockOffsetMs.map { offset in
        let took = Wording.took(milliseconds: Double(offset.magnitude))
        let isFar = offset.magnitude > HealthReport.Redis.maxClockOffsetMs
        return Row(
          name: "Its clock", value: offset == 0 ? "as the nodes'" : "\(took) \(offset > 0 ? "ahead" : "behind")",
          style: isFar ? "watch" : "")
      },
    ]
  }

  private var shards: Row? {
    guard let count = store.shards, count > 1 else { return nil }
    guard let missing = store.unservedShards, missing > 0 else {
      return Row(name: "Shards", value: Wording.count(count))
    }
    return Row(
      name: "Shards", value: "\(Wording.count(count)), of which \(Wording.count(missing)) have no server", style: "poor"
    )
  }

  /// Marks are instants of Redis's clock.
  private static func instant(_ mark: Int64) -> String {
    RFC3339.representable.contains(mark) ? Instants.full(mark) : Wording.count(mark)
  }

  private var faults: [Row?] {
    store.faults.map { Row(name: "Fault", value: $0, style: "poor") }
      + store.warnings.map { Row(name: "Warning", value: $0, style: "watch") }
  }

  private var damage: [Row?] {
    [
      Row(
        name: "Damaged", value: store.damaged == 0 ? "nothing known" : Wording.count(store.damaged),
        style: store.damaged > 0 ? "poor" : "")
    ] + store.damage.map { Row(name: "Damage", value: $0, style: "poor") } + [loss]
  }

  private var loss: Row? {
    store.loss.map { loss in
      func told(_ identity: String?, _ mark: Int64?) -> String {
        "\(identity ?? "no identity") of \(mark.map(Self.instant) ?? "no time")"
      }
      let since = Instants.full(loss.since) ?? loss.since
      return Row(
        name: "Lost data",
        value: "last seen \(told(loss.seenIdentity, loss.seenMark)); found"
          + " \(told(loss.foundIdentity, loss.foundMark)); since \(since)", style: "poor")
    }
  }
}
