// Package storetest judges backends: the contract suites that every store.Table, store.Blobs and store.Store must pass, strict backends in
// memory for tests, and the failures that the contracts allow, injected at a chosen call.
package storetest
