import Common
import Foundation
import RedisClient
import Testing

@testable import Node

@Suite struct NodeSettingsTests {
  private func load(_ environment: [String: String] = [:], flags: [String: String] = [:])
    throws -> NodeSettings
  {
    try NodeSettings.load(flags: flags, environment: environment)
  }

  private func failure(_ environment: [String: String], flags: [String: String] = [:])
    throws -> String
  {
    try #require(throws: SettingsError.self) { try load(environment, flags: flags) }.description
  }

  private func withTokensFile(_ text: String, _ body: (String) throws -> Void) throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID())")
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    try body(file.path)
  }

  @Test func `what is not given has its default`() throws {
    let settings = try load()
    #expect(settings.nodeId.hasSuffix("-8080"))
    #expect(try load().nodeId == settings.nodeId, "a node that starts again is the node it was")
    #expect(try load(flags: ["port": "8081"]).nodeId == settings.nodeId.dropLast(4) + "8081")
    #expect(settings.host == "127.0.0.1")
    #expect(settings.port == 8080)
    #expect(settings.redisUrl.description == "redis://127.0.0.1:6379/0")
    #expect(settings.sentinelUser == nil && settings.sentinelPassword == nil && !settings.sentinelTls)
    #expect(settings.minReplicas == 0)
    #expect(settings.redisCaFile == nil && settings.redisCertFile == nil && settings.redisKeyFile == nil)
    #expect(settings.drainDelay == .seconds(5))
    #expect(settings.maxQuantity == 1_000_000)
    #expect(settings.maxTtlSeconds == 3600)
    #expect(settings.retentionSeconds == 86_400)
    #expect(settings.eventsMaxLength == 100_000)
    #expect(settings.batches)
    #expect(settings.maxInFlight == 4096)
    #expect(settings.maxConnections == 16_384)
    #expect(settings.trustedProxies == TrustedProxies(nil))
    #expect(settings.coordinatorUrl == nil && settings.clusterToken == nil && settings.advertisedUrl == nil)
    #expect(settings.logLevel == .info)
    #expect(settings.logRequests == false)
    #expect(settings.adminTokens.isEmpty)
    #expect(settings.clientTokens.isEmpty)
  }

  @Test(arguments: [
    ("nodeId", ["a", "A.b_c-9", String(repeating: "n", count: 64)]),
    ("port", ["0", "65535"]),
    ("redisUrl", ["redis://h", "rediss://h:1/15", "redis://[::1]:6379", "redis+sentinel://a,b:1/shop"]),
    ("minReplicas", ["0", "16"]),
    ("drainDelay", ["0", "0.25", "300"]),
    ("maxQuantity", ["1", "1000000"]),
    ("maxTtlSeconds", ["1", "3600"]),
    ("retentionSeconds", ["3600", "31536000"]),
    ("eventsMaxLength", ["0", "100000000"]),
    ("trustedProxies", ["127.0.0.1/32", "10.0.0.0/8, ::1"]),
    ("advertisedUrl", ["http://h", "https://10.0.0.7:8443", "http://[::1]:1/"]),
    ("logLevel", ["trace", "critical"]),
  ])
  func `good values are taken`(key: String, values: [String]) throws {
    for value in values { _ = try load(flags: [key: value]) }
  }

  @Test(arguments: [
    ("nodeId", ["", "a b", "ü", String(repeating: "n", count: 65)]),
    ("host", [""]),
    ("port", ["-1", "65536", "http"]),
    ("redisUrl", ["", "http://h", "redis://", "127.0.0.1:6379", "redis+sentinel://a", "redis+sentinel:///shop"]),
    ("minReplicas", ["-1", "17"]),
    ("drainDelay", ["-1", "300.5"]),
    ("maxQuantity", ["0", "1000001"]),
    ("maxTtlSeconds", ["0", "3601"]),
    ("retentionSeconds", ["0", "3599", "31536001"]),
    ("eventsMaxLength", ["-1", "100000001"]),
    ("batches", ["maybe", "1"]),
    ("maxInFlight", ["0"]),
    ("maxConnections", ["0"]),
    ("trustedProxies", ["", "10.0.0.0/33", "proxy"]),
    ("coordinatorUrl", ["", "h:8070", "ftp://h", "http://", "http://h/path", "http://h?x", "http://u@h"]),
    ("advertisedUrl", ["", "h", "redis://h", "http://h:0", "http://h:65536", "http://[::1", "http://h h"]),
    ("logLevel", ["loud", "INFO"]),
    ("logRequests", ["1"]),
  ])
  func `bad values are refused`(key: String, values: [String]) throws {
    for value in values {
      #expect(try failure([:], flags: [key: value]).hasPrefix("setting \(key): bad value"))
    }
  }

  @Test func `a Redis password is taken from the environment, and never shown`() throws {
    let settings = try load(["HOLDFAST_REDIS_URL": "redis://:hidden@h"])
    #expect(settings.redisUrl == (try RedisTopology("redis://:hidden@h")))
    for message in [
      try failure([:], flags: ["redisUrl": "redis://:hidden@h"]),
      try failure(["HOLDFAST_REDIS_URL": "redis://:hidden@h/x"]),
    ] {
      #expect(message.contains("redisUrl"))
      #expect(!message.contains("hidden"))
    }
  }

  @Test func `what is wrong with a URL of Redis is told`() throws {
    let faults = [
      "http://h": "the scheme must be redis or rediss", "redis://": "no host",
      "redis://h/x": "the path must be a database number", "redis+sentinel:///shop": "no Sentinel is named",
      "redis+sentinel://a": "the path must be the name of the master",
    ]
    for (url, fault) in faults {
      let message = try failure(["HOLDFAST_REDIS_URL": url])
      #expect(message.contains("; must be redis[s]://") && message.contains(": \(fault)"), "\(message)")
    }
  }

  @Test func `a client certificate and its key need each other and TLS`() throws {
    let (url, cert, key) = ("HOLDFAST_REDIS_URL", "HOLDFAST_REDIS_CERT_FILE", "HOLDFAST_REDIS_KEY_FILE")
    let settings = try load([url: "rediss://h", cert: "/c", key: "/k"])
    #expect(settings.redisCertFile == "/c" && settings.redisKeyFile == "/k")
    for half in [cert, key] {
      #expect(
        try failure([url: "rediss://h", half: "/x"])
          == "settings redisCertFile and redisKeyFile: each needs the other")
    }
    for (files, named) in [(["HOLDFAST_REDIS_CA_FILE"], "redisCaFile"), ([cert, key], "redisCertFile")] {
      let all = Dictionary(uniqueKeysWithValues: files.map { ($0, "/x") })
      #expect(
        try failure(all) == "setting \(named): has no effect without TLS: redisUrl must begin with rediss://")
    }
  }

  @Test func `Sentinels have settings of their own, which mean nothing without them`() throws {
    let (url, password) = ("HOLDFAST_REDIS_URL", "HOLDFAST_SENTINEL_PASSWORD")
    let sentinels = "redis+sentinel://a,b/shop"
    let settings = try load([url: sentinels, password: "hidden", "HOLDFAST_SENTINEL_USER": "u"])
    #expect(settings.sentinelPassword == "hidden" && settings.sentinelUser == "u" && !settings.sentinelTls)
    #expect(try load([url: "rediss+sentinel://a/shop"]).sentinelTls, "as the servers, if nothing is said")
    #expect(try !load([url: "rediss+sentinel://a/shop", "HOLDFAST_SENTINEL_TLS": "false"]).sentinelTls)
    #expect(
      try failure([url: sentinels, "HOLDFAST_SENTINEL_USER": "u"])
        == "setting sentinelUser: needs sentinelPassword")
    for (name, value) in [("sentinelPassword", "hidden"), ("sentinelTls", "true")] {
      let variable = name == "sentinelTls" ? "HOLDFAST_SENTINEL_TLS" : password
      #expect(try failure([variable: value]).hasPrefix("setting \(name): has no effect without Sentinels"))
    }
  }

  @Test(arguments: ["inventory:", "inventory:a.", "holds:", "idem:", "idem:reserve/-:", "reservation:x"])
  func `a prefix that keys of a shop without one begin with is refused`(prefix: String) throws {
    let message = try failure(["HOLDFAST_KEY_PREFIX": prefix])
    #expect(message.hasPrefix("setting keyPrefix: must not begin with ") && !message.contains("\n"))
    for good in ["", "shop-1:", "inventory", "inv:", "lease:", "x-\(prefix)"] {
      #expect(try load(["HOLDFAST_KEY_PREFIX": good]).keyPrefix == good)
    }
  }

  @Test func `tokens come from the environment`() throws {
    let settings = try load(["HOLDFAST_ADMIN_TOKEN": "a", "HOLDFAST_CLIENT_TOKEN": "c"])
    #expect(settings.adminTokens.name(for: "a") == "default")
    #expect(settings.adminTokens.name(for: "c") == nil)
    #expect(settings.clientTokens.name(for: "c") == "default")
    #expect(try load(["HOLDFAST_ADMIN_TOKEN": ""]).adminTokens.isEmpty)
    for bad in ["hid den", "hiddenü", "hidden\n", String(repeating: "h", count: 513)] {
      let message = try failure(["HOLDFAST_CLIENT_TOKEN": bad])
      #expect(message.hasPrefix("setting clientToken: bad value (a secret, not shown)"))
    }
  }

  @Test func `tokens come from files`() throws {
    try withTokensFile("ops:1\n") { adminFile in
      try withTokensFile("web:2\napp:3\n") { clientFile in
        let settings = try load([
          "HOLDFAST_ADMIN_TOKENS_FILE": adminFile, "HOLDFAST_CLIENT_TOKENS_FILE": clientFile,
        ])
        #expect(settings.adminTokens.name(for: "1") == "ops")
        #expect(settings.clientTokens.name(for: "3") == "app")
      }
    }
  }

  @Test func `a file of tokens that cannot be used is told`() throws {
    #expect(
      try failure(["HOLDFAST_ADMIN_TOKENS_FILE": "/nowhere/x"])
        == #"setting adminTokensFile: file "/nowhere/x": No such file or directory"#)
    try withTokensFile("a:1\nhidden\n") { path in
      let message = try failure(["HOLDFAST_CLIENT_TOKENS_FILE": path])
      #expect(
        message == #"setting clientTokensFile: file "\#(path)": line 2: not name:token"#)
    }
    try withTokensFile("# none yet\n") { path in
      let message = try failure(["HOLDFAST_CLIENT_TOKENS_FILE": path])
      #expect(
        message == #"setting clientTokensFile: file "\#(path)": holds no token"#)
    }
  }

  @Test func `a coordinator is announced to with the cluster token`() throws {
    let environment = ["HOLDFAST_COORDINATOR_URL": "HTTP://Coordinator:8070/", "HOLDFAST_CLUSTER_TOKEN": "c"]
    let settings = try load(environment, flags: ["advertisedUrl": "http://node-1:80/"])
    #expect(settings.coordinatorUrl == "http://coordinator:8070" && settings.clusterToken == "c")
    #expect(settings.advertisedUrl == "http://node-1:80")
    for token in [[:], ["HOLDFAST_CLUSTER_TOKEN": ""]] {
      let message = try failure(token, flags: ["coordinatorUrl": "http://h"])
      #expect(message == "setting coordinatorUrl: needs clusterToken or clusterTokenFile")
    }
    #expect(try load(["HOLDFAST_CLUSTER_TOKEN": "c"]).coordinatorUrl == nil, "it may be there for later")
  }

  @Test(arguments: ["0.0.0.0", "::"])
  func `a place where others cannot reach a node is not announced`(host: String) throws {
    var environment = ["HOLDFAST_HOST": host, "HOLDFAST_CLUSTER_TOKEN": "c"]
    #expect(try load(environment).host == host)
    environment["HOLDFAST_COORDINATOR_URL"] = "http://h"
    let told = "setting host: \(host) is where others can't reach this node: set advertisedUrl"
    #expect(try failure(environment) == told)
    environment["HOLDFAST_ADVERTISED_URL"] = "http://node-1"
    #expect(try load(environment).advertisedUrl == "http://node-1")
  }

  @Test func `the cluster token is never shown, and comes from the environment or a file alone`() throws {
    for bad in ["hid den", "hiddenü", String(repeating: "h", count: 513)] {
      let message = try failure(["HOLDFAST_CLUSTER_TOKEN": bad])
      #expect(message.hasPrefix("setting clusterToken: bad value (a secret, not shown)"))
    }
    for text in ["hidden", "hidden\n", "hidden\r\n"] {
      try withTokensFile(text) { path in
        let settings = try load(["HOLDFAST_CLUSTER_TOKEN_FILE": path])
        #expect(settings.clusterToken == "hidden")
      }
    }
    for text in ["", "\n", "hid den\n", "hidden\nhidden\n", "hidden\n\n"] {
      try withTokensFile(text) { path in
        let message = try failure(["HOLDFAST_CLUSTER_TOKEN_FILE": path])
        #expect(message == #"setting clusterTokenFile: file "\#(path)": must hold \#(AccessTokens.tokenRule)"#)
      }
    }
    #expect(
      try failure(["HOLDFAST_CLUSTER_TOKEN_FILE": "/nowhere/x"])
        == #"setting clusterTokenFile: file "/nowhere/x": No such file or directory"#)
    try withTokensFile("c") { path in
      let message = try failure(["HOLDFAST_CLUSTER_TOKEN": "c", "HOLDFAST_CLUSTER_TOKEN_FILE": path])
      #expect(message == "settings clusterToken and clusterTokenFile: only one of them may be given")
      #expect(try load(["HOLDFAST_CLUSTER_TOKEN": "", "HOLDFAST_CLUSTER_TOKEN_FILE": path]).clusterToken == "c")
    }
    for definition in NodeSettings.definitions where definition.key.hasPrefix("clusterToken") {
      #expect(!definition.sources.contains(.flag))
    }
  }

  @Test func `a token and a file of them exclude each other`() throws {
    try withTokensFile("ops:1\n") { path in
      let message = try failure(["HOLDFAST_ADMIN_TOKEN": "a", "HOLDFAST_ADMIN_TOKENS_FILE": path])
      #expect(message == "settings adminToken and adminTokensFile: only one of them may be given")
      for name in ["ADMIN_TOKEN", "CLIENT_TOKEN"] {
        let settings = try load(["HOLDFAST_\(name)": "", "HOLDFAST_\(name)S_FILE": path])
        let tokens = name == "ADMIN_TOKEN" ? settings.adminTokens : settings.clientTokens
        #expect(tokens.name(for: "1") == "ops", "an empty variable is not set")
      }
    }
  }

  @Test func `no token is both admin and client`() throws {
    try withTokensFile("web:2\napp:a\n") { path in
      for client in [["HOLDFAST_CLIENT_TOKEN": "a"], ["HOLDFAST_CLIENT_TOKENS_FILE": path]] {
        let message = try failure(client.merging(["HOLDFAST_ADMIN_TOKEN": "a"]) { $1 })
        #expect(message == "settings adminToken and clientToken: no token may be both")
      }
    }
  }
}
