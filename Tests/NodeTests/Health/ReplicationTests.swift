import RedisClient
import Testing

@testable import Node

@Suite struct ReplicationTests {
  private static let info = """
    # Replication\r
    role:master\r
    connected_slaves:3\r
    slave0:ip=127.0.0.1,port=6380,state=online,offset=900,lag=0\r
    slave1:ip=127.0.0.1,port=6381,state=wait_bgsave,offset=0,lag=0\r
    slave2:ip=127.0.0.1,port=6382,state=online,offset=1000,lag=1\r
    slave3:ip=127.0.0.1,port=6383,state=online,offset=1000,lag=3\r
    master_failover_state:no-failover\r
    master_repl_offset:1000\r
    """

  @Test(arguments: [(0, 0), (1, 0), (2, 100), (3, 100)])
  func `replicas that are online count, and the last of those awaited tells the lag`(awaited: Int, lag: Int) {
    let replication = Replication(info: Self.info, minReplicas: awaited)
    #expect(replication.connected == 2 && replication.lagBytes == lag)
  }

  @Test func `numbers that can't be are no harm`() {
    let info = "slave0:state=online,lag=0,offset=9223372036854775807\r\nmaster_repl_offset:-9223372036854775808\r\n"
    #expect(Replication(info: info, minReplicas: 1).lagBytes == 0)
    #expect(
      Replication(info: "slave0:state=online\r\nslave1:\r\nslave", minReplicas: 1)
        == Replication(info: "", minReplicas: 1))
  }

  @Test func `too few for what is to be acknowledged is a fault, and none at all a warning`() {
    func meanings(_ connected: Int, _ minReplicas: Int, isExpected: Bool) -> [StoreFinding.Meaning] {
      var replication = Replication(info: "", minReplicas: minReplicas)
      replication.connected = connected
      return replication.findings(.init(minReplicas: minReplicas, isExpected: isExpected)).map(\.meaning)
    }
    #expect(meanings(1, 2, isExpected: true) == [.fault] && meanings(0, 1, isExpected: false) == [.fault])
    #expect(meanings(0, 0, isExpected: true) == [.warning] && meanings(0, 0, isExpected: false) == [])
    #expect(meanings(2, 2, isExpected: true) == [])
  }

  @Test func `what only some of several masters lack is a warning, and the worst of them is shown`() {
    let info = { (count: Int) in
      RedisReply.bytes(
        Array((0..<count).map { "slave\($0):state=online,lag=0,offset=0" }.joined(separator: "\r\n").utf8))
    }
    let demand = Replication.Demand(minReplicas: 1, isExpected: true)
    let some = StoreFinding.replication(ofAll: [info(2), info(0), info(1)], demand)
    #expect(some?.replication?.connected == 0 && some?.findings.map(\.meaning) == [.warning])
    #expect(some?.findings.first?.words.hasPrefix("1 of 3 masters have fewer replicas") == true)
    #expect(StoreFinding.replication(ofAll: [info(0), info(0)], demand)?.findings.map(\.meaning) == [.fault])
    #expect(StoreFinding.replication(ofAll: [info(1), info(2)], demand)?.findings == [])
    #expect(StoreFinding.replication(ofAll: [], demand) == nil)
  }

  @Test(
    arguments: [
      ("0", "10", true, true), ("1", "0", true, true), ("1", "10", true, false), ("0", "10", false, false),
    ])
  func `a master that keeps selling by itself is warned about where there are to be replicas`(
    least: String, lag: String, isExpected: Bool, isTold: Bool
  ) {
    let config = RedisReply.array(
      ["min-replicas-to-write", least, "min-replicas-max-lag", lag].map { .bytes(Array($0.utf8)) })
    #expect((StoreFinding.isolation(config: config, .init(isExpected: isExpected)) != nil) == isTold)
    // A master of a Cluster stops by itself.
    #expect(StoreFinding.isolation(config: config, .init(isExpected: isExpected, stopsAlone: true)) == nil)
  }
}
