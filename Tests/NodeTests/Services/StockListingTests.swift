import Common
import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node
@testable import Store

/// The list of SKUs, with replies that the test gives in place of Redis.
@Suite struct StockListingTests {
  private final class Store {
    let link = ScriptedLink()
    let listing: StockListing
    private let scripts = ScriptLibrary(tuning: .init())
    var skus: [String]
    /// SKUs with expired holds. Reading a SKU releases them.
    var due: Set<String> = []
    var rowsPerStep: [Int] = []

    init(skus: [String]) {
      self.skus = skus
      let stock = ShardedStore(scripts: scripts, link: link).stock
      listing = StockListing(stock: stock, service: StockService(stock: stock, releaser: HoldReleaser(stock: stock)))
      link.onSend = { [unowned self] in play($0) }
    }

    private func play(_ command: ScriptedLink.Command) {
      let arguments = command.arguments
      switch arguments[1] {
      case scripts.listStock.script.sha:
        let rows = skus.filter { $0 > arguments[4] }.prefix(Int(arguments[5]) ?? 0)
        rowsPerStep.append(rows.count)
        command.line("OK 500" + rows.map(row).joined())
      case scripts.readStock.script.sha where due.contains(arguments[4]): command.line("DUE 500 \(arguments[4])")
      case scripts.readStock.script.sha: command.line(skus.contains(arguments[4]) ? "OK 500 2 2 0 -" : "GONE 500")
      case scripts.release.script.sha:
        due.remove(arguments[4])
        command.line("OK 500 1 -")
      default: Issue.record("unexpected: \(arguments)")
      }
    }

    private func row(_ name: String) -> String {
      guard SKU(name) != nil else {
        return " =" + name.utf8.map { String($0, radix: 16) }.joined() + " ! skus"
      }
      return " \(name) 1 2 0 \(due.contains(name) ? "400" : "600")"
    }

    /// - Parameter step: how long each call of a script takes.
    func page(
      after cursor: IndexPlace? = nil, limit: Int, step: TimeAmount = .zero
    ) throws -> StockListing.Page {
      let play = link.onSend
      defer { link.onSend = play }
      link.onSend = { [link] command in link.at(link.loop.now + step) { play(command) } }
      let arrival = link.loop.now
      let told = link.begin(listing) { listing throws(Problem) in
        try await listing.page(after: cursor, limit: limit, arrival: arrival)
      }
      link.pass(10_000)
      return try #require(told.value).get()
    }
  }

  private static let skus = (1000..<1237).map { "sku-\($0)" }

  @Test(arguments: [1, 2, 49, 50, 51, 100, 236, 237, 238, 1000])
  func `every SKU is listed exactly once, in order`(limit: Int) throws {
    let store = Store(skus: Self.skus)
    var listed: [String] = []
    var cursor: IndexPlace?
    repeat {
      let page = try store.page(after: cursor, limit: limit)
      #expect(page.items.count <= limit && (page.next == nil || page.items.count == limit))
      listed += page.items.map(\.sku.text)
      cursor = page.next
    } while cursor != nil
    #expect(listed == Self.skus)
    // One script call reads few rows, so that Redis can serve shoppers in between.
    #expect(store.rowsPerStep.allSatisfy { $0 <= 51 })
  }

  @Test func `what is no SKU is passed over, and takes no more than a page's time`() throws {
    let foreign = (1000..<2000).map { "!\($0)" } + ["m\(String(repeating: "m", count: 200))"]
    let store = Store(skus: (foreign + ["a", "b", "z"]).sorted())
    #expect(try store.page(limit: 1000).items.map(\.sku.text) == ["a", "b", "z"], "in one page where there is time")
    store.rowsPerStep = []
    var (listed, pages): ([String], Int) = ([], 0)
    var cursor: IndexPlace?
    repeat {
      let page = try store.page(after: cursor, limit: 10, step: .milliseconds(501))
      listed += page.items.map(\.sku.text)
      pages += 1
      // The client sends it as text.
      cursor = try page.next.map { try #require(IndexPlace($0.description)) }
    } while cursor != nil && pages < 1000
    #expect(listed == ["a", "b", "z"])
    #expect(store.rowsPerStep.count == pages && pages > 90, "one step a page, where there is no time")
    store.rowsPerStep = []
    #expect(try store.page(limit: 10, step: .milliseconds(100)).items.isEmpty)
    #expect(store.rowsPerStep.count == 6, "on for half a second")
  }

  @Test func `an empty store is an empty page`() throws {
    let page = try Store(skus: []).page(limit: 10)
    #expect(page.items.isEmpty && page.next == nil)
  }

  @Test func `expired holds are released before their SKU is shown`() throws {
    let store = Store(skus: ["a", "b", "c"])
    store.due = ["a", "c"]
    let page = try store.page(limit: 10)
    #expect(
      page.items.map(\.sku.text) == ["a", "b", "c"] && page.items.map(\.available) == [2, 1, 2] && store.due.isEmpty)
  }

  @Test func `a SKU that goes in between is left out`() throws {
    let store = Store(skus: ["a", "b", "c"])
    store.due = ["b"]
    let play = store.link.onSend
    store.link.onSend = { command in
      // Deleted after the list has named it.
      if command.arguments[4] == "b" { (store.skus, store.due) = (["a", "c"], []) }
      play(command)
    }
    #expect(try store.page(limit: 10).items.map(\.sku.text) == ["a", "c"])
  }

  @Test func `a SKU that is damaged in between is left out`() throws {
    let store = Store(skus: ["a", "b", "c"])
    store.due = ["b"]
    let play = store.link.onSend
    store.link.onSend = { command in
      // Damaged after the list has named it.
      if command.arguments[4] == "b" { command.line("DAMAGED 500 b sold:b") } else { play(command) }
    }
    let page = try store.page(limit: 10)
    #expect(page.items.map(\.sku.text) == ["a", "c"] && page.damaged.isEmpty)
  }

  @Test func `a failure of the store ends the page`() {
    let store = Store(skus: ["a"])
    store.link.onSend = { $0.answer(.failure(.notSent(.offline))) }
    let problem = #expect(throws: Problem.self) { try store.page(limit: 10) }
    #expect(problem?.kind == .storeUnavailable)
  }
}
