/// What a node tells the coordinator of itself every two seconds (`POST /api/v1/nodes`).
package struct Announcement: Codable, Equatable, Sendable {
  package var id: String
  /// New with each start of the process.
  package var bootId: String
  /// Where it serves, for example `http://10.0.0.7:8080`.
  package var url: String
  package var version: String
  /// As in its health report.
  package var state: String

  package init(id: String, bootId: String, url: String, version: String, state: String) {
    (self.id, self.bootId, self.url, self.version, self.state) = (id, bootId, url, version, state)
  }
}

/// What an operator wants of a node. The coordinator answers announcements with it.
package enum Wanted: String, Codable, Sendable {
  case serve, drain
}

/// The answer to an announcement.
package struct AnnouncementAnswer: Codable, Equatable, Sendable {
  package var wanted: Wanted
  /// What others have seen of the store; not told by coordinators of earlier versions.
  package var store: StoreMemory?

  package init(wanted: Wanted, store: StoreMemory? = nil) { (self.wanted, self.store) = (wanted, store) }
}
