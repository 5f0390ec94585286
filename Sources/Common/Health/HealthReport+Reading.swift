extension HealthReport {
  /// What was read is no health report.
  package struct Unreadable: Error {}

  /// Reads what ``json`` writes. At one report per node and second this is a good part of what the coordinator does.
  /// Foundation's decoder takes several times as long; a test makes sure that both read the same.
  package init(_ document: JSONValue) throws(Unreadable) {
    guard let state = State(rawValue: try document.text("state")) else { throw Unreadable() }
    // Nodes of earlier versions tell nothing of it.
    var store = Store()
    if let told = document.optional("store") { store = try Store(told) }
    self.init(
      nodeId: try document.text("nodeId"), bootId: try document.text("bootId"), version: try document.text("version"),
      uptimeSeconds: Int64(try document.integer("uptimeSeconds")), state: state,
      reasons: try document.texts("reasons"),
      // Not told by nodes of earlier versions.
      drained: document.optional("drained") == nil ? false : try document.boolean("drained"),
      redis: try Redis(document.member("redis")),
      store: store, lease: try Lease(document.member("lease")), sweeper: try Sweeper(document.member("sweeper")),
      requests: try Requests(document.member("requests")))
  }
}

extension HealthReport.Redis {
  fileprivate init(_ document: JSONValue) throws(HealthReport.Unreadable) {
    // Not told by nodes of earlier versions.
    var replicas: Replicas?
    if let told = document.optional("replicas") { replicas = try Replicas(told) }
    self.init(
      mode: try document.optionalText("mode"), server: try document.optionalText("server"), replicas: replicas,
      connected: try document.boolean("connected"), version: try document.optionalText("version"),
      roundTripMs: try document.optionalNumber("roundTripMs"), pending: try document.integer("pending"),
      reconnects: try document.integer("reconnects"), usedBytes: try document.integer("usedBytes"),
      limitBytes: try document.integer("limitBytes"),
      // Not told by nodes of earlier versions.
      faults: document.optional("faults") == nil ? [] : try document.texts("faults"),
      warnings: try document.texts("warnings"), clockOffsetMs: try document.optionalInteger("clockOffsetMs"))
  }
}

extension HealthReport.Redis.Replicas {
  fileprivate init(_ document: JSONValue) throws(HealthReport.Unreadable) {
    self.init(
      connected: try document.integer("connected"), awaited: try document.integer("awaited"),
      lagBytes: try document.optionalInteger("lagBytes"))
  }
}

extension HealthReport.Store {
  fileprivate init(_ document: JSONValue) throws(HealthReport.Unreadable) {
    var loss: Loss?
    if let told = document.optional("loss") { loss = try Loss(told) }
    self.init(
      shards: try document.optionalInteger("shards"),
      unservedShards: try document.optionalInteger("unservedShards"), identity: try document.optionalText("identity"),
      mark: try document.optionalInteger("mark").map(Int64.init),
      markedBy: try document.optionalText("markedBy"),
      acknowledged: try document.optionalInteger("acknowledged").map(Int64.init), loss: loss,
      damaged: try document.integer("damaged"), damage: try document.texts("damage"))
  }
}

extension HealthReport.Store.Loss {
  fileprivate init(_ document: JSONValue) throws(HealthReport.Unreadable) {
    self.init(
      seenIdentity: try document.optionalText("seenIdentity"),
      seenMark: try document.optionalInteger("seenMark").map(Int64.init),
      foundIdentity: try document.optionalText("foundIdentity"),
      foundMark: try document.optionalInteger("foundMark").map(Int64.init), since: try document.text("since"))
  }
}

extension HealthReport.Lease {
  fileprivate init(_ document: JSONValue) throws(HealthReport.Unreadable) {
    self.init(
      leader: try document.boolean("leader"), epoch: try document.optionalInteger("epoch").map(Int64.init),
      holder: try document.optionalText("holder"), since: try document.optionalText("since"),
      remainingMs: try document.optionalInteger("remainingMs"), termsWon: try document.integer("termsWon"),
      termsLost: try document.integer("termsLost"), renewMs: try document.optionalNumber("renewMs"))
  }
}

extension HealthReport.Sweeper {
  fileprivate init(_ document: JSONValue) throws(HealthReport.Unreadable) {
    var batch: Batch?
    if let told = document.optional("lastBatch") { batch = try Batch(told) }
    self.init(
      backlog: try document.optionalInteger("backlog"),
      oldestOverdueMs: try document.optionalInteger("oldestOverdueMs"), lastBatch: batch,
      releasedTotal: try document.integer("releasedTotal"), trimmedTotal: try document.integer("trimmedTotal"),
      fencedAttempts: try document.integer("fencedAttempts"))
  }
}

extension HealthReport.Sweeper.Batch {
  fileprivate init(_ document: JSONValue) throws(HealthReport.Unreadable) {
    self.init(
      agoMs: try document.integer("agoMs"), holds: try document.integer("holds"), tookMs: try document.number("tookMs"))
  }
}

extension HealthReport.Requests {
  fileprivate init(_ document: JSONValue) throws(HealthReport.Unreadable) {
    self.init(
      inFlight: try document.integer("inFlight"), ratePerSecond: try document.number("ratePerSecond"),
      errorsPerSecond: try document.number("errorsPerSecond"), total: try document.integer("total"),
      errors: try document.integer("errors"))
  }
}

/// Members of an object, by what they must be.
extension JSONValue {
  /// Nil if it is missing or null.
  fileprivate func optional(_ name: String) -> JSONValue? {
    guard let value = self[name] else { return nil }
    if case .null = value { return nil }
    return value
  }

  fileprivate func member(_ name: String) throws(HealthReport.Unreadable) -> JSONValue {
    guard let value = optional(name) else { throw HealthReport.Unreadable() }
    return value
  }

  fileprivate func boolean(_ name: String) throws(HealthReport.Unreadable) -> Bool {
    guard case .boolean(let value) = self[name] else { throw HealthReport.Unreadable() }
    return value
  }

  fileprivate func integer(_ name: String) throws(HealthReport.Unreadable) -> Int {
    guard case .integer(let value) = self[name] else { throw HealthReport.Unreadable() }
    return value
  }

  fileprivate func optionalInteger(_ name: String) throws(HealthReport.Unreadable) -> Int? {
    optional(name) == nil ? nil : try integer(name)
  }

  fileprivate func number(_ name: String) throws(HealthReport.Unreadable) -> Double {
    switch self[name] {
    case .integer(let value): return Double(value)
    case .number(let value) where value.isFinite: return value
    default: throw HealthReport.Unreadable()
    }
  }

  fileprivate func optionalNumber(_ name: String) throws(HealthReport.Unreadable) -> Double? {
    optional(name) == nil ? nil : try number(name)
  }

  fileprivate func text(_ name: String) throws(HealthReport.Unreadable) -> String {
    guard case .string(let value) = self[name] else { throw HealthReport.Unreadable() }
    return value
  }

  fileprivate func optionalText(_ name: String) throws(HealthReport.Unreadable) -> String? {
    optional(name) == nil ? nil : try text(name)
  }

  fileprivate func texts(_ name: String) throws(HealthReport.Unreadable) -> [String] {
    guard case .array(let elements) = self[name] else { throw HealthReport.Unreadable() }
    var texts: [String] = []
    for element in elements {
      guard case .string(let text) = element else { throw HealthReport.Unreadable() }
      texts.append(text)
    }
    return texts
  }
}
