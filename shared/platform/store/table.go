// Package store is how control state is kept: two small contracts that SQLite and a folder, or DynamoDB and S3, both keep (Table, Blobs),
// and the Store above them, which turns a control.Change into one conditional transaction with its audit entries, its once-only marker
// and its outgoing events.
//
// The contracts are the doc comments of the interfaces; package storetest judges a backend by them, and injects the failures they allow.
package store

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mlops/shared/fault"
)

// The limits of a Table, which are DynamoDB's (Amazon DynamoDB Developer Guide, "Quotas" and "TransactWriteItems").
const (
	MaxOps        = 100       // operations of one Write
	MaxItemBytes  = 390 << 10 // one item as Size counts it: DynamoDB takes 400 KB, emulators a little less
	MaxWriteBytes = 4 << 20   // all items of one Write
	MaxQuery      = 1000      // items of one Query
	MaxKeyBytes   = 1024      // a partition, a sort key, a blob's key
	MaxToken      = 36        // a write's token
)

// TokenMemory is how long a Table remembers the token of an applied write.
const TokenMemory = 10 * time.Minute

// Any as Op.Expect asks for no condition.
const Any int64 = -1

// Item is one record of a Table.
type Item struct {
	Partition, Sort string
	Version         int64 // 1 for a new item, then one more with each Put
	Body            []byte
	Expires         time.Time // whole seconds, rounded up; zero = never
}

// Size is what an item counts against the limits, in bytes: its keys, its body, and a flat 100 for names and numbers.
func (i Item) Size() int { return len(i.Partition) + len(i.Sort) + len(i.Body) + 100 }

// Gone reports whether the item has expired at now: from that instant on it is as if it did not exist.
func (i Item) Gone(now time.Time) bool { return !i.Expires.IsZero() && !now.Before(i.Expires) }

// OpKind says what an Op does.
type OpKind uint8

// The kinds of operation. The zero value is none of them, so that a forgotten kind is an error.
const (
	Put    OpKind = iota + 1 // create or replace the item
	Delete                   // remove it; removing an absent item with Expect Any or 0 is no failure
	Check                    // only the condition; Any is not allowed
)

func (k OpKind) String() string {
	if k < Put || k > Check {
		return fmt.Sprintf("operation %d", uint8(k))
	}
	return [...]string{"put", "delete", "check"}[k-Put]
}

// Op is one operation of a Write.
type Op struct {
	Kind            OpKind
	Partition, Sort string
	Expect          int64     // version the item must have; 0 = it must not exist; Any = no condition
	Body            []byte    // of a Put
	Expires         time.Time // of a Put; zero = never
}

// Query selects items of one partition, ordered by Sort, bytewise.
type Query struct {
	Prefix     string // only items whose Sort begins with it
	After      string // only items beyond it in the direction of reading; "" = from the start. It need not exist.
	Limit      int    // at most this many; 0 = MaxQuery
	Descending bool
	Consistent bool // see every write acknowledged before the call; false may be stale
}

// Table is a durable map of items in ordered partitions with conditional transactions. It is safe for concurrent use.
//
// Keys are valid UTF-8 of 1 to MaxKeyBytes bytes without control characters. A nil error means that the effect is durable: it outlives
// the process and the machine's power. Errors are of these kinds and no others:
//
//   - Invalid: a limit or a key, nothing happened, and the same call will fail again;
//   - NotFound: Get only;
//   - Conflict: Write only, nothing happened;
//   - Unavailable: the call may be repeated. A Write may or may not have been applied, wholly;
//   - Internal: the backend is damaged.
type Table interface {
	// Get reads one item. It is NotFound when absent or expired. consistent = false may answer from the past.
	Get(ctx context.Context, partition, sort string, consistent bool) (Item, error)

	// Query reads items of one partition. Fewer than q.Limit means that there are no more. Unlike a Write, it is no snapshot: a write
	// that lands while it runs may be seen in part.
	Query(ctx context.Context, partition string, q Query) ([]Item, error)

	// Write applies all of ops or none: 1 to MaxOps of them, no two on one item, within MaxItemBytes and MaxWriteBytes.
	//
	// If conditions fail the error is a *ConditionFailed that names every one of them. Conditions are judged against the live items:
	// an expired one does not exist. A Put gives the item Version Expect+1, with Any one more than the live item's. A deleted or
	// expired item forgets its version.
	//
	// token (1 to MaxToken bytes) names the request. For TokenMemory after it was applied the same token with the same ops does
	// nothing and returns nil, so that a caller may repeat an Unavailable write with its token; with other ops it is a Conflict that
	// is no *ConditionFailed. A write that was not applied leaves its token free.
	Write(ctx context.Context, token string, ops []Op) error
}

// ConditionFailed says which conditions of a Write did not hold; nothing was written. Its kind is fault.Conflict.
type ConditionFailed struct {
	Failed []int // indices into ops, ascending
}

func (e *ConditionFailed) Error() string {
	return fmt.Sprintf("write refused: the condition of operation %s does not hold", strings.Trim(fmt.Sprint(e.Failed), "[]"))
}

