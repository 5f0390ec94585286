/// What the coordinator remembers of the store for all nodes. It tells them in its answers to their announcements, so
/// that even nodes that all started after a loss notice it.
package struct StoreMemory: Codable, Equatable, Sendable {
  /// When an operator last acknowledged a loss, in milliseconds since 1970; 0 for never. Rises with each.
  package private(set) var acknowledged: Int64
  /// Nil if nothing has been seen since.
  package private(set) var evidence: StoreEvidence?
  /// A loss that a node told of and nobody has acknowledged yet. It outlives the processes that found it.
  package private(set) var loss: HealthReport.Store.Loss?

  package init(acknowledged: Int64 = 0, evidence: StoreEvidence? = nil, loss: HealthReport.Store.Loss? = nil) {
    (self.acknowledged, self.evidence, self.loss) = (acknowledged, evidence, loss)
  }

  /// Whether a process of ours can have written it.
  package var isWellFormed: Bool {
    (0...RFC3339.representable.upperBound).contains(acknowledged) && evidence?.isWellFormed ?? true
      && loss?.isWellFormed ?? true
  }

  /// A node has told what it finds.
  ///
  /// A node that knows of a later acknowledgement is right: the file of this memory was lost since. A node that does
  /// not know of the last one yet may tell of the time before it, and is not heard.
  ///
  /// A node that has not compared the store with this memory yet tells of no acknowledgement at all. It is not heard
  /// either. Each process that starts on a store that was set back begins a mark there. If those marks were taken in,
  /// they would push out the very marks that show the loss.
  package mutating func heard(_ store: HealthReport.Store) {
    guard let told = store.acknowledged, told >= acknowledged, RFC3339.representable.contains(told) else { return }
    if told > acknowledged { self = StoreMemory(acknowledged: told) }
    if let loss = store.loss, self.loss == nil, loss.isWellFormed { self.loss = loss }
    // Until a loss is acknowledged, what is found in that store is no measure.
    guard loss == nil, store.loss == nil, let identity = store.identity, let mark = store.mark,
      let name = store.markedBy
    else { return }
    let seen = StoreEvidence(identity: identity, marks: [name: mark])
    guard seen.isWellFormed else { return }
    // If the node found another identity, it judges that itself: it is told of this one.
    if evidence == nil { evidence = seen } else if evidence?.identity == identity { evidence?.add(seen) }
  }

  /// An operator takes the store as it is. From now on it is measured by what the nodes that tell of the loss find
  /// there.
  package mutating func acknowledge(_ reports: [HealthReport.Store], at now: Int64) {
    let reporting = reports.filter { $0.loss != nil && ($0.acknowledged ?? 0) == acknowledged }
    acknowledged = max(now, acknowledged + 1)
    (evidence, loss) = (nil, nil)
    let newest = reporting.max { $0.mark ?? 0 < $1.mark ?? 0 }
    guard let identity = newest?.identity else { return }
    var seen = StoreEvidence(identity: identity)
    for report in reporting where report.identity == identity {
      if let mark = report.mark, let name = report.markedBy { seen.add(mark, by: name) }
    }
    if seen.isWellFormed { evidence = seen }
  }
}
