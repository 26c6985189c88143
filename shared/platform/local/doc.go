// Package local keeps the platform's state on one machine, behind the interfaces of package store: control state in a SQLite file, blobs in
// folders, keys and mails as files, and a bus that delivers the outbox to the functions of this process. It survives kill -9 and a power
// cut at any point: what was acknowledged is there, what was not is there wholly or not at all.
package local
