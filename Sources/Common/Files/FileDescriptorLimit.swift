import Glibc

/// Each connection takes a file descriptor; the usual soft limit of 1,024 is for programs with few.
package enum FileDescriptorLimit {
  /// Raises the soft limit to the hard one. Refused, the process works with what it has.
  package static func raise() {
    var limit = rlimit()
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(kind, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(kind, &limit)
  }
}
