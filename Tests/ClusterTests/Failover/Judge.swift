/// Compares what shoppers were told with what Redis has after failovers. It knows which later states are legal, and
/// separates losses by a failover from faults that no failover explains.
///
/// A change is lost if it was reported only during a time of doubt and is no longer true. A time of doubt begins when
/// the replicas have everything that was reported, and ends when the failover is over.
struct Judge {
  /// The total of each SKU.
  let totals: [String: Int]
  /// Times of doubt, in epoch milliseconds.
  let doubt: [ClosedRange<Int>]

  /// - Parameter instant: when the snapshot was taken, in epoch milliseconds.
  func verdict(on ledger: Ledger, found snapshot: StoreSnapshot, at instant: Int) -> Verdict {
    var verdict = Verdict()
    judgeBooks(snapshot, &verdict)
    let stories = Story.all(of: ledger, in: snapshot)
    var held: [(items: [String: Int], span: Range<Int>)] = []
    for story in stories {
      var isWhole = true
      for entry in story.entries where !judgeTellings(of: entry, story, &verdict) { isWhole = false }
      judgeRecords(of: story, at: instant, &verdict)
      // Nobody knows how long a lost hold was held.
      if isWhole, let certain = story.certainlyHeld { held.append(certain) }
    }
    judgeSum(of: held, &verdict)
    let known = Set(stories.map(\.key))
    for (id, record) in snapshot.reservations {
      guard let reference = record.reference, !known.contains(reference), !reference.hasPrefix(Traffic.aside)
      else { continue }
      verdict.breach(.noPhantom, "\(reference): nobody asked for \(id)")
    }
    return verdict
  }

  // MARK: - Stock

  private func judgeBooks(_ snapshot: StoreSnapshot, _ verdict: inout Verdict) {
    for violation in snapshot.violations + snapshot.misfits { verdict.breach(.balancedBooks, violation) }
    for (sku, total) in totals where snapshot.stock(sku)?.total != total {
      verdict.breach(.balancedBooks, "\(sku): total \(snapshot.stock(sku)?.total ?? 0), was \(total)")
    }
  }

  private func judgeSum(of held: [(items: [String: Int], span: Range<Int>)], _ verdict: inout Verdict) {
    for (sku, total) in totals {
      var changes: [(at: Int, by: Int)] = []
      for (items, span) in held {
        guard let quantity = items[sku] else { continue }
        changes += [(span.lowerBound, quantity), (span.upperBound, -quantity)]
      }
      // Pieces that come back at an instant may be held again at the same instant.
      changes.sort { ($0.at, $0.by) < ($1.at, $1.by) }
      let most = changes.reduce(into: (now: 0, most: 0)) { sum, change in
        sum.now += change.by
        sum.most = max(sum.most, sum.now)
      }.most
      if most > total { verdict.breach(.neverOversold, "\(sku): \(most) of \(total) held and sold at one instant") }
    }
  }

  // MARK: - What was told

  /// Whether no reported change is missing.
  private func judgeTellings(of entry: LedgerEntry, _ story: Story, _ verdict: inout Verdict) -> Bool {
    let tellings = entry.tellings
    verdict.acknowledged += tellings.count
    let standing = tellings.filter { story.stands($0, of: entry, isOnly: tellings.count == 1) }
    for telling in tellings where !standing.contains(where: { $0.body == telling.body }) {
      if telling.instants.allSatisfy(isInDoubt) {
        verdict.missing[entry.kind, default: []].append(entry.key)
      } else {
        let record = story.found[telling.id]
        let isOtherEnd = telling.state.isFinal && record?.isFinal == true
        let found = record.map { "\($0)" } ?? "none"
        verdict.breach(isOtherEnd ? .oneEnd : .kept, "\(entry.key): told \(telling.state), found \(found)")
      }
    }
    if standing.count > 1 { verdict.breach(.sameAnswer, "\(entry.key): \(entry.answers)") }
    if let stands = standing.first { judgeRefusals(of: entry, after: stands, &verdict) }
    return standing.count == tellings.count
  }

  private func judgeRefusals(of entry: LedgerEntry, after telling: Telling, _ verdict: inout Verdict) {
    let later = entry.attempts.drop { $0.answer?.body != telling.body }.filter(\.isRefusal)
    if later.contains(where: { !isInDoubt($0.span.upperBound) }) {
      verdict.breach(.sameAnswer, "\(entry.key): \(entry.answers)")
    } else if !later.isEmpty {
      verdict.misled.append(entry.key)
    }
  }

  // MARK: - What is there

  private func judgeRecords(of story: Story, at instant: Int, _ verdict: inout Verdict) {
    if story.found.count > 1 { verdict.breach(.oneEffect, "\(story.key): \(story.found)") }
    for (id, record) in story.found {
      let told = story.entries.flatMap(\.tellings).filter { $0.id == id }.map(\.state)
      if !mayBeDone("reserve", in: story) { verdict.breach(.noPhantom, "\(story.key): \(record)") }
      for (status, kind) in [("CONFIRMED", "confirm"), ("CANCELLED", "cancel")]
      where record.status == status && !mayBeDone(kind, in: story) {
        verdict.breach(.asked, "\(story.key): \(record)")
      }
      if record.status == "EXPIRED", record.expiresAt > instant { verdict.breach(.notEarly, "\(story.key): \(record)") }
      let isDeadlineKnown = told.contains { $0.expiresAt == record.expiresAt } || isOpen("extend", in: story)
      let isSame = told.allSatisfy { $0.createdAt == record.createdAt && $0.items == record.items }
      if !told.isEmpty, !isDeadlineKnown || !isSame {
        verdict.breach(.unaltered, "\(story.key): told \(told), found \(record)")
      }
    }
  }

  private func mayBeDone(_ kind: String, in story: Story) -> Bool {
    story.entries.contains { $0.kind == kind && $0.success != nil } || isOpen(kind, in: story)
  }

  /// Whether a step of this kind may have taken effect without a reported success. It may if its outcome was unknown
  /// and no later refusal showed that it had no effect.
  private func isOpen(_ kind: String, in story: Story) -> Bool {
    story.entries.contains { entry in
      guard entry.kind == kind, entry.success == nil, entry.attempts.contains(where: \.isUnknown) else { return false }
      let isRefused = entry.attempts.last.map { $0.isRefusal && !isInDoubt($0.span.upperBound) } ?? false
      return entry.unanswered > 0 || !isRefused
    }
  }

  private func isInDoubt(_ instant: Int) -> Bool { doubt.contains { $0.contains(instant) } }
}

extension Verdict {
  fileprivate mutating func breach(_ rule: Rule, _ what: String) { impossible.append(Breach(rule: rule, what: what)) }
}
