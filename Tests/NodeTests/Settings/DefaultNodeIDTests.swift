import Common
import Testing

@testable import Node

@Suite struct DefaultNodeIDTests {
  private func name(
    _ host: String, _ port: Int = 8080, machineID: String? = "0f3c", chance: UInt32 = 1
  ) -> String {
    DefaultNodeID(hostName: host, machineID: machineID, chance: chance).name(port: port)
  }

  @Test func `a default id is the same at each start, another for each port of a host and for each host`() {
    #expect(name("shop1") == "shop1-8080" && name("shop1", chance: 2) == "shop1-8080")
    #expect(name("shop1", 8081) == "shop1-8081" && name("shop2") == "shop2-8080")
    #expect(name("Shop1.Example.com") == "shop1.example.com-8080")
    #expect(name("c0ffee123456") == "c0ffee123456-8080", "as containers are called")
  }

  @Test func `with port 0 several nodes may start on one host, and only chance tells them apart`() {
    #expect(name("shop1", 0, chance: 0x1a) == "shop1-0000001a")
    #expect(name("shop1", 0, chance: 2) != name("shop1", 0, chance: 3))
  }

  @Test func `machines without a name are told apart by their installation, and if need be by chance`() {
    for host in ["", "localhost", "LOCALHOST", "localhost.localdomain", "(none)", "--"] {
      let (one, other) = (name(host, machineID: "aa\n"), name(host, machineID: "bb\n"))
      #expect(one != other && name(host, machineID: "aa\n", chance: 9) == one, "\(host)")
      for machineID in [nil, "", "\n"] {
        #expect(name(host, machineID: machineID, chance: 5) == "node-00000005-8080")
      }
    }
  }

  @Test func `whatever a host is called, the name is one that a node may have`() {
    let long = String(repeating: "very-long.", count: 30)
    for host in ["a b", "größe", "../../etc", "<script>", "-x-", ".hidden.", "名前", "a\u{0}b", long, "z"] {
      for port in [0, 1, 65_535] {
        let name = name(host, port, chance: .max)
        #expect(SettingForm<String>.name.parse(name) == name, "\(host) gave \(name)")
      }
    }
    #expect(name(long + "1") != name(long + "2"), "what tells long names apart may stand at their end")
  }
}