// Unwrap classifies the error.
func (e *ConditionFailed) Unwrap() error { return fault.Conflictf("an item is not as expected") }

// CheckKey tells what is wrong with a key of a Table; "" when nothing is. U+10FFFF is excluded so that it can bound a prefix from above.
func CheckKey(key string) string {
	switch {
	case key == "":
		return "not empty"
	case len(key) > MaxKeyBytes:
		return fmt.Sprintf("at most %d bytes", MaxKeyBytes)
	case !utf8.ValidString(key):
		return "valid UTF-8"
	case strings.ContainsFunc(key, func(r rune) bool { return unicode.IsControl(r) || r == utf8.MaxRune }):
		return "no control characters"
	}
	return ""
}

// CheckGet validates the arguments of Table.Get; every backend calls it first.
func CheckGet(partition, sort string) error {
	return invalid("read an item", append(keyDetails("partition", partition), keyDetails("sort", sort)...))
}

// CheckQuery validates the arguments of Table.Query and returns q with its default limit; every backend calls it first.
func CheckQuery(partition string, q Query) (Query, error) {
	details := keyDetails("partition", partition)
	if q.Prefix != "" {
		details = append(details, keyDetails("prefix", q.Prefix)...)
	}
	if q.After != "" {
		details = append(details, keyDetails("after", q.After)...)
	}
	if q.Limit < 0 || q.Limit > MaxQuery {
		details = append(details, outOfRange("limit", q.Limit, fmt.Sprintf("0 to %d", MaxQuery)))
	}
	if q.Limit == 0 {
		q.Limit = MaxQuery
	}
	return q, invalid("query "+shorten(partition), details)
}

// CheckWrite validates the arguments of Table.Write, naming every problem; every backend calls it first.
func CheckWrite(token string, ops []Op) error {
	var details []fault.Detail
	if len(token) < 1 || len(token) > MaxToken || CheckKey(token) != "" {
		details = append(details, outOfRange("token", shorten(token), fmt.Sprintf("1 to %d printable bytes", MaxToken)))
	}
	if len(ops) < 1 || len(ops) > MaxOps {
		details = append(details, outOfRange("ops", len(ops), fmt.Sprintf("1 to %d", MaxOps)))
	}
	total, seen := 0, make(map[[2]string]int, len(ops))
	for i, op := range ops {
		at := func(field string) string { return fmt.Sprintf("ops[%d].%s", i, field) }
		details = append(details, keyDetails(at("partition"), op.Partition)...)
		details = append(details, keyDetails(at("sort"), op.Sort)...)
		switch {
		case op.Kind < Put || op.Kind > Check:
			details = append(details, outOfRange(at("kind"), uint8(op.Kind), "put, delete or check"))
		case op.Kind == Check && op.Expect == Any:
			details = append(details, outOfRange(at("expect"), op.Expect, "a version, or 0"))
		case op.Expect < Any:
			details = append(details, outOfRange(at("expect"), op.Expect, "a version, 0 or Any"))
		}
		size := Item{Partition: op.Partition, Sort: op.Sort, Body: op.Body}.Size()
		if size > MaxItemBytes {
			details = append(details, fault.Detail{Field: at("body"), Code: fault.CodeTooLarge, Got: size, Expected: fmt.Sprintf("at most %d bytes", MaxItemBytes)})
		}
		total += size
		if first, twice := seen[[2]string{op.Partition, op.Sort}]; twice {
			details = append(details, fault.Detail{Field: fmt.Sprintf("ops[%d]", i), Code: "duplicate", Got: shorten(op.Partition + "/" + op.Sort),
				Expected: fmt.Sprintf("another item than ops[%d]", first)})
		} else {
			seen[[2]string{op.Partition, op.Sort}] = i
		}
	}
	if total > MaxWriteBytes {
		details = append(details, fault.Detail{Field: "ops", Code: fault.CodeTooLarge, Got: total, Expected: fmt.Sprintf("at most %d bytes in all", MaxWriteBytes)})
	}
	return invalid(fmt.Sprintf("write %d operations", len(ops)), details)
}

// Seconds is t as a Table keeps it: Unix seconds, rounded up; 0 for the zero time.
func Seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return max(s, 1)
}

func keyDetails(field, key string) []fault.Detail {
	if want := CheckKey(key); want != "" {
		return []fault.Detail{{Field: field, Code: "invalid_key", Got: shorten(key), Expected: want}}
	}
	return nil
}

func outOfRange(field string, got any, want string) fault.Detail {
	return fault.Detail{Field: field, Code: "out_of_range", Got: got, Expected: want}
}

func invalid(attempt string, details []fault.Detail) error {
	if len(details) == 0 {
		return nil
	}
	err := fault.Invalidf("cannot %s", attempt).With(details...)
	for _, d := range details {
		if d.Code == fault.CodeTooLarge {
			err.Code = fault.CodeTooLarge
		}
	}
	return err
}

// shorten makes a key fit to be shown.
func shorten(s string) string {
	s = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s), "?")
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + ".."
	}
	return s
}
