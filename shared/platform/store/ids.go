package store

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"sync"
	"time"
)

// IDs makes ULIDs: 26 characters of Crockford's base 32 that hold 48 bits of Unix milliseconds and 80 random bits, so that they sort by
// time and are not to be guessed (https://github.com/ulid/spec). Those of one IDs are strictly increasing, even within a millisecond
// and when the clock goes backwards. Safe for concurrent use.
type IDs struct {
	now     func() time.Time
	entropy io.Reader

	mu     sync.Mutex
	millis uint64
	random [10]byte
}

// NewIDs makes IDs from a clock. A nil entropy is crypto/rand; a seeded one makes a run repeatable and its ids guessable.
func NewIDs(now func() time.Time, entropy io.Reader) *IDs {
	if entropy == nil {
		entropy = rand.Reader
	}
	return &IDs{now: now, entropy: entropy}
}

// Next is a new id. It panics if entropy fails: crypto/rand never does.
func (g *IDs) Next() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ms := uint64(max(g.now().UnixMilli(), 0)); ms > g.millis || g.random == [10]byte{} {
		g.millis = max(ms, g.millis)
		if _, err := io.ReadFull(g.entropy, g.random[:]); err != nil {
			panic("store: no entropy for an id: " + err.Error())
		}
		g.random[0] &= 0x7f // room to count upwards within the millisecond
	} else {
		for i := len(g.random) - 1; i >= 0; i-- {
			if g.random[i]++; g.random[i] != 0 {
				break
			}
		}
	}
	return encodeULID(g.millis, g.random)
}

// Nonce is 128 random bits, as lower-case hex.
func Nonce() (string, error) {
	b := make([]byte, 16)
	_, err := rand.Read(b)
	return hex.EncodeToString(b), err
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// encodeULID writes 128 bits as 26 digits of 5 bits, the first of which holds only 3.
func encodeULID(millis uint64, random [10]byte) string {
	hi := millis<<16 | uint64(random[0])<<8 | uint64(random[1])
	var lo uint64
	for _, b := range random[2:] {
		lo = lo<<8 | uint64(b)
	}
	var out [26]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}
