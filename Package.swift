// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "holdfast",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "holdfast-node", targets: ["Node"]),
    .executable(name: "holdfast-coordinator", targets: ["Coordinator"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    // For tests only: reads the API description.
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "CCurl"),
    .systemLibrary(name: "CHiredis"),
    .target(
      name: "Common",
      dependencies: [
        "CCurl",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),
    .target(
      name: "RedisClient",
      dependencies: [
        "CHiredis", "Common",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
    .target(
      name: "Store",
      dependencies: [
        "Common", "RedisClient",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      // In the binary, where no installation can lose them.
      resources: [.embedInCode("Lua")]),
    .executableTarget(
      name: "Node",
      dependencies: [
        "Common", "RedisClient", "Store",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOExtras", package: "swift-nio-extras"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      // In the binary, as the scripts.
      resources: [.embedInCode("OpenAPI/openapi.yaml")]),
    .executableTarget(
      name: "Coordinator",
      dependencies: [
        "Common",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Mustache", package: "swift-mustache"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      // In the binary, as the node's.
      resources: [.embedInCode("Pages/Assets"), .embedInCode("Pages/Templates")]),
    .target(
      name: "TestSupport",
      dependencies: [
        "Common", "RedisClient",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      path: "Tests/TestSupport"),
    // What the sources must look like: who may know whom.
    .testTarget(name: "HouseTests"),
    .testTarget(
      name: "CommonTests",
      dependencies: [
        "Common", "TestSupport",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .testTarget(
      name: "RedisClientTests",
      dependencies: [
        "RedisClient", "CHiredis", "Common", "TestSupport",
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
    .testTarget(
      name: "StoreTests",
      dependencies: [
        "Store", "RedisClient", "Common", "TestSupport",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ]),
    // Against a Redis of each test's own; with the node's services above, since they decide what callers are told.
    .testTarget(
      name: "StoreIntegrationTests",
      dependencies: [
        "Store", "RedisClient", "Node", "Common", "TestSupport",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .testTarget(
      name: "NodeTests",
      dependencies: [
        "Node", "Store", "RedisClient", "Common", "TestSupport",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "Yams", package: "Yams"),
      ]),
    .testTarget(
      name: "CoordinatorTests",
      dependencies: [
        "Coordinator", "Common", "Node", "TestSupport",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .testTarget(
      name: "CoordinatorPageTests",
      dependencies: [
        "Coordinator", "Common", "TestSupport",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTesting", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
      ]),
    // The fuzzers, on the inputs of their corpora; `Scripts/cluster.sh test fuzz` looks for further ones.
    .testTarget(
      name: "FuzzTests",
      dependencies: [
        "Node", "Store", "RedisClient", "Common", "TestSupport",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      path: "Tests/Fuzz",
      exclude: ["Corpus", "Driver"]),
    // The coordinator is not imported, but its executable is run.
    .testTarget(
      name: "ClusterTests",
      dependencies: [
        "Coordinator", "Node", "RedisClient", "Store", "Common", "TestSupport",
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)

// What `Scripts/cluster.sh test fuzz` builds. libFuzzer drives an executable, and none can import another one: so the node
// is a library here.
if Context.environment["HOLDFAST_FUZZ"] != nil,
  let node = package.targets.first(where: { $0.name == "Node" }),
  let fuzzers = package.targets.first(where: { $0.name == "FuzzTests" })
{
  package.products = []
  package.targets.removeAll { $0.type == .test || $0.type == .executable }
  package.targets += [
    .target(
      name: "Node", dependencies: node.dependencies, exclude: ["NodeCommand.swift"], resources: node.resources),
    .executableTarget(
      name: "Fuzz", dependencies: fuzzers.dependencies, path: "Tests/Fuzz", exclude: ["Corpus", "CorpusTests.swift"]),
  ]
}
