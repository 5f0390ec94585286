import Common
import NIOSSL

/// The dates of a certificate that was refused.
struct ServerCertificate: Equatable, Sendable {
  /// Epoch seconds.
  var validFrom: Int
  var validUntil: Int

  init(validFrom: Int, validUntil: Int) {
    (self.validFrom, self.validUntil) = (validFrom, validUntil)
  }

  init(_ certificate: NIOSSLCertificate) {
    self.init(validFrom: certificate.notValidBefore, validUntil: certificate.notValidAfter)
  }
}

/// Why a TLS handshake failed. It is read from the errors of swift-nio-ssl, which give BoringSSL's error stack as text.
enum TLSProblem: Equatable, Sendable {
  case certificateRejected
  case wrongName
  /// The server does not speak TLS.
  case noTLS
  case closedInHandshake
  /// The server wants a client certificate and got none.
  case certificateRequired
  /// The server does not accept the client certificate.
  case ownCertificateRejected
  case noCommonVersion
  /// The server ended the handshake with this alert.
  case alert(String)
  case other

  /// - Returns: nil for an error that is not about TLS.
  init?(_ error: any Error) {
    switch error {
    case let error as NIOSSLExtraError:
      self = error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch ? .wrongName : .other
    case NIOSSLError.handshakeFailed(let error): self.init(error)
    case NIOSSLError.unableToValidateCertificate, NIOSSLError.noCertificateToValidate: self = .certificateRejected
    case is NIOSSLError: self = .other
    case let error as BoringSSLError: self.init(error)
    default: return nil
    }
  }

  private init(_ error: BoringSSLError) {
    guard case .sslError(let stack) = error else {
      self = .other
      return
    }
    self.init(stack: stack.map(\.description))
  }

  /// - Parameter stack: lines like `Error: 268435581 error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at …`.
  init(stack: [String]) {
    let names = stack.compactMap { line in
      line.firstMatch(of: #/OPENSSL_internal:([A-Z0-9_]+)/#).map { String($0.1) }
    }
    func has(_ parts: String...) -> Bool { names.contains { name in parts.contains { name.contains($0) } } }
    if has("CERTIFICATE_VERIFY_FAILED") {
      self = .certificateRejected
    } else if has("ALERT_CERTIFICATE_REQUIRED") {
      self = .certificateRequired
    } else if has("ALERT_UNKNOWN_CA", "ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE_", "ALERT_UNSUPPORTED_CERTIFICATE") {
      self = .ownCertificateRejected
    } else if has("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_RECORD", "UNEXPECTED_MESSAGE") {
      self = .noTLS
    } else if has("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL") {
      self = .noCommonVersion
    } else if stack.contains(where: { $0.contains("EOF during handshake") }) {
      self = .closedInHandshake
    } else if let alert = names.first(where: { $0.contains("ALERT_") }), let start = alert.firstRange(of: "ALERT_") {
      self = .alert(alert[start.upperBound...].lowercased().replacing("_", with: " "))
    } else {
      self = .other
    }
  }

  /// - Parameters:
  ///   - host: the name or address that the certificate must be for.
  ///   - authorities: who may have signed it, in words.
  ///   - files: what the operator calls the files by which this side is set up. Nil if nobody has named them.
  ///   - now: the time of day. It tells a certificate that has expired from one of a wrong authority.
  func words(
    server: String, host: String, authorities: String, files: RedisTLS.FileNames? = nil,
    certificate: ServerCertificate? = nil, epochSeconds now: Int
  ) -> String {
    switch self {
    case .certificateRejected:
      if let certificate, certificate.validUntil < now {
        return "the certificate of \(server) expired on \(Self.date(certificate.validUntil))"
      }
      if let certificate, certificate.validFrom > now {
        return "the certificate of \(server) is not valid before \(Self.date(certificate.validFrom))"
      }
      return "the certificate of \(server) is not signed by \(authorities)"
    case .wrongName: return "the certificate of \(server) is for another name than \(host)"
    case .noTLS: return "\(server) does not speak TLS: the URL must begin with redis://"
    case .closedInHandshake: return "\(server) closed the connection in the TLS handshake: does it speak TLS?"
    case .certificateRequired:
      let advice = files.map { ": set \($0.certificate) and \($0.key)" } ?? ""
      return "\(server) wants a client certificate (tls-auth-clients)\(advice)"
    case .ownCertificateRejected:
      let name = files.map { " (\($0.certificate))" } ?? ""
      return "\(server) does not accept the client certificate\(name): is it signed by the CA that Redis trusts?"
    case .noCommonVersion: return "\(server) speaks no version of TLS that is known here"
    case .alert(let text): return "\(server) ended the TLS handshake: \(text)"
    case .other: return "TLS with \(server) failed"
    }
  }

  private static func date(_ epochSeconds: Int) -> String {
    RFC3339.string(epochMilliseconds: Int64(epochSeconds) * 1000)
  }
}
