package approval

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mlops/shared/fault"
)

// TestOneFinalDecision deals ballots in any order, repeated, mistyped, late, by people asked and not asked, with expiry running between
// them, and compares with the rule said in one breath: the first rejection, or the Quorum-th person's approval, or the end of the time,
// whichever comes first, and nothing after it.
func TestOneFinalDecision(t *testing.T) {
	ends := map[Status]int{}
	rapid.Check(t, func(t *rapid.T) {
		r := request()
		people := []string{"anna", "ben", "cleo", "dora", "emil"}
		r.Approvers = people[:rapid.IntRange(1, 4).Draw(t, "approvers")]
		r.Quorum = rapid.IntRange(1, len(r.Approvers)).Draw(t, "quorum")
		if len(r.Approvers) > r.Quorum && rapid.Bool().Draw(t, "own") {
			r.Requester = people[0]
		}
		approved, spent, tries, want := map[string]bool{}, map[string]bool{}, 0, Pending
		finals, now := 0, day
		for range rapid.IntRange(1, 25).Draw(t, "ballots") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 1, 60}).Draw(t, "hours")) * time.Hour)
			late := !now.Before(r.ExpiresAt)
			was := r.Status
			if rapid.IntRange(0, 5).Draw(t, "sweep") == 0 {
				got, ok := r.Expire(now)
				if ok != (late && was == Pending) {
					t.Fatalf("expired at %v: %v", now, ok)
				}
				if ok {
					want = Expired
				}
				r = got
			} else {
				who := rapid.SampledFrom(people).Draw(t, "who")
				d := rapid.SampledFrom([]Decision{Approve, Approve, Approve, Reject}).Draw(t, "says")
				typed := rapid.SampledFrom([]string{r.Typed(), r.Typed(), r.Typed(), "000000"}).Draw(t, "typed")
				got, err := r.Cast(claims(who), "token of "+who, d, "because", typed, "", "", now)
				allowed := want == Pending && !late && slices.Contains(r.Approvers, who) && who != r.Requester && !spent[who] && tries < MaxTries
				counts := allowed && typed == r.Typed()
				if counts != (err == nil) {
					t.Fatalf("%s %s at %v: counts %v, and yet %v", who, d, now, counts, err)
				}
				if allowed && !counts {
					tries++
				}
				if counts {
					spent[who] = true
					if approved[who] = d == Approve; d == Reject {
						want = Rejected
					} else if len(approved) >= r.Quorum {
						want = Approved
					}
				}
				if was != Pending && !fault.Is(err, fault.Conflict) && slices.Contains(r.Approvers, who) && who != r.Requester {
					t.Fatalf("a vote after the decision is told %v", err)
				}
				r = got
			}
			if r.Status != want || len(r.Votes) != len(spent) || r.Attempts != tries {
				t.Fatalf("%s with %d votes and %d tries, want %s, %d, %d", r.Status, len(r.Votes), r.Attempts, want, len(spent), tries)
			}
			if was != Pending && r.Status != was {
				t.Fatalf("%s became %s", was, r.Status)
			}
			if was == Pending && r.Status != Pending {
				finals++
			}
			b, err := json.Marshal(r)
			var back Request
			if err != nil || json.Unmarshal(b, &back) != nil || fmt.Sprint(back) != fmt.Sprint(r) {
				t.Fatalf("does not read back: %v", err)
			}
		}
		if finals > 1 || (finals == 1) != (r.Status != Pending) {
			t.Fatalf("%d final decisions, ended %s", finals, r.Status)
		}
		ends[r.Status]++
	})
	for _, s := range []Status{Approved, Rejected, Expired} {
		if ends[s] == 0 {
			t.Errorf("no sequence ended %s: the property was not put to the test", s)
		}
	}
}
