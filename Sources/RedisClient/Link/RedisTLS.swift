import Common
import NIOSSL

/// What `rediss` links need: the authorities they trust, and their own certificate.
package struct RedisTLS: Sendable {
  static let systemAuthorities = "a certificate authority of this system"

  package let context: NIOSSLContext
  /// Who may sign the server's certificate, in words.
  package let authorities: String

  /// - Parameters:
  ///   - caFile: the authorities to trust, PEM. Nil for the system's.
  ///   - certFile: the client certificate with its chain, PEM, for a server that wants one.
  ///   - keyFile: the key of that certificate, PEM.
  /// - Throws: an error of one line that names the setting, the file, and the problem.
  package init(caFile: String? = nil, certFile: String? = nil, keyFile: String? = nil) throws(SettingsError) {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if let caFile {
      configuration.trustRoots = .certificates(try Self.certificates("redisCaFile", caFile))
    }
    authorities = caFile.map { "a certificate in \($0) (redisCaFile)" } ?? Self.systemAuthorities
    if let certFile, let keyFile {
      configuration.certificateChain = try Self.certificates("redisCertFile", certFile).map { .certificate($0) }
      configuration.privateKey = .privateKey(try Self.key("redisKeyFile", keyFile))
    }
    do {
      context = try NIOSSLContext(configuration: configuration)
    } catch {
      // All files were read, so the error means that key and certificate do not fit.
      guard let certFile, let keyFile else { throw SettingsError("setting redisUrl: TLS cannot be set up: \(error)") }
      throw SettingsError("setting redisKeyFile: \(keyFile) is not the key of the certificate in \(certFile)")
    }
  }

  private static func certificates(_ setting: String, _ path: String) throws(SettingsError) -> [NIOSSLCertificate] {
    let bytes = try FileContents.read(path, setting: setting)
    guard let found = try? NIOSSLCertificate.fromPEMBytes(bytes), !found.isEmpty else {
      throw SettingsError("setting \(setting): \(path) holds no certificate that can be read (PEM is expected)")
    }
    return found
  }

  private static func key(_ setting: String, _ path: String) throws(SettingsError) -> NIOSSLPrivateKey {
    let bytes = try FileContents.read(path, setting: setting)
    if let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) { return key }
    let isEncrypted = String(decoding: bytes, as: UTF8.self).contains("ENCRYPTED")
    throw SettingsError(
      "setting \(setting): \(path) "
        + (isEncrypted ? "is encrypted, and nobody can type its passphrase" : "holds no private key (PEM is expected)"))
  }
}
