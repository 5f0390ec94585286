import Foundation
import TestSupport
import Testing

@testable import Common

@Suite struct TokenRefreshTests {
  private let directory: TemporaryDirectory
  private let log = LogRecorder()
  private let taken = Replaceable<TokenFiles.Contents?>(nil)

  init() throws { directory = try TemporaryDirectory() }

  private func write(_ text: String, to name: String) throws -> String {
    let path = directory.url.appending(path: name)
    try text.write(to: path, atomically: true, encoding: .utf8)
    return path.path
  }

  private func refresh(_ files: TokenFiles, _ current: inout TokenFiles.Contents) async {
    await TokenRefresh(files: files, current: current, logger: log.logger) { [taken] in taken.current = $0 }
      .refresh(&current)
  }

  @Test func `files are read anew, and their names told`() async throws {
    let admins = try write("ops:first-token-of-ops\n", to: "admins")
    let cluster = try write("first-token-of-the-cluster\n", to: "cluster")
    let files = TokenFiles(paths: ["adminTokensFile": admins, "clusterTokenFile": cluster])
    var current = try files.read(over: .init(admin: .init(), client: .init(token: "client-token-of-all"), cluster: nil))
    _ = try write("ops:second-token-of-ops\nboss:token-of-the-boss-1\nops:third-token-of-ops\n", to: "admins")
    _ = try write("second-token-of-the-cluster\n", to: "cluster")
    await refresh(files, &current)
    #expect(taken.current?.admin.name(for: "second-token-of-ops") == "ops" && taken.current?.admin == current.admin)
    #expect(current.admin.name(for: "first-token-of-ops") == nil && current.cluster == "second-token-of-the-cluster")
    #expect(current.client.name(for: "client-token-of-all") == "default", "what came from no file stays")
    let line = try #require(log.all.first)
    #expect(log.all.count == 1 && line.contains("read anew") && line.contains("boss"))
    #expect(!line.contains("token-of"))
  }

  @Test func `what came before signals are taken is not missed`() async throws {
    let admins = try write("ops:first-token-of-ops\n", to: "admins")
    let files = TokenFiles(paths: ["adminTokensFile": admins])
    let begin = try files.read(over: .init(admin: .init(), cluster: nil))
    for isChanged in [false, true] {
      if isChanged { _ = try write("ops:second-token-of-ops\n", to: "admins") }
      let refresh = TokenRefresh(files: files, current: begin, logger: log.logger) { [taken] in taken.current = $0 }
      let service = Task { try await refresh.run() }
      if isChanged { try await eventually("it is read anew") { taken.current != nil } }
      service.cancel()
      try await service.value
      #expect(taken.current?.admin.name(for: "second-token-of-ops") == (isChanged ? "ops" : nil))
      #expect(log.all.count == (isChanged ? 1 : 0))
    }
  }

  @Test(arguments: ["", "no token", "web:same-token-as-client"])
  func `what cannot be used leaves all as it was`(text: String) async throws {
    let admins = try write("ops:first-token-of-ops\n", to: "admins")
    let clients = try write("shop:same-token-as-client\n", to: "clients")
    let files = TokenFiles(paths: ["adminTokensFile": admins, "clientTokensFile": clients])
    var current = try files.read(over: .init(admin: .init(), cluster: nil))
    _ = try write(text, to: "admins")
    _ = try write("shop:same-token-as-client\nshop:another-client-token\n", to: "clients")
    await refresh(files, &current)
    #expect(taken.current == nil && current.admin.name(for: "first-token-of-ops") == "ops")
    #expect(current.client.name(for: "another-client-token") == nil, "all of it, or nothing")
    #expect(log.all.count == 1 && log.all[0].contains("the old ones stay"))
  }

  @Test func `a file that is gone leaves all as it was`() async throws {
    let admins = try write("ops:first-token-of-ops\n", to: "admins")
    let files = TokenFiles(paths: ["adminTokensFile": admins])
    var current = try files.read(over: .init(admin: .init(), cluster: nil))
    try FileManager.default.removeItem(atPath: admins)
    await refresh(files, &current)
    #expect(taken.current == nil && log.all.count == 1 && log.all[0].contains("No such file"))
  }

  @Test func `tokens under sixteen characters are known by name`() throws {
    let list = try AccessTokens(list: "a:fifteen-letters\nb:sixteen-letters-\nc:x\na:y")
    #expect(list.namesOfShort == ["a", "c"] && list.names == ["a", "b", "c"])
    let contents = TokenFiles.Contents(admin: list, client: .init(token: "sixteen-letters-"), cluster: "short")
    #expect(contents.short.map(\.setting) == ["adminToken", "clusterToken"])
  }
}
