import Common

/// What the pages and the API ask of the watch over the cluster.
protocol ClusterWatching: Sendable {
  /// The cluster as it is seen now.
  func view() async -> ClusterView
  /// The view now, and again whenever something has changed, at most a few times a second and at least once a second.
  func views() async -> AsyncStream<ClusterView>
  /// Takes in what a node tells of itself.
  /// - Returns: what is wanted of it, and what is known of the store.
  func announce(_ announcement: Announcement) async throws(AnnouncementRefusal) -> AnnouncementAnswer
  /// A node has ended its service.
  func leave(id: String, bootId: String) async throws(AnnouncementRefusal)
  /// An operator wants a node to drain, or to serve. False: there is no such node.
  func want(_ wanted: Wanted, of id: String, by operatorName: String) async -> Bool
  /// An operator takes the store as it is, though it has lost data. Nil: no node tells of a loss.
  func acknowledgeLoss(by operatorName: String) async -> HealthReport.Store.Loss?
  /// Asks a node at once. False: there is no such node.
  func recheck(id: String) async -> Bool
  /// An operator does not expect a node back.
  func forget(id: String, by operatorName: String) async throws(ForgetRefusal)
}

enum AnnouncementRefusal: Error, Equatable, Sendable {
  /// A member is not as it should be; says which and how.
  case invalid(String)
  /// Another process has this id, and is alive.
  case idTaken(String)
  /// As many nodes are watched as are allowed.
  case tooMany
  case unknownNode
}

enum ForgetRefusal: Error, Equatable, Sendable {
  case unknownNode
  /// It would come back with its next announcement.
  case alive(NodeStatus)
}
