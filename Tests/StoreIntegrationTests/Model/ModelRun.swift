import NIOCore
import TestSupport

/// One seeded run that compares the model with the scripts, called through their repositories and services.
struct ModelRun {
  let seed: UInt64
  let calls: Int
  let engine: Engine
  let retentionSeconds: Int
  /// Whether the keys are compared too, and how many holds a sweep has released. The model knows one shard; elsewhere a
  /// hold may also be released because a part of it asks.
  var isOneShard = true
  /// Whether several reserves, or several confirms, are asked for at once, so that they share a call.
  var asksTogether = false

  /// The first difference between the two, and the calls that led to it.
  struct Difference: CustomStringConvertible {
    var seed: UInt64
    var number: Int
    var what: [String]
    var trace: [String]

    var description: String {
      """
      seed \(seed), call \(number): model and store part.
      \(what.joined(separator: "\n"))
      The last calls:
        \(trace.joined(separator: "\n  "))
      Again, alone: HOLDFAST_TEST_SEED=\(seed) swift test --filter ModelTests
      """
    }
  }

  /// After each call, the keys that it should touch are checked. All SKUs, and then the whole store, are checked after
  /// this many calls.
  private static let callsPerCheckOfStock = 20
  private static let callsPerFullCheck = 500

  /// - Parameter seen: counts the outcomes by operation.
  func firstDifference(seen: inout [String: Int]) async throws -> Difference? {
    try await engine.link.reply("FLUSHALL")
    var model = Model(now: TestClock.start)
    var generator = CallGenerator(seed: seed)
    var clockJitter = SeededRandom(~seed)
    let store = StoreReader(link: engine.link)
    let began = NIODeadline.now()
    var lastEvent = "-"
    var trace: [(number: Int, at: Int64, call: Call, answer: Answer)] = []

    for number in 1...calls {
      let (passing, call) = generator.next(in: model)
      model.now += passing
      engine.link.post(TestClock.setting(model.now, microseconds: .random(in: 0..<1000, using: &clockJitter)))
      // A reserve that finds a hold due asks again later, behind others.
      let asked = [call] + (asksTogether && !model.hasDueHolds ? generator.company(of: call, in: model) : [])
      // More time than a node allows, so that a busy machine makes no difference.
      let answers = await engine.ask(asked, age: Engine.patience)
      try await engine.whenSettled()
      trace = trace.suffix(11) + zip(asked, answers).map { (number, model.now, $0, $1) }

      var what: [String] = []
      model.begin()
      for (call, answer) in zip(asked, answers) {
        let isMade = answer.status == 201 && !answer.isReplay
        if isMade && model.holds[answer.reservationID] != nil { what.append("an id was given out twice") }
        let expected = model.answer(call, newID: isMade ? answer.reservationID : "")
        let isSame = isOneShard || call.wish != .sweep ? answer == expected : answer.status == expected.status
        if !isSame { what.append("answer to \(call)\n    expected \(expected)\n    found    \(answer)") }
        seen[call.wish.outcome(answer), default: 0] += 1
      }
      if isOneShard { what += try await compare(model, call, number, since: began, &lastEvent, store) }
      guard what.isEmpty else { return Difference(seed: seed, number: number, what: what, trace: trace.map(Self.told)) }
    }
    return nil
  }

  private func compare(
    _ model: Model, _ call: Call, _ number: Int, since began: NIODeadline, _ lastEvent: inout String,
    _ store: StoreReader
  ) async throws -> [String] {
    let isFull = number % Self.callsPerFullCheck == 0 || number == calls
    let isWide = isFull || call.wish == .sweep || number % Self.callsPerCheckOfStock == 0
    let skus = isWide ? CallGenerator.skus : Array(model.touchedSKUs)
    let ids = isFull ? model.ids : Array(model.touchedIDs)
    let reading = try await store.read(skus: skus, ids: ids, after: lastEvent)
    lastEvent = reading.lastEvent
    return StoreContents.differences(expected: model.contents(skus: skus, ids: ids), found: reading.contents)
      + bounds(model, reading, isSwept: call.wish == .sweep) + lifetimes(model, reading, since: began)
      + (isFull ? try await keys(model, since: began) : [])
  }

  private static func told(number: Int, at: Int64, call: Call, answer: Answer) -> String {
    "\(number) at \(at): \(call) → \(answer)"
  }

  /// `due` must find every hold in time and must not list deleted SKUs. After a sweep it must list no SKU that is due.
  private func bounds(_ model: Model, _ reading: StoreReader.Reading, isSwept: Bool) -> [String] {
    reading.contents.stock.keys.compactMap { sku in
      if isSwept, let bound = reading.due[sku], bound <= model.now { return "due still tells of \(sku) after a sweep" }
      if model.stock[sku] == nil {
        return reading.due[sku].map { "due of \(sku), which is gone: \($0)" }
      }
      guard let earliest = model.earliestDeadline(sku) else { return nil }
      guard let bound = reading.due[sku] else { return "due lacks \(sku)" }
      return bound <= earliest ? nil : "due of \(sku) is \(bound), after its earliest deadline \(earliest)"
    }
  }

  /// Active reservations have no expiry. Final ones expire a minute after the keys that replay them.
  private func lifetimes(_ model: Model, _ reading: StoreReader.Reading, since began: NIODeadline) -> [String] {
    let longest = Int64(retentionSeconds + 60) * 1000
    let shortest = longest - (.now() - began).nanoseconds / 1_000_000 - 1
    return reading.lifetimes.compactMap { id, lifetime in
      let isRight = model.active.contains(id) ? lifetime == -1 : lifetime <= longest && lifetime >= shortest
      return isRight ? nil : "reservation \(id) lives for another \(lifetime) ms"
    }
  }

  /// The store has exactly the expected keys, and each idempotency record has its lifetime.
  private func keys(_ model: Model, since began: NIODeadline) async throws -> [String] {
    var expected: Set<String> = ["test:seconds", "test:microseconds", "events"]
    for (sku, stock) in model.stock {
      expected.formUnion(["skus", "inventory:\(sku)", "total:\(sku)", "sold:\(sku)"])
      if !stock.sales.isEmpty { expected.insert("sales:\(sku)") }
      if model.earliestDeadline(sku) != nil { expected.insert("holds:\(sku)") }
    }
    expected.formUnion(model.ids.map { "reservation:\($0)" })
    expected.formUnion(model.keys.keys)
    let found = Set(try await engine.link.reply("KEYS", "*").elements.compactMap(\.text))
      .subtracting(["due", "lease", "lease:epoch"])
    var what: [String] = []
    if found != expected {
      what.append("keys missing \(expected.subtracting(found)), too many \(found.subtracting(expected))")
    }
    let longest = Int64(retentionSeconds) * 1000
    for name in model.keys.keys {
      let lifetime = try await engine.link.reply("PTTL", name).number
      let shortest = longest - (.now() - began).nanoseconds / 1_000_000 - 1
      if lifetime > longest || lifetime < shortest { what.append("\(name) lives for another \(lifetime) ms") }
    }
    return what
  }
}

extension Call.Wish {
  /// The operation and its result, in few words.
  fileprivate func outcome(_ answer: Answer) -> String {
    let name = "\(self)".prefix { $0 != "(" }
    let ending = answer.isSuccess ? "\(answer.status)" : "\(answer.body.prefix { $0 != "," })"
    let isEmpty = answer.body == "[] next none"
    return "\(name) \(ending)" + (answer.isReplay ? " replayed" : "") + (answer.retryAfter == nil ? "" : " retry after")
      + (isEmpty ? " empty" : "")
  }
}
