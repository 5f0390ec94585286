/// The address at which a server listens.
package struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
  /// A name or an IP address. An IPv6 address has no brackets here.
  package var host: String
  package var port: Int

  package init(host: String, port: Int) {
    (self.host, self.port) = (host, port)
  }

  /// `host:port`, with brackets around an IPv6 address.
  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
