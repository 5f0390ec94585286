import Common

/// Everything that is known of a node, for people who open its details.
struct NodeFacts {
  let node: ClusterView.Node

  init(_ node: ClusterView.Node) { self.node = node }

  private struct Row {
    var name: String
    var value: String
    var style = ""
    var href: String?
  }

  var groups: [Fields] {
    var groups = [group("Node", identity), group("Probes", probes)]
    guard let health = node.health else { return groups }
    let told = node.state.isReached ? "" : ", as told last"
    groups.append(group("What it says" + told, saying(health)))
    groups.append(group("Requests" + told, requests(health.requests)))
    groups.append(group("Redis link" + told, redis(health.redis)))
    groups.append(group("Store" + told, store(health.store)))
    groups.append(group("Lease" + told, lease(health.lease)))
    groups.append(group("Sweeper" + told, sweeper(health.sweeper)))
    return groups
  }

  private func group(_ title: String, _ rows: [Row?]) -> Fields {
    [
      "title": title,
      "rows": rows.compactMap(\.self).map { row in
        var fields: Fields = ["name": row.name, "value": DisplayText.shown(row.value), "class": row.style]
        fields["href"] = row.href
        return fields
      },
    ]
  }

  private var identity: [Row?] {
    // A link with another scheme must not be followed, whatever was announced.
    let isWeb = node.url.hasPrefix("http://") || node.url.hasPrefix("https://")
    let rivals = node.rivals.prefix(4).map { rival in
      Row(
        name: "Its id is claimed by", value: "\(rival.url) (boot id \(rival.bootId)) since \(shown(rival.since))",
        style: "watch")
    }
    return [
      Row(name: "\(node.state.rawValue) because", value: node.reason),
      Row(name: "URL", value: node.url, href: isWeb && node.url.utf8.count <= 256 ? node.url + "/health" : nil),
      Row(name: "Version", value: node.version), Row(name: "Boot id", value: node.bootId),
      node.health.map { Row(name: "Up for", value: Wording.duration(seconds: Int($0.uptimeSeconds))) },
      Row(
        name: "Announced",
        value: node.announcedAgoMs.map { Wording.ago(milliseconds: $0) } ?? "not since the coordinator started"),
      Row(name: "Wanted of it", value: node.wanted == Wanted.drain.rawValue ? "to drain" : "to serve"),
    ] + rivals
  }

  private func shown(_ instant: String) -> String { Instants.full(instant) ?? instant }

  private var probes: [Row?] {
    let probe = node.probe
    return [
      Row(name: "Last", value: probe.lastAgoMs.map { Wording.ago(milliseconds: $0) } ?? "not yet"),
      probe.lastMs.map { Row(name: "Took", value: Wording.took(milliseconds: $0)) },
      probe.lastFailure.map { Row(name: "Failed because", value: $0, style: "poor") },
      Row(
        name: "Failures in a row", value: Wording.count(probe.failuresInARow),
        style: probe.failuresInARow > 0 ? "poor" : ""),
      Row(name: "Every", value: Wording.took(milliseconds: Double(probe.intervalMs))),
      Row(name: "In all", value: "\(Wording.count(probe.total)), of which \(Wording.count(probe.failed)) failed"),
    ]
  }

  private func saying(_ health: HealthReport) -> [Row?] {
    [Row(name: "State", value: health.state.rawValue)]
      + health.reasons.prefix(10).map { Row(name: "Because", value: $0, style: "watch") }
  }

  private func requests(_ requests: HealthReport.Requests) -> [Row?] {
    [
      Row(name: "A second", value: Wording.rate(requests.ratePerSecond)),
      Row(
        name: "Errors a second", value: Wording.rate(requests.errorsPerSecond),
        style: requests.errorsPerSecond > 0 ? "poor" : ""),
      Row(name: "In flight", value: Wording.count(requests.inFlight)),
      Row(name: "In all", value: "\(Wording.count(requests.total)), of which \(Wording.count(requests.errors)) errors"),
    ]
  }

  private func redis(_ redis: HealthReport.Redis) -> [Row?] {
    let limit = redis.limitBytes > 0 ? " of \(Wording.bytes(redis.limitBytes))" : ""
    return [
      Row(name: "Connected", value: redis.connected ? "yes" : "no", style: redis.connected ? "" : "poor"),
      redis.server.map { Row(name: "Server", value: $0 + (redis.mode == "sentinel" ? ", by Sentinel" : "")) },
      redis.version.map { Row(name: "Version", value: $0) },
      redis.replicas.map { Row(name: "Replicas", value: $0.words, style: $0.isShort ? "poor" : "") },
      redis.roundTripMs.map { Row(name: "Round trip", value: Wording.took(milliseconds: $0)) },
      Row(name: "Pending", value: Wording.count(redis.pending)),
      Row(name: "Reconnects", value: Wording.count(redis.reconnects)),
      Row(name: "Memory", value: Wording.bytes(redis.usedBytes) + limit),
      redis.clockOffsetMs.map { Row(name: "Its clock is ahead by", value: "\(Wording.count($0)) ms") },
    ] + redis.faults.prefix(10).map { Row(name: "Fault", value: $0, style: "poor") }
      + redis.warnings.prefix(10).map { Row(name: "Warning", value: $0, style: "watch") }
  }

  private func store(_ store: HealthReport.Store) -> [Row?] {
    [
      store.identity.map { Row(name: "Identity", value: $0) },
      store.mark.map {
        Row(name: "Last mark", value: RFC3339.representable.contains($0) ? Instants.full($0) : "\($0)")
      },
      Row(name: "Damaged", value: Wording.count(store.damaged), style: store.damaged > 0 ? "poor" : ""),
      store.loss.map { Row(name: "Lost data since", value: shown($0.since), style: "poor") },
    ] + store.damage.prefix(10).map { Row(name: "Damage", value: $0, style: "poor") }
  }

  private func lease(_ lease: HealthReport.Lease) -> [Row?] {
    [
      Row(name: "Holder", value: lease.leader ? "itself" : lease.holder ?? "none"),
      lease.epoch.map { Row(name: "Epoch", value: "\($0)") },
      lease.since.map { Row(name: "Since", value: shown($0)) },
      lease.remainingMs.map { Row(name: "Ends in", value: Wording.took(milliseconds: Double($0))) },
      lease.renewMs.map { Row(name: "Renewal took", value: Wording.took(milliseconds: $0)) },
      Row(name: "Terms", value: "\(Wording.count(lease.termsWon)) won, \(Wording.count(lease.termsLost)) lost"),
    ]
  }

  private func sweeper(_ sweeper: HealthReport.Sweeper) -> [Row?] {
    [
      sweeper.backlog.map { Row(name: "Overdue holds", value: Wording.count($0)) },
      sweeper.oldestOverdueMs.map { Row(name: "The oldest by", value: Wording.took(milliseconds: Double($0))) },
      sweeper.lastBatch.map { batch in
        Row(
          name: "Last batch",
          value: "\(Wording.counted(batch.holds, "hold", "holds")) in \(Wording.took(milliseconds: batch.tookMs)), "
            + Wording.ago(milliseconds: batch.agoMs))
      },
      Row(name: "Released", value: Wording.count(sweeper.releasedTotal)),
      Row(name: "Trimmed", value: Wording.count(sweeper.trimmedTotal)),
      Row(
        name: "Fenced off", value: Wording.count(sweeper.fencedAttempts),
        style: sweeper.fencedAttempts > 0 ? "watch" : ""),
    ]
  }
}
