// Package release names the release of the program, as clients and manifests are told it.
package release

// Version is that of GET /version, and of the manifests that are written.
const Version = "0.1.0"
