import Glibc

/// Each connection takes a file descriptor; the usual soft limit of 1,024 is for programs with few.
package enum FileDescriptorLimit {
  /// What connections leave to others: links to Redis, probes, files, and a few that are just being refused.
  private static let reserve = 64

  /// Raises the soft limit to the hard one. Refused, the process works with what it has.
  package static func raise() {
    var limit = rlimit()
    guard getrlimit(kind, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(kind, &limit)
  }

  /// How many of the connections wanted there can be. At least a few, however low the limit.
  package static func connections(atMost wanted: Int) -> Int {
    var limit = rlimit()
    guard getrlimit(kind, &limit) == 0 else { return wanted }
    let descriptors = Int(clamping: limit.rlim_cur)
    return min(wanted, max(descriptors - reserve, descriptors / 4, 1))
  }

  private static var kind: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
}
