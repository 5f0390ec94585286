import Foundation
import NIOSSL
import TestSupport

/// A CA and what it has, and has not, signed; made by openssl for one test.
struct Certificates {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    func path(_ name: String) -> String { directory.url.appending(path: name).path }
    func openssl(_ arguments: [String]) throws { _ = try Shell.run("openssl", arguments) }
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    try openssl(["req", "-x509"] + key + ["-subj", "/CN=test CA", "-keyout", path("ca.key"), "-out", path("ca.crt")])
    for (name, address) in [("server", "127.0.0.1"), ("elsewhere", "192.0.2.1")] {
      let signed = ["-CA", path("ca.crt"), "-CAkey", path("ca.key")]
      try openssl(
        ["req", "-x509"] + key + signed + ["-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:\(address)"]
          + ["-addext", "basicConstraints=critical,CA:FALSE"]
          + ["-keyout", path("\(name).key"), "-out", path("\(name).crt")])
    }
    try openssl(
      ["req", "-x509"] + key + ["-subj", "/CN=selfmade", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", path("selfmade.key"), "-out", path("selfmade.crt")])
  }

  func serverOptions(port: Int, name: String) -> [String] {
    let path = { (file: String) in directory.url.appending(path: file).path }
    return [
      "--tls-port", "\(port)", "--tls-cert-file", path("\(name).crt"), "--tls-key-file", path("\(name).key"),
      "--tls-ca-cert-file", path("ca.crt"), "--tls-auth-clients", "no",
    ]
  }

  /// Trusts the CA and nobody else.
  func clientContext() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(directory.url.appending(path: "ca.crt").path)
    return try NIOSSLContext(configuration: configuration)
  }
}
