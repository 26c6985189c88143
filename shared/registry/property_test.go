package registry

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mlops/shared/number"
)

// TestInvariants plays random decisions, right and wrong ones, and checks after each what the state promises.
func TestInvariants(t *testing.T) {
	served := story(t, "register", "pass 1", "promote 1", "register", "pass 2", "promote 2", "register", "pass 3")
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]State{served, {Model: "heart"}}).Draw(t, "start")
		now := day
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "wait")) * time.Millisecond)
			before := encode(t, s)
			got, move, err := step(t, s, now)
			if encode(t, s) != before {
				t.Fatal("the receiver was changed")
			}
			if err != nil {
				if encode(t, got) != before || move != (Move{}) {
					t.Fatalf("refused (%v) and yet changed", err)
				}
				continue
			}
			check(t, got)
			transition(t, s, got, move)
			s = got
		}
	})
}

// step draws one call; numbers reach beyond what exists, so that refusals are played too.
func step(t *rapid.T, s State, now time.Time) (State, Move, error) {
	n := rapid.IntRange(-1, len(s.Versions)+2).Draw(t, "n")
	expect := s.Aliases[Champion].Version
	if rapid.IntRange(0, 9).Draw(t, "stale") == 0 {
		expect = rapid.IntRange(0, len(s.Versions)).Draw(t, "expect")
	}
	sha := digest(n)
	if v, ok := s.Version(n); ok {
		sha = v.SHA256
	}
	if rapid.IntRange(0, 9).Draw(t, "swapped") == 0 {
		sha = digest(77)
	}
	switch rapid.IntRange(0, 7).Draw(t, "call") {
	case 0, 1:
		v := version(rapid.IntRange(1, 12).Draw(t, "artefact"))
		v.Metrics["auc"] = number.Float(rapid.SampledFrom([]float64{0.5, 0.1 + 0.2, math.NaN(), math.Inf(-1), 5e-324, math.Copysign(0, -1)}).Draw(t, "auc"))
		known, ok := s.Find(v.SHA256)
		got, reg, err := s.Register(v)
		if err == nil && ok && (reg.Number != known.Number || encode(t, got) != encode(t, s)) {
			t.Fatal("bytes were registered twice")
		}
		if err == nil && !ok && (reg.Number != len(s.Versions)+1 || reg.Status != Candidate) {
			t.Fatalf("registered as %+v", reg)
		}
		return got, Move{}, err
	case 2, 3:
		got, err := s.Gated(n, rapid.IntRange(0, 3).Draw(t, "passed") > 0, digest(500+n))
		return got, Move{}, err
	case 4:
		got, err := s.Refuse(n, "no")
		return got, Move{}, err
	case 5:
		return s.Promote(n, sha, expect, rapid.IntRange(0, 4).Draw(t, "forced") == 0, now)
	case 6:
		return s.Challenge(n, sha, now)
	default:
		return s.Rollback(max(n, 0), expect, now)
	}
}

// check holds for every state that the methods make.
func check(t *rapid.T, s State) {
	seen := map[string]bool{}
	for i, v := range s.Versions {
		if v.Number != i+1 {
			t.Fatalf("version %d stands in place %d", v.Number, i+1)
		}
		if seen[v.SHA256] {
			t.Fatalf("digest %s is there twice", v.SHA256)
		}
		seen[v.SHA256] = true
	}
	for a, p := range s.Aliases {
		if p.Version < 0 || p.Version > len(s.Versions) {
			t.Fatalf("%s points at version %d of %d", a, p.Version, len(s.Versions))
		}
	}
	c, p, serving := s.At(Champion)
	if serving {
		if c.Status != Passed && !p.Forced {
			t.Fatalf("champion %d is %s and nobody forced it", c.Number, c.Status)
		}
		if s.Aliases[Previous].Version == c.Number || s.Aliases[Challenger].Version == c.Number {
			t.Fatalf("champion %d is previous or challenger too", c.Number)
		}
		if c.PromotedAt.IsZero() || !c.RolledBackAt.IsZero() {
			t.Fatalf("champion %d serves and is not marked so", c.Number)
		}
	}
	for _, v := range s.Candidates() {
		if _, _, err := s.Rollback(v.Number, c.Number, day); err != nil {
			t.Fatalf("candidate %d cannot be taken: %v", v.Number, err)
		}
	}
	var back State
	if err := json.Unmarshal([]byte(encode(t, s)), &back); err != nil || encode(t, back) != encode(t, s) {
		t.Fatalf("does not read back: %v", err)
	}
}

