import Foundation
import TestSupport
import Testing

/// An HAProxy that serves the coordinator below `/holdfast` only, as on a host that also serves other sites.
final class SubPathProxy {
  let port: Int
  private let directory: TemporaryDirectory
  private let process: ServerProcess

  init(coordinator: Int) async throws {
    directory = try TemporaryDirectory()
    var started: (Int, ServerProcess)?
    // Another process may take the port between our check and HAProxy's bind.
    for _ in 0..<5 where started == nil {
      let port = try FreePort.find()
      let file = directory.url.appending(path: "haproxy.cfg")
      try Data(Self.configuration(port, coordinator).utf8).write(to: file)
      let process = try ServerProcess(
        try Shell.find("haproxy"), ["-db", "-f", file.path],
        logFile: directory.url.appending(path: "haproxy.log"))
      try await eventually("HAProxy listens or ends") {
        guard process.isRunning else { return true }
        return (try? await RawConnection(port: port)) != nil
      }
      if process.isRunning { started = (port, process) }
    }
    (port, process) = try #require(started, "HAProxy found no free port")
  }

  private static func configuration(_ port: Int, _ coordinator: Int) -> String {
    """
    defaults
      mode http
      timeout connect 5s
      timeout client 60s
      timeout server 60s
    frontend host
      bind 127.0.0.1:\(port)
      use_backend coordinator if { path /holdfast } || { path_beg /holdfast/ }
      default_backend another
    backend another
      http-request return status 404 content-type text/plain string "another site"
    backend coordinator
      server coordinator 127.0.0.1:\(coordinator)

    """
  }
}
