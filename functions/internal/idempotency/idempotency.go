// Package idempotency lets a client repeat a request without its effect happening twice: who sends the same Idempotency-Key with the same
// request gets the answer of the first one. It stands between a route's guard and its handler, in the cloud and on one machine alike. A request
// without the header passes untouched and reads nothing.
//
// The algorithm is that of Powertools for AWS Lambda (docs.powertools.aws.dev, "Idempotency"): a note "in progress" is put where none is, the
// handler runs, and the note becomes the answer. A process that dies in between leaves its note, which ends by itself; then the request runs
// again, and what it did is protected by its own conditions alone, such as the version that a promotion names.
package idempotency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"mlops/functions/internal/door"
	"mlops/shared/fault"
	"mlops/shared/topology"
)

// The headers: what a client sends, and what an answer says. An answer that was not kept says Stored false: the same key runs the request anew.
const (
	Header   = "Idempotency-Key"
	Replayed = "Idempotent-Replayed"
	Stored   = "Idempotent-Stored"
)

// How long an answer is kept, how large it may be, and how long a request with a key may take.
const (
	Life      = 24 * time.Hour
	MaxAnswer = 300 << 10 // bytes of the body: what fits an item of the table
	MaxRun    = time.Minute
)

// tries bounds how often a note is looked for that others keep changing.
const tries = 3

// flush is the time to write a note once the handler has ended, whether or not the client is still there.
const flush = 5 * time.Second

var form = regexp.MustCompile(`^[A-Za-z0-9_-]{8,128}$`)

// Notes is what is needed of the store: versioned notes, each replaced only by who knows its version.
type Notes interface {
	Note(ctx context.Context, name string) (body []byte, version int64, err error)
	KeepNote(ctx context.Context, name string, expect int64, body []byte, expires time.Time) error
}

// Keeper keeps answers.
type Keeper struct {
	Notes Notes
	Now   func() time.Time
	Log   *slog.Logger
}

// Guard is next for requests of the route with the header. Its handler has at most the function's time, and at most MaxRun: then its note ends.
// A nil Keeper, and a route that takes no key, are next itself.
func (k *Keeper) Guard(spec topology.Spec, route topology.Route, next http.Handler) http.Handler {
	if k == nil || !route.Keyed() {
		return next
	}
	run := min(spec.Timeout, MaxRun)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header.Values(Header)) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		if err := k.serve(w, r, route, run, next); err != nil {
			door.Fail(w, r, door.Plain, err)
		}
	})
}

// serve answers a request with a key; an error means that nothing was answered and nothing happened.
func (k *Keeper) serve(w http.ResponseWriter, r *http.Request, route topology.Route, run time.Duration, next http.Handler) error {
	keys := r.Header.Values(Header)
	if len(keys) != 1 || !form.MatchString(keys[0]) {
		return fault.Invalidf("the header %s cannot be read", Header).With(fault.Detail{Field: Header, Code: "wrong_format", Got: fmt.Sprintf("%.140q", keys), Expected: "one key of 8 to 128 of A-Z a-z 0-9 _ -"})
	}
	body, err := door.Body(r, route.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ctx, cancel := context.WithTimeout(r.Context(), run)
	defer cancel()
	end, _ := ctx.Deadline() // the function's own where that is nearer
	c, kept, err := k.claim(ctx, name(r, route, keys[0]), digest(r, body), k.Now().Add(time.Until(end)))
	if err != nil {
		return k.refuse(w, err)
	}
	if kept != nil {
		kept.give(w, true)
		return nil
	}

	answer := &door.Recorder{}
	next.ServeHTTP(answer, r.WithContext(ctx)) // a panic leaves the note as a crash does

	k.settle(r.Context(), c, answer)
	(&note{Code: answer.Status(), Header: answer.Header(), body: answer.Body.Bytes()}).give(w, false)
	return nil
}

// name is the note's: the same key of another caller, or on another route, is another key.
func name(r *http.Request, route topology.Route, key string) string {
	return hash([]byte(door.CallerOf(r.Context()).ID), []byte(route.Method+" "+route.Path), []byte(key))
}

// digest is what must be the same for a request to be the same: where it goes, what it says, and in which format.
func digest(r *http.Request, body []byte) string {
	return hash([]byte(r.URL.EscapedPath()), []byte(r.URL.Query().Encode()), []byte(r.Header.Get("Content-Type")), body)
}

// hash is the SHA-256 of parts, each behind its length so that none runs into the next.
func hash(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d ", len(p))
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// busy is the refusal of a request whose first one is still under way, and when to come again.
type busy struct {
	error
	wait time.Duration
}

func (b busy) Unwrap() error { return b.error }

// refuse says when to try again where that is known.
func (k *Keeper) refuse(w http.ResponseWriter, err error) error {
	if b, ok := err.(busy); ok {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(b.wait.Seconds())))))
		return b.error
	}
	return err
}

// claimed is a note of ours in progress.
type claimed struct {
	name, digest string
	version      int64
}

// claim puts a note in progress, or finds the answer that is kept. It fails with Conflict while the first request is under way, and with
// door.CodeOtherRequest where the key belongs to another request.
func (k *Keeper) claim(ctx context.Context, name, digest string, until time.Time) (claimed, *note, error) {
	running := note{State: inProgress, Digest: digest, Until: until}
	expect := int64(0)
	for range tries {
		err := k.Notes.KeepNote(ctx, name, expect, running.encode(), k.Now().Add(Life))
		if err == nil {
			return claimed{name, digest, expect + 1}, nil, nil
		}
		if !fault.Is(err, fault.Conflict) {
			return claimed{}, nil, err
		}
		body, version, err := k.Notes.Note(ctx, name)
		if fault.Is(err, fault.NotFound) {
			expect = 0 // it expired meanwhile
			continue
		}
		if err != nil {
			return claimed{}, nil, err
		}
		found, err := decode(body)
		if err != nil {
			return claimed{}, nil, err
		}
		now := k.Now()
		switch {
		case found.State == free:
		case found.Digest != digest:
			return claimed{}, nil, fault.Invalidf("this %s was sent with another request before: a new request needs a new key", Header).WithCode(door.CodeOtherRequest)
		case found.State == done:
			return claimed{}, found, nil
		case now.Before(found.Until):
			return claimed{}, nil, busy{fault.Conflictf("the first request with this %s is still under way", Header), found.Until.Sub(now)}
		}
		expect = version
	}
	return claimed{}, nil, busy{fault.Conflictf("several requests came with this %s at once", Header), time.Second}
}

// settle turns the note into the answer. An answer that says no, and one too large to keep, give the key free: nothing is known to have
// happened, or the client is told that the same key runs the request again.
func (k *Keeper) settle(ctx context.Context, c claimed, answer *door.Recorder) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flush)
	defer cancel()
	n := note{State: done, Digest: c.digest, Code: answer.Status(), Header: answer.Header().Clone(), body: answer.Body.Bytes()}
	if n.Code >= http.StatusBadRequest || len(n.body) > MaxAnswer {
		n = note{State: free}
		answer.Header().Set(Stored, "false")
	}
	if err := k.Notes.KeepNote(ctx, c.name, c.version, n.encode(), k.Now().Add(Life)); err != nil {
		// The answer is given all the same. A repetition is told to wait until the note ends, and then runs again.
		k.Log.WarnContext(ctx, "an answer could not be kept for its idempotency key", "error", err.Error())
		answer.Header().Set(Stored, "false")
	}
}
