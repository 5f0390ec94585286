import Testing

@testable import Store

@Suite struct StoreLayoutTests {
  @Test(arguments: [(1, nil), (8, nil), (64, "-"), (4096, "."), (2, "_")] as [(Int, String?)])
  func `a layout is read as it was written`(count: Int, separator: String?) {
    let layout = StoreLayout(ShardMap(count: count, separator: separator.flatMap { ShardMap.separator(of: $0) }))
    #expect(layout.text == "\(count)" + (separator.map { " \($0)" } ?? ""))
    #expect(StoreLayout(stored: layout.text) == layout)
  }

  @Test(arguments: ["", "0", "4097", "08", "8 ", "8 x", "8 - -", "eight", "-1", " 8", "8\n"])
  func `what no node writes is no layout`(text: String) {
    #expect(StoreLayout(stored: text) == nil)
  }
}
