import NIOCore

/// Tells a link which server to connect to. Belongs to the event loop of the link.
package protocol ServerLocator: AnyObject {
  /// Finds the server anew; `completion` may be called before `locate` returns.
  func locate(_ completion: @escaping (Result<RedisURL, LocationFailure>) -> Void)
  /// Tells `follower`, until it is forgotten or gone, which server is the one to use from now on, whenever it learns that
  /// without having been asked.
  func tell(_ follower: any ServerFollower)
  func forget(_ follower: any ServerFollower)
  /// How long a link waits at most before it tries again.
  var longestRetryDelay: TimeAmount { get }
}

/// Who is told of a change of server.
package protocol ServerFollower: AnyObject {
  func serverMoved(to address: ServerAddress)
}

/// Why no server could be found, in plain words.
package struct LocationFailure: Error, Equatable {
  let words: String
}

/// The one server that there is.
package final class FixedServer: ServerLocator {
  private let url: RedisURL

  package init(_ url: RedisURL) { self.url = url }

  package func locate(_ completion: @escaping (Result<RedisURL, LocationFailure>) -> Void) {
    completion(.success(url))
  }

  /// It never moves.
  package func tell(_ follower: any ServerFollower) {}
  package func forget(_ follower: any ServerFollower) {}

  package var longestRetryDelay: TimeAmount { .seconds(1) }
}
