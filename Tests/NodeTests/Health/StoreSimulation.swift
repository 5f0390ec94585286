import Common
import TestSupport

@testable import Node

/// A store, nodes that probe it, and a coordinator that exchanges reports with the nodes, in random order. Answers and
/// reports are late, doubled or lost. Processes restart. The store is emptied or restored from a backup.
struct StoreSimulation {
  /// A store as the script (`probe.lua`) sees it.
  struct Store {
    var identity: String?
    var marks: [String: Int64] = [:]
    var floor: Int64 = 0
    var sight: StoreSight { StoreSight(identity: identity, marks: marks, floor: floor) }

    mutating func probe(_ name: String, last: Int64, _ newIdentity: String, at now: Int64) -> Reply {
      let found = sight
      identity = identity ?? newIdentity
      let newest = max(marks.values.max() ?? 0, floor)
      var raised: Int64?
      if max(marks[name] ?? 0, floor) >= last, now - newest >= 400 || now < newest { raised = max(now, newest + 1) }
      if let raised {
        marks[name] = raised
        if found.marks.count > 64 { drop(found.marks, but: name) }
      }
      return Reply(found: found, after: StoreEvidence(identity: identity!, marks: marks), raised: raised)
    }

    private mutating func drop(_ found: [String: Int64], but own: String) {
      let oldest = found.sorted { $0.value < $1.value }.prefix(found.count - 32)
      for (name, _) in oldest where name != own { marks[name] = nil }
      floor = max(floor, oldest.last!.value)
    }
  }

  struct Reply {
    var found: StoreSight
    var after: StoreEvidence
    var raised: Int64?
  }

  private struct Node {
    var process: String
    /// The mark as the repository keeps it.
    var mark: (name: String, last: Int64)
    var judge = StoreJudge()
    /// A probe that has begun, and Redis's reply if it has run.
    var probe: (begun: StoreJudge.Probe, reply: Reply?)?
    /// All that this process has seen or was told since the last acknowledgement that it received. It need not remember
    /// all of it.
    var known: [StoreEvidence] = []
  }

  private enum Message {
    case report(HealthReport.Store)
    case answer(StoreMemory, to: Int, process: String)
  }

  private var random: SeededRandom
  private var now: Int64 = 1_800_000_000_000
  private var store = Store()
  /// Older states, which stand for backups and for replicas that are behind.
  private var backups: [Store] = []
  private var destructions = 0
  private var nodes: [Node] = []
  private var memory = StoreMemory()
  private var heardByMemory: [StoreEvidence] = []
  private var file: (memory: StoreMemory, heard: [StoreEvidence]) = (StoreMemory(), [])
  private var lastReports: [HealthReport.Store] = []
  private var messages: [Message] = []
  private var made = 0
  private(set) var losses = 0
  private(set) var acknowledgements = 0
  /// The broken promises, in words.
  private(set) var breaches: [String] = []

  private let restarts: Int?

  /// - Parameter restarts: in addition, a process restarts about once in this many steps.
  init(seed: UInt64, restarts: Int? = nil) {
    random = SeededRandom(seed)
    self.restarts = restarts
    for _ in 0..<random.number(1...4) { nodes.append(newNode()) }
  }

  private mutating func newNode() -> Node {
    made += 1
    return Node(process: "process \(made)", mark: ("mark-\(made)", 0))
  }

  mutating func run(steps: Int) {
    for _ in 0..<steps {
      now += Int64(random.number(0...300))
      step()
    }
    settle()
  }

  private mutating func step() {
    let node = random.number(0...nodes.count - 1)
    // A process may end right after its start, before it does anything else.
    if let restarts, random.oneIn(restarts) { nodes[node] = newNode() }
    switch random.number(1...200) {
    case 1: destroy { $0 = Store() }
    case 2...3: if let old = backups.isEmpty ? nil : random.pick(backups) { destroy { $0 = old } }
    case 4...9: nodes[node] = newNode()
    case 10...11: restartCoordinator()
    case 12...16: acknowledge()
    case 17...22: backups.append(store)
    // Redis's clock is set back.
    case 23: now -= 3000
    case 24...60: begin(node)
    case 61...97: reach(node)
    case 98...130: end(node)
    case 131...150: messages.append(report(of: node))
    case 151...165: messages.append(.answer(memory, to: node, process: nodes[node].process))
    default: deliver()
    }
  }

  // MARK: - What happens

  private mutating func destroy(_ change: (inout Store) -> Void) {
    change(&store)
    destructions += 1
  }

  private mutating func begin(_ node: Int) {
    guard nodes[node].probe == nil else { return }
    let begun = nodes[node].judge.begin()
    nodes[node].probe = (begun, nil)
  }

