import Testing

/// Real coordinators and the nodes that announce themselves: one test after the other, since each takes a handful of
/// processes.
@Suite(.serialized) struct CoordinatedTests {}
