package dataset

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// checkDecimal fails unless scanDecimal reads s to the end, as strconv.ParseFloat does, and knows how it was written.
func checkDecimal(t *testing.T, s string) {
	t.Helper()
	got, written, end := scanDecimal([]byte(s))
	want, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(want, 0) {
		t.Fatalf("%q is no number to strconv: %v", s, err)
	}
	if math.Float64bits(got) != math.Float64bits(want) || end != len(s) {
		t.Fatalf("%q: %v up to %d, strconv %v", s, got, end, want)
	}
	if written < irregular {
		if back := strconv.FormatFloat(got, 'f', int(written), 64); back != s {
			t.Fatalf("%q comes back as %q", s, back)
		}
	}
}

func TestScanDecimalEqualsStrconv(t *testing.T) {
	for _, s := range []string{"0", "-0", "00", "0.0", "-0.00", "5", "+5", ".5", "5.", "007", "1e3", "1E+3", "1e-3", "1e999", "-1e999", "1e-999", "1e00000000000000000000001",
		"9007199254740993", "9007199254740992.5", "0.1", "0.30000000000000004", "179769313486231570000", "8.692932128906250000e-01", "123456789012345.6",
		"1234567890123456789", "9999999999999999999", "99999999999999999999", "0.00000000000000000001", "0.000000000000000000012345678901234567890", "1e22", "1e23", "123e-25",
		"9007199254740993e3", "4503599627370496.5", "4503599627370497.5", "2.2250738585072011e-308", "0e5", "0.000e-400"} {
		checkDecimal(t, s)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for range 40_000 {
		v := math.Float64frombits(rng.Uint64())
		switch rng.IntN(4) {
		case 0:
			v = math.Round(rng.NormFloat64()*1e4) / math.Pow10(rng.IntN(5))
		case 1:
			v = rng.NormFloat64()
		case 2:
			v = rng.Float64() * math.Pow10(rng.IntN(25))
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		checkDecimal(t, strconv.FormatFloat(v, "efg"[rng.IntN(3)], rng.IntN(21)-1, 64))
		checkDecimal(t, fmt.Sprintf("%d.%0*d", rng.IntN(100), 1+rng.IntN(18), rng.Uint64N(1_000_000_000_000_000_000)))
	}
}

// Half-way cases are where a quotient cut too early rounds wrongly: the midpoints between neighbouring floats, and a hair beside them.
func TestScanDecimalRoundsHalfWayCases(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 20_000 {
		m := 1<<53 + rng.Uint64N(1<<53)
		places := 1 + rng.IntN(3)
		for _, digits := range []uint64{m*10 + 5, m*10 + 4, m*10 + 6, m * 10} { // above 2^53 a step is 2, so odd m is half-way
			s := strconv.FormatUint(digits, 10)
			checkDecimal(t, s[:len(s)-places]+"."+s[len(s)-places:])
		}
	}
}

func TestScanDecimalStopsWhereTheNumberDoes(t *testing.T) {
	for _, c := range []struct {
		in  string
		end int
	}{{"", 0}, {"-", 0}, {".", 0}, {"+.e1", 0}, {"x", 0}, {"e5", 0}, {"inf", 0}, {"NaN", 0}, {"1x", 1}, {"1e", 1}, {"1e+", 1}, {"1.5.2", 3}, {"0x10", 1}, {"1_000", 1}, {"1,5", 1}, {"--1", 0}, {"1e5e5", 3}} {
		if _, written, end := scanDecimal([]byte(c.in)); end != c.end || (end == 0) != (written == notDecimal) {
			t.Errorf("%q: up to %d, written %d; wanted %d", c.in, end, written, c.end)
		}
	}
}

func FuzzScanDecimal(f *testing.F) {
	for _, s := range []string{"1.5", "-0.00", "007", "1e-5", "99999999999999999999.5", "12345678901234567.25"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, written, end := scanDecimal([]byte(s)); written != notDecimal {
			checkDecimal(t, s[:end])
		} else if end != 0 {
			t.Fatalf("%q: no number, but up to %d", s, end)
		}
	})
}

func BenchmarkScanDecimal(b *testing.B) {
	for _, s := range []string{"39", "-0.872", "0.8693462178203317", "8.692932128906250000e-01"} {
		text := []byte(s)
		b.Run(s, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				scanDecimal(text)
			}
		})
	}
}
