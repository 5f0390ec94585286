import Common
import Foundation
import NIOCore
import Testing

@testable import Node

/// What a node reports at `/health`, what the coordinator reads from it, and what `openapi.yaml` says about it.
@Suite struct HealthReportTests {
  private static let full = HealthReport(
    nodeId: "node-1", bootId: "b0", version: "0.1.0", uptimeSeconds: 86_400, state: .degraded,
    reasons: ["no link to Redis: \"refused\"\n", "ü\u{1F600}\u{7F}\u{1}"], drained: true,
    redis: .init(
      connected: true, version: "7.0.15", roundTripMs: 0.123, pending: 1, reconnects: 2, usedBytes: 3, limitBytes: 4,
      faults: ["Redis takes no writes"], warnings: ["appendonly no"], clockOffsetMs: -20),
    store: .init(
      shards: 8, unservedShards: 2, identity: "9c1f", mark: 1_795_337_100_000, markedBy: "b0", acknowledged: 20,
      loss: .init(
        seenIdentity: "9c1f", seenMark: 21, foundIdentity: "ab", foundMark: 22, since: "2026-11-22T08:45:00.123Z"),
      damaged: 23, damage: ["SKU a"]),
    lease: .init(
      leader: true, epoch: 1_795_337_100_000, holder: "node-1", since: "2026-11-22T08:45:00.123Z", remainingMs: 2500,
      termsWon: 5, termsLost: 6, renewMs: 0.5),
    sweeper: .init(
      backlog: 7, oldestOverdueMs: 8, lastBatch: .init(agoMs: 9, holds: 10, tookMs: 11.25), releasedTotal: 12,
      trimmedTotal: 13, fencedAttempts: 14),
    requests: .init(inFlight: 15, ratePerSecond: 16.5, errorsPerSecond: 17.5, total: 18, errors: 19))

  /// A report in which no optional member is known.
  private static var bare: HealthReport {
    var report = full
    (report.reasons, report.redis.warnings, report.redis.roundTripMs) = ([], [], nil)
    (report.redis.version, report.redis.faults, report.redis.clockOffsetMs, report.store) = (
      nil, [], nil, .init(shards: 1, unservedShards: 0)
    )
    (report.lease.epoch, report.lease.holder, report.lease.since) = (nil, nil, nil)
    (report.lease.remainingMs, report.lease.renewMs) = (nil, nil)
    (report.sweeper.backlog, report.sweeper.oldestOverdueMs, report.sweeper.lastBatch) = (nil, nil, nil)
    return report
  }

  /// A report of a loss without details.
  private static var lost: HealthReport {
    var report = bare
    report.store.loss = .init(
      seenIdentity: nil, seenMark: nil, foundIdentity: nil, foundMark: nil, since: "2026-11-22T08:45:00.123Z")
    return report
  }

  @Test(arguments: [full, bare, lost], HealthReport.State.allCases)
  func `what a node writes is what the coordinator reads`(report: HealthReport, state: HealthReport.State) throws {
    var report = report
    report.state = state
    let read = try report.json.withUnsafeReadableBytes { try HealthReport(JSONValue(parsing: $0)) }
    #expect(read == report)
  }

  @Test(arguments: [full, bare, lost])
  func `what a node writes is as described, member by member`(report: HealthReport) throws {
    let schema = try APIDescription().root["components"]["schemas"]["Health"]
    let document = try report.json.withUnsafeReadableBytes { try JSONValue(parsing: $0) }
    #expect(schema.faults(of: document, at: "#") == [])
  }

  @Test func `the description knows the states of the code`() throws {
    let schema = try APIDescription().root["components"]["schemas"]["Health"]
    let described = schema["properties"]["state"]["enum"].elements.compactMap(\.text)
    #expect(described == HealthReport.State.allCases.map(\.rawValue))
  }
}

extension APIDescription.Part {
  /// The places where a document differs from this schema in types or members.
  fileprivate func faults(of document: JSONValue, at place: String) -> [String] {
    let choices = self["oneOf"].elements
    if !choices.isEmpty {
      return choices.contains { $0.faults(of: document, at: place).isEmpty } ? [] : ["\(place): none of the choices"]
    }
    guard types.isEmpty || types.contains(where: document.isOf) else { return ["\(place): no \(types)"] }
    switch document {
    case .object(let members):
      let (told, described) = (Set(members.map(\.name)), Set(self["properties"].members.keys))
      let required = Set(self["required"].elements.compactMap(\.text))
      return told.symmetricDifference(described).union(required.subtracting(told)).sorted().map { "\(place)/\($0)" }
        + members.flatMap { self["properties"][$0.name].faults(of: $0.value, at: "\(place)/\($0.name)") }
    case .array(let elements): return elements.flatMap { self["items"].faults(of: $0, at: "\(place)/-") }
    default: return []
    }
  }

  private var types: [String] { self["type"].text.map { [$0] } ?? self["type"].elements.compactMap(\.text) }
}

extension JSONValue {
  /// Whether the value has this type, named as in JSON Schema.
  fileprivate func isOf(_ type: String) -> Bool {
    switch self {
    case .null: type == "null"
    case .boolean: type == "boolean"
    case .integer: type == "integer" || type == "number"
    case .number: type == "number"
    case .string: type == "string"
    case .array: type == "array"
    case .object: type == "object"
    }
  }
}