// transition holds between a state and the next.
func transition(t *rapid.T, s, got State, m Move) {
	if len(got.Versions) < len(s.Versions) {
		t.Fatal("a version was lost")
	}
	for i, v := range s.Versions {
		if got.Versions[i].SHA256 != v.SHA256 {
			t.Fatalf("version %d has other bytes", i+1)
		}
		if v.Status == Refused && got.Versions[i].Status != Refused {
			t.Fatalf("a person's refusal of version %d was overruled", i+1)
		}
	}
	for a, p := range s.Aliases {
		if got.Aliases[a].Moves < p.Moves || got.Aliases[a].Version != p.Version && got.Aliases[a].Moves == p.Moves {
			t.Fatalf("moves of %s went from %+v to %+v", a, p, got.Aliases[a])
		}
	}
	from, to := s.Aliases[Champion].Version, got.Aliases[Champion].Version
	if moved := from != to; moved != (m.Alias == Champion) {
		t.Fatalf("champion from %d to %d, told as %+v", from, to, m)
	}
	if from == to {
		return
	}
	if m.From != from || m.To != to || m.SHA256 != got.Versions[to-1].SHA256 {
		t.Fatalf("champion from %d to %d, told as %+v", from, to, m)
	}
	if got.Aliases[Previous].Version != from {
		t.Fatalf("previous is %d, and %d was left", got.Aliases[Previous].Version, from)
	}
	if v := s.Versions[to-1]; m.Kind == KindPromote && v.Status != Passed && !m.Forced {
		t.Fatalf("promoted version %d, which is %s", to, v.Status)
	}
}

// TestUnaskedRollbackIsSafe: whatever happened before, Rollback(0) never goes to a version that failed, was refused or never judged, nor
// to one that a rollback has left since it last served; in particular never twice in a row.
func TestUnaskedRollbackIsSafe(t *testing.T) {
	taken := 0
	served := story(t, "register", "pass 1", "promote 1", "register", "pass 2", "promote 2", "register", "pass 3")
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]State{served, {Model: "heart"}}).Draw(t, "start")
		left := map[int]bool{} // versions a rollback has left since they last served
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if got, m, err := step(t, s, day); err == nil {
				if m.Alias == Champion {
					delete(left, m.To)
					if m.Kind == KindRollback {
						left[m.From] = true
					}
				}
				s = got
			}
			got, m, err := s.Rollback(0, s.Aliases[Champion].Version, day)
			if err != nil {
				continue
			}
			taken++
			if v := s.Versions[m.To-1]; v.Status != Passed || left[m.To] {
				t.Fatalf("went back, unasked, to version %d, which is %s, left by a rollback: %v", m.To, v.Status, left[m.To])
			}
			if _, m, err := got.Rollback(0, m.To, day); err == nil {
				t.Fatalf("a second one in a row went to version %d", m.To)
			}
		}
	})
	if taken < 20 && !testing.Short() {
		t.Error("the property was never put to the test")
	}
}

func BenchmarkPromote(b *testing.B) {
	s := State{Model: "heart"}
	for i := range 400 {
		s.Versions = append(s.Versions, version(i+1))
		s.Versions[i].Number, s.Versions[i].Status = i+1, Passed
	}
	for b.Loop() {
		if _, _, err := s.Promote(400, digest(400), 0, false, day); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleState_Rollback() {
	s := State{Model: "heart"}
	for i := 1; i <= 2; i++ {
		s, _, _ = s.Register(version(i))
		s, _ = s.Gated(i, true, digest(500+i))
		s, _, _ = s.Promote(i, digest(i), i-1, false, day)
	}
	s, m, _ := s.Rollback(0, 2, day)
	fmt.Println(m.Kind, m.From, "->", m.To)
	_, _, err := s.Rollback(0, 1, day)
	fmt.Println(err)
	// Output:
	// rollback 2 -> 1
	// cannot roll back heart to its previous version 2 unasked: a rollback left it at 2026-03-01T09:00:00Z; name it to return to it, or another: no other version can be taken: promote one that passes the gate
}
