package wire

import (
	"math"
	"reflect"
	"testing"

	"mlops/shared/fault"
)

func TestReaderReadsWhatWasWritten(t *testing.T) {
	var w Writer
	w.Uint8(7)
	w.Bool(true)
	w.Section(func(w *Writer) {
		w.Strings([]string{"a", "", "ü"})
		w.Floats([]float64{1.5, math.Copysign(0, -1), math.MaxFloat64})
	})
	w.Uint64(1 << 60)
	r, err := Open("magic", 3, Seal("magic", 3, w.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := r.Uint8(), r.Bool(); a != 7 || !b {
		t.Errorf("%v %v", a, b)
	}
	r.Section(func(r *Reader) {
		if s, f := r.Strings(3, 9), r.Floats(); !reflect.DeepEqual(s, []string{"a", "", "ü"}) || !reflect.DeepEqual(f, []float64{1.5, math.Copysign(0, -1), math.MaxFloat64}) {
			t.Errorf("%q %v", s, f)
		}
	})
	if v := r.Uint64(); v != 1<<60 {
		t.Errorf("%v", v)
	}
	if r.End(); r.Err() != nil {
		t.Error(r.Err())
	}
}

func TestReaderFails(t *testing.T) {
	write := func(f func(w *Writer)) []byte {
		var w Writer
		f(&w)
		return w.Bytes
	}
	for name, c := range map[string]struct {
		in   []byte
		read func(r *Reader)
	}{
		"too early an end":            {[]byte{1, 2, 3}, func(r *Reader) { r.Uint32() }},
		"bytes left over":             {[]byte{1, 2, 3}, func(r *Reader) { r.Uint16() }},
		"neither true nor false":      {[]byte{2}, func(r *Reader) { r.Bool() }},
		"not a number":                {write(func(w *Writer) { w.Float(math.NaN()) }), func(r *Reader) { r.Float() }},
		"infinite":                    {write(func(w *Writer) { w.Float(math.Inf(-1)) }), func(r *Reader) { r.Float() }},
		"a list longer than allowed":  {write(func(w *Writer) { w.Strings([]string{"a", "b"}) }), func(r *Reader) { r.Strings(1, 9) }},
		"a text longer than allowed":  {write(func(w *Writer) { w.String("long") }), func(r *Reader) { r.String(3) }},
		"a list longer than the file": {write(func(w *Writer) { w.Uint32(math.MaxUint32) }), func(r *Reader) { r.Floats() }},
		"a section beyond the end":    {write(func(w *Writer) { w.Uint32(5) }), func(r *Reader) { r.Section(func(*Reader) {}) }},
		"a section not read through":  {write(func(w *Writer) { w.Section(func(w *Writer) { w.Uint8(1) }) }), func(r *Reader) { r.Section(func(*Reader) {}) }},
	} {
		r := NewReader(c.in)
		c.read(r)
		r.End()
		if !fault.Is(r.Err(), fault.Invalid) {
			t.Errorf("%s: %v", name, r.Err())
		}
		if r.Uint64() != 0 || r.String(9) != "" || len(r.Floats()) != 0 {
			t.Errorf("%s: something is read after the failure", name)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := Seal("magic", 3, []byte("body"))
	for name, b := range map[string][]byte{"nothing": nil, "another version": Seal("magic", 4, []byte("body")), "another magic": Seal("mágic", 3, []byte("body")),
		"cut": good[:len(good)-1], "longer": append(good[:len(good):len(good)], 0)} {
		if _, err := Open("magic", 3, b); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
