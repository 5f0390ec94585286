import Foundation
import Testing

@testable import Common

/// HAProxy's own error answers (deploy/haproxy.cfg) are the same as those of a node.
@Suite struct LoadBalancerProblemsTests {
  private static let file = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../deploy/haproxy.cfg")

  @Test func `every problem of the load balancer is one of the contract, with its title, status and members`() throws {
    let text = try String(contentsOf: Self.file, encoding: .utf8)
    let documents = text.matches(of: /'(\{"type".*?\})'/).map { String($0.1) }
    #expect(documents.count >= 9)
    for document in documents {
      let members = try #require(try JSONSerialization.jsonObject(with: Data(document.utf8)) as? [String: Any])
      let type = try #require(members["type"] as? String)
      let kind = try #require(ProblemKind(rawValue: type.replacing("urn:holdfast:problem:", with: "")), "\(type)")
      #expect(members["title"] as? String == kind.title && members["status"] as? Int == kind.status, "\(type)")
      #expect((members["detail"] as? String)?.hasSuffix(".") == true, "\(type)")
      #expect((kind == .invalidRequest) == (members["errors"] != nil), "\(type)")
    }
  }

  @Test func `no status is told to clients that openapi.yaml does not know`() throws {
    let text = try String(contentsOf: Self.file, encoding: .utf8)
    let told = text.matches(of: /set-status (\d+)/).map { String($0.1) }
    #expect(Set(told) == ["503", "504"])
    // HAProxy's own 502 has no document. Its meaning differs for reads and for writes.
    #expect(text.contains("http-after-response set-status 504 if { status 502 }"))
  }
}
