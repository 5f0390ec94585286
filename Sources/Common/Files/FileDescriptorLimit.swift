import Glibc

/// Each connection takes a file descriptor. The usual soft limit of 1,024 is meant for programs with few.
package enum FileDescriptorLimit {
  /// Connections leave so many to others: to links to Redis, probes, files, and connections that are just being
  /// refused.
  private static let reserve = 64

  /// Raises the soft limit to the hard one. If the system refuses, the process works with what it has.
  package static func raise() {
    var limit = rlimit()
    guard getrlimit(kind, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(kind, &limit)
  }

  /// How many of the wanted connections there can be. At least a few, however low the limit is.
  package static func connections(atMost wanted: Int) -> Int {
    precondition(wanted > 0)
    var limit = rlimit()
    guard getrlimit(kind, &limit) == 0 else { return wanted }
    let descriptors = Int(clamping: limit.rlim_cur)
    return min(wanted, max(descriptors - reserve, descriptors / 4, 1))
  }

  private static var kind: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
}
