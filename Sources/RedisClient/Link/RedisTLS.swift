import Common
import NIOSSL

/// What `rediss` links need: the authorities they trust, and their own certificate.
package struct RedisTLS: Sendable {
  static let systemAuthorities = "a certificate authority of this system"

  /// What the operator calls the files, whether they are given or not. Messages name them, so that it is known what to
  /// mend.
  package struct FileNames: Sendable {
    package var authorities: String
    package var certificate: String
    package var key: String

    package init(authorities: String, certificate: String, key: String) {
      (self.authorities, self.certificate, self.key) = (authorities, certificate, key)
    }
  }

  /// A file, and what the operator calls it.
  package struct File: Equatable, Sendable {
    package var name: String
    package var path: String
  }

  /// Why TLS can't be set up.
  package enum Failure: Error, Equatable {
    /// In the system's words.
    case unreadable(File, reason: String)
    case noCertificate(File)
    case noKey(File)
    /// The key has a passphrase.
    case lockedKey(File)
    case keyOfAnother(key: File, certificate: File)
    /// It is not the files. In the words of the TLS library.
    case other(String)
  }

  package let context: NIOSSLContext
  /// Who may sign the server's certificate, in words.
  package let authorities: String
  let names: FileNames

  /// - Parameters:
  ///   - caFile: the authorities to trust, PEM. Nil for the system's.
  ///   - certFile: the client certificate with its chain, PEM, for a server that wants one.
  ///   - keyFile: the key of that certificate, PEM.
  package init(
    caFile: String? = nil, certFile: String? = nil, keyFile: String? = nil, names: FileNames
  ) throws(Failure) {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if let caFile {
      let file = File(name: names.authorities, path: caFile)
      configuration.trustRoots = .certificates(try Self.certificates(file))
    }
    authorities = caFile.map { "a certificate in \($0) (\(names.authorities))" } ?? Self.systemAuthorities
    self.names = names
    guard let certFile, let keyFile else {
      do {
        context = try NIOSSLContext(configuration: configuration)
      } catch {
        throw .other("\(error)")
      }
      return
    }
    let certificate = File(name: names.certificate, path: certFile)
    let key = File(name: names.key, path: keyFile)
    configuration.certificateChain = try Self.certificates(certificate).map { .certificate($0) }
    configuration.privateKey = .privateKey(try Self.key(key))
    do {
      context = try NIOSSLContext(configuration: configuration)
    } catch {
      // All files were read, so the error means that key and certificate do not fit.
      throw .keyOfAnother(key: key, certificate: certificate)
    }
  }

  private static func read(_ file: File) throws(Failure) -> [UInt8] {
    do throws(FileFailure) {
      return try FileContents.read(file.path)
    } catch {
      throw .unreadable(file, reason: error.reason)
    }
  }

  private static func certificates(_ file: File) throws(Failure) -> [NIOSSLCertificate] {
    let bytes = try read(file)
    guard let found = try? NIOSSLCertificate.fromPEMBytes(bytes), !found.isEmpty else { throw .noCertificate(file) }
    return found
  }

  private static func key(_ file: File) throws(Failure) -> NIOSSLPrivateKey {
    let bytes = try read(file)
    if let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) { return key }
    let isEncrypted = String(decoding: bytes, as: UTF8.self).contains("ENCRYPTED")
    throw isEncrypted ? .lockedKey(file) : .noKey(file)
  }
}
