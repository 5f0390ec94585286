import NIOCore

/// The open connections of an event loop: bounds them, lets time pass for them, ends them.
///
/// Belongs to its event loop.
final class ConnectionTracker {
  private let maxConnections: Int
  private var connections: [ObjectIdentifier: HTTPConnection] = [:]

  init(maxConnections: Int) {
    precondition(maxConnections > 0, "a node without connections serves nobody")
    self.maxConnections = maxConnections
  }

  /// Returns false if there are too many; it is tracked nevertheless.
  func opened(_ connection: HTTPConnection) -> Bool {
    connections[ObjectIdentifier(connection)] = connection
    return connections.count <= maxConnections
  }

  func closed(_ connection: HTTPConnection) {
    connections[ObjectIdentifier(connection)] = nil
  }

  func tick(at now: NIODeadline) {
    // A copy: a connection that closes takes itself off the list.
    for connection in Array(connections.values) { connection.tick(at: now) }
  }

  /// Ends what has not ended by itself.
  func closeAll() {
    for connection in Array(connections.values) { connection.abort() }
  }
}
