package quality

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// nightly is a history of uploads, one every night at about the same time.
func nightly(n int) (*History, *rand.Rand) {
	r := rand.New(rand.NewPCG(1, 2))
	h := &History{}
	for i := range n {
		at := day0.AddDate(0, 0, i).Add(time.Duration(r.NormFloat64() * float64(20*time.Minute)))
		h.Add(fmt.Sprint(i), Measure(frame(r, 100, 0, nil), h.Known, at), DefaultPolicy())
	}
	return h, r
}

func TestLate(t *testing.T) {
	h, r := nightly(40)
	newest := h.At[len(h.At)-1]
	before, _ := json.Marshal(h)
	for hours := range 26 {
		if a, late := h.Late(newest.Add(time.Duration(hours)*time.Hour), DefaultPolicy()); late {
			t.Fatalf("after %d hours of about 24: %+v", hours, a)
		}
	}
	if after, _ := json.Marshal(h); string(after) != string(before) {
		t.Error("looking changed the history")
	}
	a, late := h.Late(newest.Add(40*time.Hour), DefaultPolicy())
	if !late || a.Series != Freshness || a.Value != 40 || a.High < 24 || a.High > 32 || a.Over {
		t.Fatalf("after 40 hours: %v, %+v", late, a)
	}
	if _, again := h.Late(newest.Add(60*time.Hour), DefaultPolicy()); again {
		t.Error("told twice")
	}
	over := 0
	for i := range 3 { // it comes, too late; then in time again
		for _, x := range h.Add(fmt.Sprint("late", i), Measure(frame(r, 100, 0, nil), h.Known, newest.Add(time.Duration(70+24*i)*time.Hour)), DefaultPolicy()) {
			if x.Series == Freshness && !x.Over || x.Over && i == 0 {
				t.Errorf("batch %d: %+v", i, x)
			}
			if x.Series == Freshness && x.Over {
				over++
			}
		}
	}
	if over != 1 {
		t.Errorf("its end was told %d times", over)
	}
}

func TestLateNeedsAHabit(t *testing.T) {
	h, _ := nightly(5)
	long := h.At[len(h.At)-1].AddDate(1, 0, 0)
	if a, late := h.Late(long, DefaultPolicy()); late {
		t.Errorf("after five batches: %+v", a)
	}
	if _, late := (&History{}).Late(long, DefaultPolicy()); late {
		t.Error("before the first batch")
	}
	p, most := DefaultPolicy(), 48.0
	p.Series = map[string]Rule{Freshness: {Strategy: "simple_threshold", Max: &most}}
	if _, late := h.Late(h.At[4].Add(47*time.Hour), p); late {
		t.Error("sooner than the rule says")
	}
	if a, late := h.Late(h.At[4].Add(49*time.Hour), p); !late || a.High != 48 {
		t.Errorf("by a rule: %v, %+v", late, a)
	}
	h, _ = nightly(40)
	h.Daily = true
	if _, late := h.Late(long, DefaultPolicy()); late {
		t.Error("a day that is over has a point")
	}
	h, _ = nightly(40)
	p.Series = map[string]Rule{Freshness: {Strategy: "off"}}
	if _, late := h.Late(long, p); late {
		t.Error("nobody wants to know")
	}
}
