package drift

import (
	"encoding/json"
	"testing"
)

func BenchmarkMeasure(b *testing.B) {
	for _, size := range []struct {
		name string
		rows int
	}{{"1k x 30", 1000}, {"100k x 30", 100_000}, {"1M x 30", 1_000_000}} {
		w := newWorld(1)
		p := w.profile(b, 20_000)
		window := w.window(size.rows)
		b.Run(size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Measure(p, window, DefaultPolicy()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNewProfile(b *testing.B) {
	w := newWorld(1)
	frame := w.frame(100_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewProfile(Reference{Frame: frame}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadProfile(b *testing.B) {
	stored, err := json.Marshal(newWorld(1).profile(b, 20_000))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(stored)))
	for b.Loop() {
		if _, err := ReadProfile(stored); err != nil {
			b.Fatal(err)
		}
	}
}
