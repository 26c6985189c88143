package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mlops/shared/fault"
)

// The limits of Blobs. A segment is short enough for every common file system; a body is what one request to S3 carries with room to spare.
const (
	MaxSegmentBytes = 200
	MaxBlobBytes    = 2 << 30
	MaxList         = 1000
)

// Object is what a listing tells of a blob.
type Object struct {
	Key     string
	Size    int64 // bytes
	ModTime time.Time
}

// Blobs is a durable map of write-once byte strings, ordered by key. It is safe for concurrent use.
//
// A key is a relative path: segments parted by single slashes, of 1 to MaxSegmentBytes bytes, none of which begins with a dot, valid UTF-8
// without control characters or backslashes, at most MaxKeyBytes in all. No key may be a folder of another ("a" and "a/b"): a backend may
// refuse the second with Conflict, and S3 will not notice. A nil error from Create means that the bytes outlive the machine's power.
// Errors: Invalid, NotFound, Conflict, and Unavailable, after which the call may be repeated: a Create may or may not have been applied.
type Blobs interface {
	// Create stores body under key, once for ever. The same bytes again are nil; other bytes are a Conflict and change nothing. No reader
	// ever sees a part of body.
	Create(ctx context.Context, key string, body []byte) error

	// Get reads the blob, NotFound when there is none. One longer than limit bytes (limit >= 0) is Invalid with fault.CodeTooLarge, and
	// is not read.
	Get(ctx context.Context, key string, limit int64) ([]byte, error)

	// List tells the blobs whose key begins with prefix and is greater than after, by key, bytewise; at most limit of them (0 = MaxList).
	// Fewer than limit means that there are no more. It sees every Create acknowledged before the call.
	List(ctx context.Context, prefix, after string, limit int) ([]Object, error)
}

// CheckBlobKey tells what is wrong with a blob's key; "" when nothing is.
func CheckBlobKey(key string) string {
	if want := CheckKey(key); want != "" {
		return want
	}
	if strings.Contains(key, `\`) {
		return "no backslash"
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch {
		case segment == "":
			return "a relative path without empty segments"
		case segment[0] == '.':
			return "no segment that begins with a dot"
		case len(segment) > MaxSegmentBytes:
			return fmt.Sprintf("segments of at most %d bytes", MaxSegmentBytes)
		}
	}
	return ""
}

// CheckCreate validates the arguments of Blobs.Create; every backend calls it first.
func CheckCreate(key string, body []byte) error {
	details := blobDetails(key)
	if int64(len(body)) > MaxBlobBytes {
		details = append(details, fault.Detail{Field: "body", Code: fault.CodeTooLarge, Got: len(body), Expected: fmt.Sprintf("at most %d bytes", int64(MaxBlobBytes))})
	}
	return invalid("store "+shorten(key), details)
}

// CheckRead validates the arguments of Blobs.Get; every backend calls it first.
func CheckRead(key string, limit int64) error {
	details := blobDetails(key)
	if limit < 0 {
		details = append(details, outOfRange("limit", limit, "at least 0"))
	}
	return invalid("read "+shorten(key), details)
}

// CheckList validates the arguments of Blobs.List and returns the effective limit; every backend calls it first.
func CheckList(prefix, after string, limit int) (int, error) {
	var details []fault.Detail
	for _, arg := range [2][2]string{{"prefix", prefix}, {"after", after}} {
		if arg[1] != "" {
			details = append(details, keyDetails(arg[0], arg[1])...)
		}
	}
	if strings.HasPrefix(prefix, "/") || strings.Contains(prefix, "//") || strings.HasPrefix(prefix, ".") || strings.Contains(prefix, "/.") {
		details = append(details, fault.Detail{Field: "prefix", Code: "invalid_key", Got: shorten(prefix), Expected: "the beginning of a relative path"})
	}
	if limit < 0 || limit > MaxList {
		details = append(details, outOfRange("limit", limit, fmt.Sprintf("0 to %d", MaxList)))
	}
	if limit == 0 {
		limit = MaxList
	}
	return limit, invalid("list "+shorten(prefix), details)
}

// Taken judges a Create that found its key taken: nil where the same bytes lie there, else a Conflict.
func Taken(key string, same bool) error {
	if same {
		return nil
	}
	return fault.Conflictf("%s exists with other content, and is written once", key)
}

// Alive is Unavailable once ctx has ended; every backend asks it before a call.
func Alive(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fault.Unavailablef("the call was given up").Because(err)
	}
	return nil
}

// TooLarge is the error of a Get whose blob is longer than limit.
func TooLarge(key string, size, limit int64) error {
	return fault.Invalidf("%s has %d bytes, more than the %d that are read here", key, size, limit).WithCode(fault.CodeTooLarge)
}

func blobDetails(key string) []fault.Detail {
	if want := CheckBlobKey(key); want != "" {
		return []fault.Detail{{Field: "key", Code: "invalid_key", Got: shorten(key), Expected: want}}
	}
	return nil
}
