import Testing

@testable import RedisClient

@Suite struct RedisTopologyTests {
  private func group(_ text: String) throws -> MasterGroup {
    guard case .sentinel(let group) = try RedisTopology(text) else { throw RedisURL.Invalid(reason: "no Sentinel") }
    return group
  }

  @Test func `a plain URL is one server`() throws {
    let topology = try RedisTopology("rediss://web:hush@h:7/2")
    #expect(topology == .single(try RedisURL("rediss://web:hush@h:7/2")))
    #expect(topology.mode == "single" && topology.usesTLS && topology.hasPassword && !topology.hasSentinels)
  }

  @Test func `Sentinels are named with the master they watch`() throws {
    let group = try group("redis+sentinel://a,b:7,[::1]:8/shop")
    #expect(group.sentinels.map(\.description) == ["a:26379", "b:7", "[::1]:8"] && group.masterName == "shop")
    #expect(group.server(at: ServerAddress(host: "m", port: 1)) == (try RedisURL("redis://m:1/0")))
  }

  @Test func `credentials, database and TLS are those of the servers that store`() throws {
    let text = "rediss+sentinel://web:s%40cr%2Fet@a,b/shop/3"
    let url = try group(text).server(at: ServerAddress(host: "::1", port: 9))
    #expect(url.usesTLS && url.user == "web" && url.password == "s@cr/et" && url.database == 3)
    #expect(url.host == "::1" && url.port == 9)
    let topology = try RedisTopology(text)
    #expect(topology.mode == "sentinel" && topology.usesTLS && topology.hasPassword && topology.hasSentinels)
  }

  @Test func `some servers of a Cluster are named`() throws {
    let topology = try RedisTopology("rediss+cluster://web:s%2Cr@a,b:7,[::1]:8/")
    guard case .cluster(let seeds) = topology else { throw RedisURL.Invalid(reason: "no Cluster") }
    #expect(seeds.addresses.map(\.description) == ["a:6379", "b:7", "[::1]:8"])
    #expect(topology.mode == "cluster" && topology.usesTLS && topology.hasPassword && topology.isCluster)
    let url = seeds.server(at: ServerAddress(host: "m", port: 9))
    #expect(url.usesTLS && url.user == "web" && url.password == "s,r" && url.host == "m" && url.port == 9)
    #expect("\(topology)" == "rediss+cluster://a:6379,b:7,[::1]:8")
    #expect(topology.expectsReplicas && !topology.hasSentinels)
  }

  @Test(arguments: [
    "redis+sentinel://", "redis+sentinel:///shop", "redis+sentinel://a", "redis+sentinel://a/",
    "redis+sentinel://a,/shop", "redis+sentinel://,a/shop", "redis+sentinel://a:0/shop", "redis+sentinel://a:x/shop",
    "redis+sentinel://a/shop/x", "redis+sentinel://a/shop/1/2", "redis+sentinel://a/the shop", "redis+sentinel://a/ä",
    "redis+sentinel://a,a/shop", "redis+sentinel://a,a:26379/shop", "redis+sentinel://u@a/shop",
    "redis+sentinel://:p@a,:p@b/shop", "http+sentinel://a/shop", "+sentinel://a/shop", "redis+sentinel:a/shop",
    "redis+sentinel", "redis+sentinel://a/shop?x=1", "redis+other://a/shop",
    "redis+cluster://", "redis+cluster://a/0", "redis+cluster://a/shop", "redis+cluster://a,",
    "redis+cluster://a,a:6379",
    "redis+cluster://a:0", "redis+cluster://u@a", "redis+cluster://:p@a,:p@b", "http+cluster://a", "redis+cluster",
    "redis+cluster://a?x=1",
  ])
  func `anything else is refused`(text: String) {
    #expect(throws: RedisURL.Invalid.self) { try RedisTopology(text) }
  }

  @Test(arguments: [
    "redis+sentinel://web:hidden@a:0/shop", "redis+sentinel://:hidden@a", "redis+sentinel://hidden@a/shop",
    "http+sentinel://:hidden@a/shop", "redis+sentinel://:hidden@a/shop/x", "redis+sentinel://a,:hidden@b/shop",
    "redis+cluster://:hidden@a/1", "redis+cluster://a,:hidden@b", "redis+cluster://hidden@a",
  ])
  func `no refusal tells a password`(text: String) {
    let error = #expect(throws: RedisURL.Invalid.self) { try RedisTopology(text) }
    #expect(error?.reason.contains("hidden") == false)
  }

  @Test func `what is logged tells no secret`() throws {
    let topology = try RedisTopology("rediss+sentinel://web:hidden@a,b:7/shop/2")
    #expect("\(topology)" == "rediss+sentinel://a:26379,b:7/shop/2")
    #expect(!String(reflecting: topology).contains("hidden"))
  }
}
