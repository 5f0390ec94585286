import Foundation
import RedisClient
import TestSupport

@testable import Node

/// A CA, and certificates that it has or has not signed. openssl makes them for one test.
///
/// For servers: `server`, `elsewhere` (for another address), `expired`, `selfmade`. For clients, `client` too.
struct Certificates {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    let directory = directory
    func path(_ name: String) -> String { directory.url.appending(path: name).path }
    func openssl(_ arguments: [String]) throws { _ = try Shell.run("openssl", arguments) }
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    try openssl(["req", "-x509"] + key + ["-subj", "/CN=test CA", "-keyout", path("ca.key"), "-out", path("ca.crt")])
    for (name, address) in [("server", "127.0.0.1"), ("elsewhere", "192.0.2.1"), ("client", "192.0.2.2")] {
      let signed = ["-CA", path("ca.crt"), "-CAkey", path("ca.key")]
      try openssl(
        ["req", "-x509"] + key + signed + ["-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:\(address)"]
          + ["-addext", "basicConstraints=critical,CA:FALSE"]
          + ["-keyout", path("\(name).key"), "-out", path("\(name).crt")])
    }
    try openssl(
      ["req", "-x509"] + key + ["-subj", "/CN=selfmade", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", path("selfmade.key"), "-out", path("selfmade.crt")])
    let subject = ["-subj", "/CN=expired", "-addext", "subjectAltName=IP:127.0.0.1"]
    try openssl(
      ["req"] + key.dropLast(2) + subject + ["-keyout", path("expired.key"), "-out", path("expired.csr")])
    try openssl(
      ["x509", "-req", "-in", path("expired.csr"), "-CA", path("ca.crt"), "-CAkey", path("ca.key"), "-days", "-1"]
        + ["-copy_extensions", "copy", "-out", path("expired.crt")])
  }

  func path(_ file: String) -> String { directory.url.appending(path: file).path }

  func serverOptions(port: Int, name: String, wantsClientCertificates: Bool = false) -> [String] {
    [
      "--tls-port", "\(port)", "--tls-cert-file", path("\(name).crt"), "--tls-key-file", path("\(name).key"),
      "--tls-ca-cert-file", path("ca.crt"), "--tls-auth-clients", wantsClientCertificates ? "yes" : "no",
    ]
  }

  /// Trusts only the CA.
  ///
  /// - Parameter name: the certificate for a server that wants one. Nil for none.
  func client(_ name: String? = nil) throws -> RedisTLS {
    try RedisTLS.fromSettings(
      caFile: path("ca.crt"), certFile: name.map { path("\($0).crt") }, keyFile: name.map { path("\($0).key") })
  }
}
