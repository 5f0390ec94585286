import Common
import Logging
import NIOCore
import ServiceLifecycle

/// Looks after the store: whether its settings keep data, and how full it is. Belongs to the event loop of its link.
final class StoreWatch {
  private static let interval = TimeAmount.milliseconds(500)
  private static let firstInterval = TimeAmount.milliseconds(25)
  /// Settings are looked at again after so many rounds.
  private static let roundsPerSettings = 20
  /// New reserves and stock writes are refused from this share of `maxmemory` on.
  static let nearlyFull = 0.9

  /// The store would drop data: nothing can be promised on it.
  struct Unfit: Error { let reason: String }

  private let link: any CommandSender
  private let logger: Logger
  private let report: (StoreReport) -> Void
  private let unfit: (Unfit) -> Void
  private var roundsToSettings = 0
  private var warnings: [String]?

  /// - Parameters:
  ///   - report: called after each round that brought an answer.
  ///   - unfit: called if the store must not be used at all. Only when starting: a node that has served goes on, and warns.
  init(
    link: any CommandSender, logger: Logger, report: @escaping (StoreReport) -> Void, unfit: @escaping (Unfit) -> Void
  ) {
    self.link = link
    self.logger = logger
    self.report = report
    self.unfit = unfit
  }

  func start() {
    round()
  }

  private func round() {
    let next = { [self] in
      // A node that starts is not ready before the first report.
      let pause = warnings == nil ? Self.firstInterval : Self.interval
      link.eventLoop.assumeIsolated().scheduleTask(in: pause) { [self] in round() }
    }
    guard roundsToSettings == 0 else {
      roundsToSettings -= 1
      return memory(then: next)
    }
    settings { [self] seen in
      // Without an answer they are asked for again in the next round.
      if let seen {
        for warning in seen where !(warnings ?? []).contains(warning) {
          logger.warning("Redis is not set up safely", metadata: ["warning": "\(warning)"])
        }
        warnings = seen
        roundsToSettings = Self.roundsPerSettings
      }
      memory(then: next)
    }
  }

  /// Reads the settings; nil if there was no answer.
  private func settings(_ completion: @escaping ([String]?) -> Void) {
    ask("CONFIG", "GET", "maxmemory-policy", "appendonly") { [self] reply in
      switch reply {
      case nil: completion(nil)
      case .error(let line)?:
        // Busy for the moment is no answer either.
        if case .notYet = RedisFailure.Rejection(line: line) { return completion(nil) }
        completion(["could not check whether Redis keeps its data (CONFIG: \(line))"])
      case let reply?:
        let policy = reply.value(of: "maxmemory-policy") ?? "unknown"
        if policy != "noeviction" {
          let reason = "Redis has maxmemory-policy \(policy), and would drop reservations: set it to noeviction"
          guard warnings != nil else { return unfit(Unfit(reason: reason)) }
          return completion([reason])
        }
        let isAppending = reply.value(of: "appendonly") == "yes"
        completion(isAppending ? [] : ["Redis has appendonly no: what was sold is lost when it stops"])
      }
    }
  }

  private func memory(then next: @escaping () -> Void) {
    ask("INFO", "memory") { [self] reply in
      defer { next() }
      guard let text = reply?.text, let warnings else { return }
      let used = Self.number("used_memory", in: text) ?? 0
      let limit = Self.number("maxmemory", in: text) ?? 0
      report(
        StoreReport(
          warnings: warnings, isNearlyFull: limit > 0 && Double(used) >= Self.nearlyFull * Double(limit),
          usedBytes: used, limitBytes: limit))
    }
  }

  private func ask(_ words: String..., completion: @escaping (RedisReply?) -> Void) {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    var command = ByteBuffer()
    command.writeRedisCommand(arguments)
    link.send(command, deadline: link.eventLoop.now + Self.interval) { result in completion(try? result.get()) }
  }

  /// The value of a `name:value` line of INFO.
  static func number(_ name: String, in info: String) -> Int? {
    info.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name + ":") }
      .flatMap { Int($0.dropFirst(name.utf8.count + 1)) }
  }
}

extension RedisReply {
  /// A value in a reply of CONFIG GET: names and values by turns, in any order.
  fileprivate func value(of name: String) -> String? {
    guard case .array(let parts) = self, let index = parts.firstIndex(where: { $0.text == name }),
      index + 1 < parts.count
    else { return nil }
    return parts[index + 1].text
  }
}
