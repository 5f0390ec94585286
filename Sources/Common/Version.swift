/// The version of Holdfast that all its processes tell.
package enum Version {
  package static let text = "0.1.0"
}