  private mutating func reach(_ node: Int) {
    guard nodes[node].probe?.reply == nil, nodes[node].probe != nil else { return }
    made += 1
    let mark = nodes[node].mark
    nodes[node].probe?.reply = store.probe(mark.name, last: mark.last, "identity-\(made)", at: now)
  }

  private mutating func end(_ node: Int) {
    guard let (begun, reply) = nodes[node].probe, let reply else { return }
    nodes[node].probe = nil
    made += 1
    // The reply is lost.
    if random.oneIn(20) {
      nodes[node].mark = ("mark-\(made)", 0)
      return
    }
    let (found, after) = (reply.found, reply.after)
    let isHeld = max(found.marks[nodes[node].mark.name] ?? 0, found.floor) >= nodes[node].mark.last
    if let raised = reply.raised { nodes[node].mark.last = raised }
    if !isHeld { nodes[node].mark = ("mark-\(made)", 0) }
    let before = nodes[node]
    let loss = nodes[node].judge.ended(begun, found: found, after: after, at: now)
    if loss != nil {
      losses += 1
      if destructions == 0 { breaches.append("a loss is told, though nothing was lost") }
      if before.known.allSatisfy({ $0.isHeld(by: found) }) {
        breaches.append("a loss is told, though all that \(before.process) had seen or was told of was there")
      }
    } else if before.judge.loss == nil, begun.isCurrent(before.judge) {
      nodes[node].known.append(after)
    }
  }

  private func report(of node: Int) -> Message {
    .report(HealthReport.Store(nodes[node].judge))
  }

  private mutating func deliver() {
    guard !messages.isEmpty else { return }
    let index = random.number(0...messages.count - 1)
    // A message is delivered once, or stays to be delivered again later.
    let message = random.oneIn(5) ? messages[index] : messages.remove(at: index)
    if !random.oneIn(10) { take(message) }
  }

  private mutating func take(_ message: Message) {
    switch message {
    case .report(let told):
      let before = memory
      memory.heard(told)
      lastReports.append(told)
      if memory.acknowledged != before.acknowledged { heardByMemory = [] }
      if told.loss == nil, memory.loss == nil, told.acknowledged == memory.acknowledged,
        told.identity == memory.evidence?.identity,
        let identity = told.identity, let mark = told.mark, let process = told.markedBy
      {
        heardByMemory.append(StoreEvidence(identity: identity, marks: [process: mark]))
      }
      if random.oneIn(3) { file = (memory, heardByMemory) }
    case .answer(let told, let node, let process):
      // The receiving process is gone, and so is its connection.
      guard nodes[node].process == process else { return }
      let before = nodes[node].judge.acknowledged
      _ = nodes[node].judge.heard(told)
      if nodes[node].judge.acknowledged > before { nodes[node].known = [] }
      if told.acknowledged >= before, let evidence = told.evidence { nodes[node].known.append(evidence) }
    }
  }

  private mutating func restartCoordinator() {
    // Sometimes its file is lost too.
    (memory, heardByMemory) = random.oneIn(4) ? (StoreMemory(), []) : file
    lastReports = []
  }

  private mutating func acknowledge() {
    let losing = lastReports.suffix(nodes.count).filter {
      $0.loss != nil && $0.acknowledged ?? 0 == memory.acknowledged
    }
    guard !losing.isEmpty else { return }
    acknowledgements += 1
    memory.acknowledge(losing, at: now)
    heardByMemory = memory.evidence.map { [$0] } ?? []
    // An acknowledgement is written at once.
    file = (memory, heardByMemory)
  }

  // MARK: - In the end everything gets through

  private mutating func settle() {
    messages = []
    for index in nodes.indices where nodes[index].probe != nil {
      made += 1
      (nodes[index].probe, nodes[index].mark) = (nil, ("mark-\(made)", 0))
    }
    // An acknowledgement may have been on its way.
    for index in nodes.indices { take(report(of: index)) }
    for index in nodes.indices { take(.answer(memory, to: index, process: nodes[index].process)) }
    let isLostToAll = heardByMemory.contains { !$0.isHeld(by: store.sight) }
    let lostTo = nodes.map { node in isLostToAll || node.known.contains { !$0.isHeld(by: store.sight) } }
    for index in nodes.indices {
      now += 500
      let probe = nodes[index].judge.begin()
      made += 1
      let mark = nodes[index].mark
      let reply = store.probe(mark.name, last: mark.last, "identity-\(made)", at: now)
      _ = nodes[index].judge.ended(probe, found: reply.found, after: reply.after, at: now)
    }
    for (node, isLost) in zip(nodes, lostTo) where isLost && node.judge.loss == nil {
      breaches.append("\(node.process) tells of no loss, though what it or the coordinator had seen is not there")
    }
  }
}

extension StoreJudge.Probe {
  /// Whether this message belongs to the judge's current acknowledgement.
  fileprivate func isCurrent(_ judge: StoreJudge) -> Bool { acknowledged == judge.acknowledged }
}
