import Common
import RedisClient

// The Redis client knows no settings. Here is what it is told of them, so that its messages name what is to be mended.

extension RedisTLS.FileNames {
  static let settings = Self(authorities: "redisCaFile", certificate: "redisCertFile", key: "redisKeyFile")
}

extension SentinelAccess.LoginNames {
  static let settings = Self(user: "sentinelUser", password: "sentinelPassword")
}

extension RedisTLS {
  /// Of the files that the settings name.
  ///
  /// - Throws: an error of one line that names the setting, the file, and the problem.
  static func fromSettings(caFile: String?, certFile: String?, keyFile: String?) throws(SettingsError) -> RedisTLS {
    do throws(Failure) {
      return try RedisTLS(caFile: caFile, certFile: certFile, keyFile: keyFile, names: .settings)
    } catch {
      throw SettingsError(error)
    }
  }
}

extension SettingsError {
  fileprivate init(_ failure: RedisTLS.Failure) {
    switch failure {
    case .unreadable(let file, let reason):
      self.init("setting \(file.name): file \(SettingsError.quoted(file.path)): \(reason)")
    case .noCertificate(let file):
      self.init("setting \(file.name): \(file.path) holds no certificate that can be read (PEM is expected)")
    case .noKey(let file): self.init("setting \(file.name): \(file.path) holds no private key (PEM is expected)")
    case .lockedKey(let file):
      self.init("setting \(file.name): \(file.path) is encrypted, and nobody can type its passphrase")
    case .keyOfAnother(let key, let certificate):
      self.init("setting \(key.name): \(key.path) is not the key of the certificate in \(certificate.path)")
    case .other(let words): self.init("setting redisUrl: TLS cannot be set up: \(words)")
    }
  }
}
