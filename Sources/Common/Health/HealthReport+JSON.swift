import NIOCore

extension HealthReport {
  package var json: ByteBuffer {
    var body = ByteBufferAllocator().buffer(capacity: 2048)
    body.writeStaticString("{\"nodeId\":")
    body.writeJSONString(nodeId)
    body.writeStaticString(",\"bootId\":")
    body.writeJSONString(bootId)
    body.writeStaticString(",\"version\":")
    body.writeJSONString(version)
    body.writeString(",\"uptimeSeconds\":\(uptimeSeconds),\"state\":\"\(state.rawValue)\",\"reasons\":")
    body.writeJSONArray(reasons) { $0.writeJSONString($1) }
    body.writeString(",\"drained\":\(drained)")
    redis.write(to: &body)
    store.write(to: &body)
    lease.write(to: &body)
    sweeper.write(to: &body)
    requests.write(to: &body)
    body.writeStaticString("}")
    return body
  }
}

extension HealthReport.Redis {
  fileprivate func write(to body: inout ByteBuffer) {
    body.writeStaticString(",\"redis\":{\"mode\":")
    body.writeJSONStringOrNull(mode)
    body.writeStaticString(",\"server\":")
    body.writeJSONStringOrNull(server)
    let replicas = replicas.map {
      "{\"connected\":\($0.connected),\"awaited\":\($0.awaited),\"lagBytes\":\(orNull($0.lagBytes))}"
    }
    body.writeString(",\"replicas\":\(orNull(replicas)),\"connected\":\(connected),\"version\":")
    body.writeJSONStringOrNull(version)
    body.writeString(",\"roundTripMs\":\(orNull(roundTripMs))")
    body.writeString(",\"pending\":\(pending),\"reconnects\":\(reconnects)")
    body.writeString(",\"usedBytes\":\(usedBytes),\"limitBytes\":\(limitBytes),\"faults\":")
    body.writeJSONArray(faults) { $0.writeJSONString($1) }
    body.writeStaticString(",\"warnings\":")
    body.writeJSONArray(warnings) { $0.writeJSONString($1) }
    body.writeString(",\"clockOffsetMs\":\(orNull(clockOffsetMs))}")
  }
}

extension HealthReport.Store {
  fileprivate func write(to body: inout ByteBuffer) {
    body.writeString(",\"store\":{\"shards\":\(orNull(shards)),\"unservedShards\":\(orNull(unservedShards))")
    body.writeStaticString(",\"identity\":")
    body.writeJSONStringOrNull(identity)
    body.writeString(",\"mark\":\(orNull(mark)),\"markedBy\":")
    body.writeJSONStringOrNull(markedBy)
    body.writeString(",\"acknowledged\":\(orNull(acknowledged)),\"loss\":")
    if let loss { loss.write(to: &body) } else { body.writeStaticString("null") }
    body.writeString(",\"damaged\":\(damaged),\"damage\":")
    body.writeJSONArray(damage) { $0.writeJSONString($1) }
    body.writeStaticString("}")
  }
}

extension HealthReport.Store.Loss {
  /// As one object.
  package func write(to body: inout ByteBuffer) {
    body.writeStaticString("{\"seenIdentity\":")
    body.writeJSONStringOrNull(seenIdentity)
    body.writeString(",\"seenMark\":\(orNull(seenMark)),\"foundIdentity\":")
    body.writeJSONStringOrNull(foundIdentity)
    body.writeString(",\"foundMark\":\(orNull(foundMark)),\"since\":")
    body.writeJSONString(since)
    body.writeStaticString("}")
  }
}

extension HealthReport.Lease {
  fileprivate func write(to body: inout ByteBuffer) {
    body.writeString(",\"lease\":{\"leader\":\(leader),\"epoch\":\(orNull(epoch)),\"holder\":")
    body.writeJSONStringOrNull(holder)
    body.writeStaticString(",\"since\":")
    body.writeJSONStringOrNull(since)
    body.writeString(",\"remainingMs\":\(orNull(remainingMs)),\"termsWon\":\(termsWon),\"termsLost\":\(termsLost)")
    body.writeString(",\"renewMs\":\(orNull(renewMs))}")
  }
}

extension HealthReport.Sweeper {
  fileprivate func write(to body: inout ByteBuffer) {
    body.writeString(",\"sweeper\":{\"backlog\":\(orNull(backlog)),\"oldestOverdueMs\":\(orNull(oldestOverdueMs))")
    let batch = lastBatch.map { "{\"agoMs\":\($0.agoMs),\"holds\":\($0.holds),\"tookMs\":\($0.tookMs)}" }
    body.writeString(",\"lastBatch\":\(orNull(batch)),\"releasedTotal\":\(releasedTotal)")
    body.writeString(",\"trimmedTotal\":\(trimmedTotal),\"fencedAttempts\":\(fencedAttempts)}")
  }
}

extension HealthReport.Requests {
  fileprivate func write(to body: inout ByteBuffer) {
    body.writeString(",\"requests\":{\"inFlight\":\(inFlight),\"ratePerSecond\":\(ratePerSecond)")
    body.writeString(",\"errorsPerSecond\":\(errorsPerSecond),\"total\":\(total),\"errors\":\(errors)}")
  }
}

private func orNull(_ value: (some CustomStringConvertible)?) -> String { value?.description ?? "null" }

extension ByteBuffer {
  fileprivate mutating func writeJSONStringOrNull(_ text: String?) {
    if let text { writeJSONString(text) } else { writeStaticString("null") }
  }
}
