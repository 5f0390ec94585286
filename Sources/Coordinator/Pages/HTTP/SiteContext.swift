import Hummingbird
import NIOCore

/// What comes with a request, and on which connection.
struct SiteContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }

  /// Who asks, for the log.
  var caller: String { channel.remoteAddress?.ipAddress ?? "unknown" }
}
