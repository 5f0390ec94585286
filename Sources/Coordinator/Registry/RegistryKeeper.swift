import Logging
import NIOPosix

/// Writes the registry to its file when it has changed. Logs when that begins to fail, and when it works again.
actor RegistryKeeper {
  private let file: RegistryFile
  private let logger: Logger
  private var savedRevision: Int
  private var problem: String?

  /// - Parameter revision: of what the file holds.
  init(_ file: RegistryFile, revision: Int, logger: Logger) {
    (self.file, self.logger, savedRevision) = (file, logger, revision)
  }

  /// Whether this revision is still to be written, or the last attempt failed.
  func needs(_ revision: Int) -> Bool { revision != savedRevision || problem != nil }

  /// - Returns: why it could not be written; nil if it was.
  func save(_ contents: RegistryContents, revision: Int) async -> String? {
    assert(revision >= savedRevision, "revisions only rise")
    let failure = await file.saveOffPool(contents)
    savedRevision = revision
    if let failure, problem == nil {
      logger.error("the registry can't be kept", metadata: ["path": "\(file.path)", "reason": "\(failure)"])
    } else if failure == nil, problem != nil {
      logger.info("the registry is kept again")
    }
    problem = failure
    return failure
  }
}

extension RegistryFile {
  /// On a thread of another pool: fsync can take long, and must not hold up the threads that all tasks share.
  fileprivate func saveOffPool(_ contents: RegistryContents) async -> String? {
    await withCheckedContinuation { continuation in
      NIOThreadPool.singleton.submit { _ in
        do throws(RegistryFile.Failure) {
          try save(contents)
          continuation.resume(returning: nil)
        } catch {
          continuation.resume(returning: error.reason)
        }
      }
    }
  }

  /// What the file holds, if it is there and can be used.
  func known(_ logger: Logger) -> RegistryContents? {
    switch load() {
    case .contents(let contents): return contents
    case .nothing: return nil
    case .damaged(let reason, let movedTo):
      logger.error(
        "the registry file can't be used, and was set aside",
        metadata: ["path": "\(path)", "reason": "\(reason)", "movedTo": "\(movedTo ?? "nowhere: it is still there")"])
      return nil
    }
  }
}
