package expect

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"sync/atomic"
)

// identity stands for the values of a row. Of one number it is the number itself; of anything else it is 128 bits of two seeded hashes, in
// which two rows of ten million that differ agree with a probability below 1e-24.
type identity [2]uint64

// hasher makes identities, the same in every reading of one stream.
type hasher struct{ first, second maphash.Seed }

func (h hasher) identity(cells []*series, i int, buf []byte) (identity, []byte) {
	if len(cells) == 1 && cells[0].numeric() {
		return identity{mix(math.Float64bits(cells[0].number(i) + 0))}, buf // -0 is 0
	}
	buf = buf[:0]
	for _, s := range cells {
		switch {
		case s.Missing(i):
			buf = append(buf, 'm')
		case s.numeric():
			buf = binary.BigEndian.AppendUint64(append(buf, 'n'), math.Float64bits(s.number(i)+0))
		default:
			text := s.Levels[s.Code[i]]
			buf = append(binary.AppendUvarint(append(buf, 't'), uint64(len(text))), text...)
		}
	}
	return identity{maphash.Bytes(h.first, buf), maphash.Bytes(h.second, buf)}, buf
}

// sieve remembers of every slot whether identities fell into it never, once or more often. Readers add at the same time.
type sieve struct {
	once, more []uint64
	shift      int
}

func newSieve(slots int) *sieve {
	words := (max(64, slots) + 63) / 64
	return &sieve{once: make([]uint64, words), more: make([]uint64, words), shift: 64 - bits.Len(uint(64*words-1))}
}

func (s *sieve) add(k identity) {
	at := k[0] >> s.shift
	bit := uint64(1) << (at & 63)
	if atomic.OrUint64(&s.once[at>>6], bit)&bit != 0 {
		atomic.OrUint64(&s.more[at>>6], bit)
	}
}

// alone reports whether no other row fell into the slot of k.
func (s *sieve) alone(k identity) bool {
	at := k[0] >> s.shift
	return s.more[at>>6]>>(at&63)&1 == 0
}

// taken are how many slots have one row, and how many have some.
func (s *sieve) taken() (alone, taken int) {
	for i, word := range s.once {
		alone += bits.OnesCount64(word &^ s.more[i])
		taken += bits.OnesCount64(word)
	}
	return alone, taken
}

// found is how many rows are alone in their slot, and about how many distinct identities there are: with n of m slots taken, -m ln(1-n/m)
// (K.-Y. Whang et al., "A linear-time probabilistic counting algorithm", 1990).
func (s *sieve) found() (alone int, distinct float64) {
	alone, taken := s.taken()
	slots := float64(64 * len(s.once))
	return alone, -slots * math.Log(1-min(float64(taken), slots-0.5)/slots)
}
