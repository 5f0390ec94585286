import Testing

@testable import Store

@Suite struct CartReservationTests {
  private static let parts = [Shard(number: 1), Shard(number: 2)]

  private static func sku(_ name: String) throws -> SKU { try #require(SKU(name)) }

  private static func shortage(_ name: String) throws -> CartRefusal {
    CartRefusal(
      shortages: [Shortage(sku: try sku(name), requested: 2, available: 1, reserved: 0, nextReleaseAt: nil)])
  }

  @Test func `home decides when all parts are held, and not before`() {
    var cart = CartReservation(parts: Self.parts, isKeyed: false)
    #expect(cart.begin() == [.hold(Self.parts[0]), .hold(Self.parts[1])])
    #expect(cart.part(Self.parts[1], .held) == [])
    #expect(cart.part(Self.parts[0], .held) == [.commit])
    #expect(cart.home(.held(until: 7)) == [.finish(.held(until: 7))])
  }

  @Test func `refusals of all shards are one answer, in the order of SKUs, and what is held is put back`() throws {
    var cart = CartReservation(parts: Self.parts, isKeyed: false)
    #expect(cart.part(Self.parts[0], .held) == [])
    #expect(cart.part(Self.parts[1], .refused(try Self.shortage("M"))) == [.judge])
    var all = CartRefusal(unknown: [try Self.sku("A")])
    all.add(try Self.shortage("M"))
    all.add(try Self.shortage("B"))
    var home = CartRefusal(unknown: [try Self.sku("A")])
    home.add(try Self.shortage("B"))
    #expect(cart.home(.refused(home)) == [.finish(.refused(all)), .drop(Self.parts[0])])
    #expect(all.shortages.map(\.sku.text) == ["B", "M"])
  }

  @Test func `a key that was answered before has the last word, whatever parts say`() throws {
    var cart = CartReservation(parts: Self.parts, isKeyed: false)
    _ = cart.part(Self.parts[0], .held)
    _ = cart.part(Self.parts[1], .refused(try Self.shortage("M")))
    #expect(cart.home(.prior) == [.finish(.prior), .drop(Self.parts[0])])
  }

  @Test func `a part that may be held is put back, and nothing has happened`() {
    var cart = CartReservation(parts: Self.parts, isKeyed: false)
    _ = cart.part(Self.parts[0], .unknown)
    #expect(cart.part(Self.parts[1], .failed) == [.finish(.failed), .drop(Self.parts[0])])
  }

  @Test func `what a key was answered with is told, though a part can't be held now`() {
    for (home, told) in [(CartReservation.HomeAnswer.prior, CartReservation.Outcome.prior), (.held(until: 0), .failed)]
    {
      var cart = CartReservation(parts: [Self.parts[0]], isKeyed: true)
      #expect(cart.part(Self.parts[0], .failed) == [.judge])
      #expect(cart.home(home) == [.finish(told)])
    }
  }

  @Test func `while home may have written it, nothing is put back`() {
    var cart = CartReservation(parts: [Self.parts[0]], isKeyed: false)
    _ = cart.part(Self.parts[0], .held)
    #expect(cart.home(.unknown) == [.finish(.unknown)])
  }

  @Test func `what comes twice, or too late, does nothing`() {
    var cart = CartReservation(parts: [Self.parts[0]], isKeyed: false)
    #expect(cart.home(.held(until: 1)) == [])
    #expect(cart.part(Self.parts[0], .held) == [.commit])
    #expect(cart.part(Self.parts[0], .failed) == [])
    _ = cart.home(.failed)
    #expect(cart.home(.held(until: 1)) == [])
  }
}
