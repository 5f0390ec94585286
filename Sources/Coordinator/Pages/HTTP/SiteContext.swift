import Common
import Hummingbird
import NIOCore

/// What comes with a request, and on which connection.
struct SiteContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel
  /// The address of whoever asks.
  var caller = TrustedProxies.Peer.unknown.address

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }
}
