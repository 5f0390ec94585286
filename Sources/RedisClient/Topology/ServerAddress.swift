/// Where a server listens.
package struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
  /// A name or an address; one of IPv6 without its brackets.
  package var host: String
  package var port: Int

  package init(host: String, port: Int) {
    (self.host, self.port) = (host, port)
  }

  /// `host:port`, with the brackets of IPv6.
  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
