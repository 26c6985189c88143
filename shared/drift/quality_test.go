package drift

import (
	"fmt"
	"strings"
	"testing"

	"mlops/shared/dataset"
)

// A batch that came twice is a finding; rows that repeat by nature are none.
func TestDuplicates(t *testing.T) {
	w := newWorld(81)
	p := w.profile(t, 2000)
	rows := w.Perm(1000)[:800]
	once := w.window(1000)
	twice := Window{Frame: once.Frame.Take(append(rows, rows[:200]...))}
	if r := measure(t, p, twice); len(r.Of(Duplicates)) != 1 || r.Repeated.Repeated != 200 || r.Repeated.Rows != 1000 || r.Verdict != Warn {
		t.Errorf("%+v %+v", r.Repeated, r.Findings)
	}
	for _, k := range []int{3, 40, 400} { // levels of each of two columns: rows repeat always, often, seldom
		draw := func(n int) *dataset.Frame {
			return &dataset.Frame{Columns: []dataset.Column{w.levels("a", n, k, 1, 0), w.levels("b", n, k, 1, 0)}}
		}
		for _, size := range [][2]int{{100, 5000}, {2000, 2000}, {5000, 300}} {
			p, err := NewProfile(Reference{Frame: draw(size[0])})
			if err != nil {
				t.Fatal(err)
			}
			if r := measure(t, p, Window{Frame: draw(size[1])}); len(r.Of(Duplicates)) != 0 {
				t.Errorf("%d levels, %v: %v", k, size, r.Reasons)
			}
		}
	}
}

// The sample of different rows is bounded, and the same however the rows were cut and ordered.
func TestDuplicatesAreBounded(t *testing.T) {
	w, whole, parts := newWorld(82), newDuplicates(), []*duplicates{newDuplicates(), newDuplicates(), newDuplicates()}
	for range 100_000 {
		h := mixed(uint64(w.IntN(90_000)) + 1)
		whole.add(h, 1)
		parts[w.IntN(3)].add(h, 1)
	}
	parts[0].merge(parts[2])
	parts[0].merge(parts[1])
	if fmt.Sprint(parts[0].times) != fmt.Sprint(whole.times) || len(whole.times) > maxDifferent || len(whole.times) < maxDifferent/4 {
		t.Errorf("%d rows of the parts, %d of the whole", len(parts[0].times), len(whole.times))
	}
	rows, repeated := whole.counts() // of 100,000 draws from 90,000, 1 - 0.9 (1 - e^(-10/9)) are repeats
	if got, want := share(repeated, rows), 0.3963; got < want-0.015 || got > want+0.015 {
		t.Errorf("%v repeat, want %v", got, want)
	}
}

// Rows that stay away, or come twice as often, against the windows before; an empty window says so, too.
func TestRowCount(t *testing.T) {
	w := newWorld(83)
	p := w.profile(t, 1000)
	usual := []int{1000, 1100, 950, 1020, 990, 1050, 1010}
	for _, c := range []struct {
		rows  int
		usual []int
		found bool
	}{{1000, usual, false}, {700, usual, false}, {300, usual, true}, {3000, usual, true}, {10, usual, true}, {0, usual, true}, {300, usual[:4], false}, {300, nil, false},
		{300, []int{100, 2000, 800, 90, 3000, 500}, false}} {
		window := w.window(c.rows)
		window.Usual = c.usual
		r := measure(t, p, window)
		if found := r.Of(RowCount); (len(found) == 1) != c.found || c.found && !strings.Contains(found[0].Text, "usually 1,0") {
			t.Errorf("%d rows after %v: %+v", c.rows, c.usual, r.Findings)
		}
		if c.rows < 50 && r.Verdict != Insufficient {
			t.Errorf("%d rows: %s", c.rows, r.Verdict)
		}
		text(t, r)
	}
}
