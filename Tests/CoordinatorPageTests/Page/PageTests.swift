import Common
import Foundation
import Hummingbird
import HummingbirdTesting
import Testing

@testable import Coordinator

@Suite struct PageTests {
  private let assets = Assets()
  private let templates: PageTemplates

  init() throws { templates = try PageTemplates() }

  private func picture(_ view: ClusterView, state: String? = nil, mayChange: Bool = true) throws -> String {
    let look = try Look(states: state, mayChange: mayChange)
    return templates.render("picture", PicturePresenter(view, look: look, assets: assets).fields)
  }

  @Test func `what is wrong comes first, with since when`() throws {
    let page = try picture(Scenes.nodeDown)
    let problem = try #require(page.range(of: "node-2 is down: connection refused (3 probes"))
    let table = try #require(page.range(of: "<table"))
    #expect(problem.lowerBound < table.lowerBound)
    #expect(page.contains(##"href="#n-node-2""##) && page.contains(#"id="n-node-2""#))
    #expect(
      page.contains(#"<time datetime="2026-11-22T08:42:30.123Z" title="2026-11-22 08:42:30 UTC">08:42:30</time>"#))
    #expect(page.contains(#"data-since="1795336950123">42 s</span>"#))
  }

  @Test(
    arguments: [
      ("all-up", "All well – Holdfast", "ok"), ("node-down", "1 problem – Holdfast", "critical"),
      ("sixty-nodes", "2 problems – Holdfast", "critical"), ("just-started", "Checking – Holdfast", "checking"),
    ])
  func `title and icon tell the summary`(scene: String, title: String, icon: String) async throws {
    try await SiteBench(Scenes.of(scene)).test { client in
      let page = try await client.send(.get, "/").text
      #expect(page.contains("<title>\(title)</title>"))
      let path = try #require(page.firstMatch(of: #/id="icon"[^>]*href="([^"]+)"/#)?.output.1)
      #expect(path.hasPrefix("/assets/\(icon).svg?v="))
      #expect(try await client.send(.get, String(path)).headers[.contentType] == "image/svg+xml")
    }
  }

  @Test func `a filter shows only the nodes of its states`() async throws {
    try await SiteBench(Scenes.sixtyNodes).test { client in
      for (query, names) in [
        ("?state=down", ["node-41"]), ("?state=SUSPECT,draining", ["node-7", "node-12"]), ("?state=unknown", []),
        ("", (1...60).filter { $0 != 58 }.map { "node-\($0)" } + ["node-58"]),
      ] {
        let page = try await client.send(.get, "/\(query)").text
        #expect(page.matches(of: #/class="name">([^<]+)</#).map { String($0.output.1) } == names, "by number: \(query)")
      }
      #expect(try await client.send(.get, "/?state=down,wrong").problem == "invalid-request")
      #expect(try await client.send(.get, "/events?state=wrong").problem == "invalid-request")
    }
  }

  @Test func `without script the page reloads, unless told not to`() async throws {
    try await SiteBench().test { client in
      let refresh = #"<noscript><meta http-equiv="refresh""#
      let page = try await client.send(.get, "/").text
      let still = try await client.send(.get, "/?reload=off").text
      #expect(page.contains(refresh) && !still.contains(refresh))
    }
  }

  @Test func `assets are kept by their content`() async throws {
    try await SiteBench().test { client in
      let page = try await client.send(.get, "/").text
      for name in ["page.css", "page.js", "ok.svg"] {
        let pattern = try Regex("/assets/\(name)\\?v=[0-9a-z]+")
        let path = String(page[try #require(page.firstMatch(of: pattern)).range])
        let asset = try await client.send(.get, path)
        #expect(asset.headers[.cacheControl]?.contains("immutable") == true && asset.body.readableBytes > 100)
        let etag = try #require(asset.headers[.eTag])
        let again = try await client.send(.get, "/assets/\(name)", headers: ["If-None-Match": etag])
        #expect(again.status == .notModified && again.body.readableBytes == 0)
        let stale = try await client.send(.get, "/assets/\(name)?v=0")
        #expect(stale.status == .ok && stale.headers[.cacheControl] == "no-cache")
      }
    }
  }

  @Test func `that the shop cannot sell is the first thing one reads`() throws {
    let page = try picture(Scenes.redisDown)
    let headline = try #require(page.firstMatch(of: #/<h2 id="headline">(.*?)<\/h2>/#)?.output.1)
    #expect(headline.contains("The shop cannot sell: no link to Redis: connection refused"))
    let since = try #require(page.range(of: "1 min 17 s"))
    let problems = try #require(page.range(of: #"<ol class="problems">"#))
    #expect(since.lowerBound < problems.lowerBound, "since when stands beside it")
    #expect(page.ranges(of: "The shop cannot sell").count == 1, "it is said once")
    #expect(page.contains(#"data-title="Cannot sell – Holdfast""#))
  }

  @Test func `an answer alone does not look well`() throws {
    let page = try picture(Scenes.redisDown)
    let nodes = try #require(page.range(of: "<table")).lowerBound
    #expect(!page[nodes...].contains("badge up") && page.contains(#"class="node up critical""#))
    #expect(page.contains("UP, cannot sell") && page.contains("<summary><bdi>no link to Redis: connection refused"))
    #expect(!page.contains("<summary><bdi>answered the first probe"))
    for (state, word) in [(HealthReport.State.starting, "starting"), (.degraded, "degraded")] {
      var view = Scenes.allUp
      view.nodes[0].health?.state = state
      view.nodes[0].health?.redis.usedBytes = 1 << 30
      view.nodes[0].health?.reasons = ["for this test"]
      #expect(try picture(view).contains("UP, \(word)"))
    }
    #expect(NodeTrouble(Scenes.node("node-1")) == nil && NodeTrouble(Scenes.downNode("node-1")) == nil)
  }

  @Test func `the store is shown, with what is wrong in it`() throws {
    let page = try picture(Scenes.storeDamaged)
    let store = try #require(page.range(of: #"id="store""#)).lowerBound
    for text in [
      "SKU shoe: its total is no whole number (&quot;1e3&quot;)", "key events is a string", "appendfsync is no",
      "7.3 s behind",
      "last seen st-4f1c of 2026-11-22 08:42:27; found st-4f1c of 2026-11-22 06:43:12; since 2026-11-22 08:42:32",
    ] {
      #expect(page[store...].contains(text), "\(text)")
    }
    #expect(page.contains("http://10.0.0.66:8080 (boot id b9) since"))
    var view = Scenes.allUp
    view.store = .init([], StoreMemory(), loss: nil)
    #expect(try picture(view).contains("No node tells of it at present."))
  }

  /// Otherwise a misspelt name would only leave a gap in the page.
  @Test func `every name in a template is given, and every name given is shown`() throws {
    var given: Set<String> = [
      "formToken", "operatorName",
    ]
    func gather(_ value: Any) {
      if let fields = value as? Fields {
        given.formUnion(fields.keys)
        for inner in fields.values { gather(inner) }
      }
      if let list = value as? [Any] { for inner in list { gather(inner) } }
    }
    for view in Scenes.all.values {
      let look = try Look(states: nil, mayChange: true)
      let session = Sessions().begin(operatorName: "x")
      let frame = PageFrame(look: look, session: session, notice: "x", question: "x")
      gather(frame.fields(view, assets: assets, isDisabled: false))
    }
    given.insert("lateRounds")  // of a coordinator that is not well
    let shown = PageTemplates.sources.values.reduce(into: Set<String>()) { names, source in
      let text = String(decoding: source, as: UTF8.self)
      names.formUnion(text.matches(of: #/{{[#^\/]?([A-Za-z]+)}}/#).map { String($0.output.1) })
    }
    #expect(shown.subtracting(given).sorted() == [])
    #expect(given.subtracting(shown).sorted() == [])
  }
}
