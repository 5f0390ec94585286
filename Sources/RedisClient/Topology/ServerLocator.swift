import NIOCore

/// Tells a link which server to connect to. Belongs to the event loop of the link.
package protocol ServerLocator: AnyObject {
  /// Looks up the server again. `completion` may be called before `locate` returns.
  func locate(_ completion: @escaping (Result<RedisURL, LocationFailure>) -> Void)
  /// Tells `follower` when another server is to be used, without being asked, until `follower` is forgotten or gone.
  func tell(_ follower: any ServerFollower)
  func forget(_ follower: any ServerFollower)
  /// The longest time that a link waits before it tries again.
  var longestRetryDelay: TimeAmount { get }
}

/// Receives a change of server.
package protocol ServerFollower: AnyObject {
  func serverMoved(to address: ServerAddress)
}

/// Why no server could be found, in plain words.
package struct LocationFailure: Error, Equatable {
  let words: String
}

/// A locator for one server that never changes.
package final class FixedServer: ServerLocator {
  private let url: RedisURL
  package let longestRetryDelay: TimeAmount

  package init(_ url: RedisURL, longestRetryDelay: TimeAmount = .seconds(1)) {
    (self.url, self.longestRetryDelay) = (url, longestRetryDelay)
  }

  package func locate(_ completion: @escaping (Result<RedisURL, LocationFailure>) -> Void) {
    completion(.success(url))
  }

  package func tell(_ follower: any ServerFollower) {}
  package func forget(_ follower: any ServerFollower) {}
}
