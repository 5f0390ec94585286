import Common
import Hummingbird
import Logging
import Metrics
import ServiceLifecycle

/// Puts the coordinator together and runs it: the one place where all parts meet.
struct CoordinatorProcess {
  let settings: CoordinatorSettings

  /// Runs until the process is told to stop.
  func run() async throws {
    LoggingSystem.bootstrapJSONLines(level: settings.logLevel, metadata: [:])
    let logger = Logger(label: "coordinator")
    let router = Router()
    router.get("/health/live") { _, _ in "live" }
    let app = Application(
      router: router, configuration: .init(address: .hostname(settings.host, port: settings.port)), logger: logger)
    try await app.runService()
  }
}
