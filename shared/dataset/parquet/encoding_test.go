package parquet

import (
	"bytes"
	"encoding/hex"
	"math"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/bytestreamsplit"
	deltas "github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"

	"mlops/shared/dataset"
)

// TestEncodings: what parquet-go encodes comes back, and nothing behind it.
func TestEncodings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 31).Draw(t, "width")
		small := rapid.SliceOfN(rapid.OneOf(rapid.Int32Range(0, 1<<width-1), rapid.Just[int32](1)), 1, 300).Draw(t, "indexes")
		b, err := (&rle.Encoding{BitWidth: width}).EncodeInt32(nil, small)
		if err != nil {
			t.Fatal(err)
		}
		h := hybrid{b: b, width: width}
		for i, want := range small {
			if got, err := h.next(); err != nil || got != uint32(want) {
				t.Fatalf("index %d: %d, %v; want %d", i, got, err, want)
			}
		}

		whole := rapid.SliceOfN(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-9, 9)), 1, 700).Draw(t, "integers")
		if b, err = new(deltas.BinaryPackedEncoding).EncodeInt64(nil, whole); err != nil {
			t.Fatal(err)
		}
		d, err := newDelta(append(b, "behind"...), len(whole))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range whole {
			if got, err := d.next(); err != nil || got != want {
				t.Fatalf("integer %d: %d, %v; want %d", i, got, err, want)
			}
		}
		if rest, err := d.rest(); err != nil || string(rest) != "behind" {
			t.Fatalf("behind %d integers: %q, %v", len(whole), rest, err)
		}

		texts := rapid.SliceOfN(rapid.StringMatching(`(abc|abcd)?[a-z]{0,4}`), 1, 200).Draw(t, "texts")
		var joined []byte
		offsets := []uint32{0}
		for _, s := range texts {
			joined = append(joined, s...)
			offsets = append(offsets, uint32(len(joined)))
		}
		byLength, err := new(deltas.LengthByteArrayEncoding).EncodeByteArray(nil, joined, offsets)
		if err != nil {
			t.Fatal(err)
		}
		byPrefix, err := new(deltas.ByteArrayEncoding).EncodeByteArray(nil, joined, offsets)
		if err != nil {
			t.Fatal(err)
		}
		next, err := afterLengths(byLength, len(texts))
		if err != nil {
			t.Fatal(err)
		}
		same, err := prefixed(byPrefix, len(texts), 100)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range texts {
			if got, err := next(); err != nil || string(got) != want {
				t.Fatalf("text %d: %q, %v; want %q", i, got, err, want)
			}
			if got, err := same(); err != nil || string(got) != want {
				t.Fatalf("text %d by its prefix: %q, %v; want %q", i, got, err, want)
			}
		}

		numbers := rapid.SliceOfN(rapid.Float64(), 1, 100).Draw(t, "numbers")
		if b, err = new(bytestreamsplit.Encoding).EncodeDouble(nil, numbers); err != nil {
			t.Fatal(err)
		}
		streams := split(b, 8)
		for i, want := range numbers {
			if got, err := streams(); err != nil || math.Float64frombits(little.Uint64(got)) != want {
				t.Fatalf("number %d: %x, %v; want %v", i, got, err, want)
			}
		}
	})
}

// TestPrefixesGrow: texts that each begin with all of the one before are refused once they are too long, so that a small page holds no gigabytes.
func TestPrefixesGrow(t *testing.T) {
	var joined []byte
	offsets := []uint32{0}
	for n := range 300 {
		joined = append(joined, bytes.Repeat([]byte{'a'}, n)...)
		offsets = append(offsets, uint32(len(joined)))
	}
	b, err := new(deltas.ByteArrayEncoding).EncodeByteArray(nil, joined, offsets)
	if err != nil {
		t.Fatal(err)
	}
	next, err := prefixed(b, 300, 200)
	for n := 0; err == nil; n++ {
		if _, err = next(); (err != nil) != (n == 201) {
			t.Fatalf("a text of %d bytes: %v", n, err)
		}
	}
}

// TestTypes: every type as its column shows it.
func TestTypes(t *testing.T) {
	raw := func(s string) []byte { b, _ := hex.DecodeString(s); return b }
	decimal := func(physical format.Type, scale int32) func(*dataset.Filler, []byte) {
		return (&column{physical: physical}).decimal(scale)
	}
	integer := func(signed bool) func(*dataset.Filler, []byte) { return new(column).integer(signed) }
	for _, c := range []struct {
		name string
		put  func(*dataset.Filler, []byte)
		raw  string
		want string
	}{
		{"true", putBoolean, "01", "true"},
		{"float32", putFloat, "cdcccc3d", "0.1"},
		{"greatest float32", putFloat, "ffff7f7f", "3.4028235e+38"},
		{"float16 of one", putHalf, "003c", "1"},
		{"float16, the least above 0", putHalf, "0100", "5.960464477539063e-08"},
		{"float16, the greatest", putHalf, "ff7b", "65504"},
		{"float16, negative", putHalf, "00c1", "-2.5"},
		{"float16, none", putHalf, "017e", ""},
		{"int32", integer(true), "feffffff", "-2"},
		{"uint32", integer(false), "feffffff", "4294967294"},
		{"uint64", integer(false), "ffffffffffffffff", "18446744073709552000"},
		{"decimal of an int32", decimal(format.Int32, 2), "85ffffff", "-1.23"},
		{"decimal of an int64", decimal(format.Int64, 18), "0100000000000000", "1e-18"},
		{"decimal of bytes", decimal(format.ByteArray, 2), "ff7f", "-1.29"},
		{"decimal of 16 bytes", decimal(format.FixedLenByteArray, 3), "0000000000000000000000000000 04d2", "1.234"},
		{"decimal of no bytes", decimal(format.ByteArray, 2), "", "0"},
		{"UUID", putUUID, "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff"},
		{"date", putDate, "0a4e0000", "2024-09-12"},
		{"date before 1970", putDate, "ffffffff", "1969-12-31"},
		{"date in another age", putDate, "ffffff7f", ""},
		{"time in milliseconds", putTime(milli), "7b000000", "00:00:00.123"},
		{"time in nanoseconds", putTime(1), "c0bd3f91944e0000", "23:59:59.999"},
		{"no time", putTime(milli), "ffffffff", ""},
		{"timestamp", putTimestamp(micro, false), "40420f0000000000", "1970-01-01T00:00:01"},
		{"timestamp in UTC", putTimestamp(milli, true), "ffffffffffffffff", "1969-12-31T23:59:59.999Z"},
		{"timestamp in nanoseconds", putTimestamp(1, true), "ffffffffffffff7f", "2262-04-11T23:47:16.854775807Z"},
		{"timestamp in another age", putTimestamp(milli, true), "ffffffffffffff7f", ""},
		{"INT96", putInt96, "00004f91944e0000 cc3d2500", ""},
		{"INT96 at noon", putInt96, "0080a7484a2700008c3d2500", "1970-01-01T12:00:00"},
		{"interval", putInterval, "0100000002000000dc050000", "P1M2DT1.5S"},
	} {
		f := dataset.NewFiller("x", dataset.Options{}, false, 1)
		b := raw(stripped(c.raw))
		c.put(f, b)
		column := f.Column()
		if got := column.Text(0); column.Len() != 1 || got != c.want {
			t.Errorf("%s: %q; want %q", c.name, got, c.want)
		}
	}
}

func stripped(s string) string { return string(bytes.ReplaceAll([]byte(s), []byte(" "), nil)) }
