/// An entry in a SKU's list of sales: the id of the reservation, and right behind it the instant at which it was sold.
///
/// Only scripts write and read it. They cut it by these places, which Lua counts from the end.
enum SaleEntry {
  static let instantStart = -StoredInstant.digits
  static let idEnd = instantStart - 1
}
