import Testing

/// Real coordinators, and nodes that announce themselves. The tests run one after the other, because each needs several
/// processes.
@Suite(.serialized) struct CoordinatedTests {}
