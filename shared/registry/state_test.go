package registry

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/shared/fault"
	"mlops/shared/number"
)

var day = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// digest makes a distinct digest from a small number.
func digest(i int) string { return fmt.Sprintf("%064x", i) }

// version is the i-th artefact, as training hands it over.
func version(i int) Version {
	return Version{SHA256: digest(i), Algorithm: "linear", Task: "binary", DataVersion: digest(1000 + i), Dataset: "heart", CreatedAt: day,
		Metrics: map[string]number.Float{"auc": 0.9, "log_loss": number.Float(math.Inf(1))}}
}

// story plays steps on an empty state; each must succeed. The steps: "register", "pass 1", "fail 1", "refuse 1", "promote 1",
// "force 1", "challenge 1", "rollback", "rollback 1". A day passes before each.
func story(t *testing.T, steps ...string) State {
	t.Helper()
	s := State{Model: "heart"}
	for i, step := range steps {
		n, err := play(s, step, day.AddDate(0, 0, i))
		if err != nil {
			t.Fatalf("step %d, %s: %v", i, step, err)
		}
		s = n
	}
	return s
}

func play(s State, step string, now time.Time) (State, error) {
	verb, arg, _ := strings.Cut(step, " ")
	var n int
	fmt.Sscan(arg, &n)
	champion := s.Aliases[Champion].Version
	var err error
	switch verb {
	case "register":
		s, _, err = s.Register(version(len(s.Versions) + 1))
	case "pass", "fail":
		s, err = s.Gated(n, verb == "pass", digest(500+n))
	case "refuse":
		s, err = s.Refuse(n, "segment over 70 is worse")
	case "promote", "force":
		s, _, err = s.Promote(n, digest(n), champion, verb == "force", now)
	case "challenge":
		s, _, err = s.Challenge(n, digest(n), now)
	case "rollback":
		s, _, err = s.Rollback(n, champion, now)
	default:
		panic(step)
	}
	return s, err
}

// with gives steps and more, without writing into steps.
func with(steps []string, more ...string) []string { return slices.Concat(steps, more) }

// where tells the aliases as "champion/previous/challenger".
func where(s State) string {
	return fmt.Sprintf("%d/%d/%d", s.Aliases[Champion].Version, s.Aliases[Previous].Version, s.Aliases[Challenger].Version)
}

func TestStories(t *testing.T) {
	two := []string{"register", "pass 1", "promote 1", "register", "pass 2", "promote 2"}
	bad := with(two, "register", "fail 3", "force 3") // the forced hotfix
	for _, c := range []struct {
		name  string
		steps []string
		then  string // the step judged
		kind  fault.Kind
		says  string // part of the error; "" = it succeeds
		where string // champion/previous/challenger afterwards
	}{
		{"first version", []string{"register", "pass 1"}, "promote 1", 0, "", "1/0/0"},
		{"second version", two[:5], "promote 2", 0, "", "2/1/0"},
		{"not gated", []string{"register"}, "promote 1", fault.Conflict, "is candidate", "0/0/0"},
		{"gate refused", []string{"register", "fail 1"}, "promote 1", fault.Conflict, "is failed", "0/0/0"},
		{"gate refused, forced", []string{"register", "fail 1"}, "force 1", 0, "", "1/0/0"},
		{"person refused", []string{"register", "pass 1", "refuse 1"}, "promote 1", fault.Conflict, "is refused", "0/0/0"},
		{"person refused, then forced", []string{"register", "pass 1", "refuse 1"}, "force 1", 0, "", "1/0/0"},
		{"promoted twice", two, "promote 2", fault.Conflict, "champion of heart already", "2/1/0"},
		{"unknown version", two, "promote 7", fault.NotFound, "versions 1 to 2", "2/1/0"},
		{"version zero", two, "promote 0", fault.NotFound, "", "2/1/0"},
		{"promoting previous again", two, "promote 1", 0, "", "1/2/0"},

		{"rollback of the forced hotfix", bad, "rollback", 0, "", "2/3/0"},
		{"a second rollback does not restore the bad model", with(bad, "rollback"), "rollback", fault.Conflict, "a rollback left it at 2026-03-10T09:00:00Z; name it", "2/3/0"},
		{"a second rollback names the next good one", with(bad, "rollback"), "rollback 1", 0, "", "1/2/0"},
		{"rollback of a rollback, by name", with(bad, "rollback"), "rollback 3", 0, "", "3/2/0"},
		{"rollback of a good version, twice", with(two, "rollback"), "rollback", fault.Conflict, "no other version can be taken", "1/2/0"},
		{"promoted again after a rollback, it is good again", with(two, "rollback", "promote 2", "register", "pass 3", "promote 3"), "rollback", 0, "", "2/3/0"},
		{"previous served by force only", with(bad, "register", "pass 4", "promote 4"), "rollback", fault.Conflict, "by force only", "4/3/0"},
		{"previous served by force only, by name", with(bad, "register", "pass 4", "promote 4"), "rollback 3", 0, "", "3/4/0"},
		{"previous refused by a person", with(two, "refuse 1"), "rollback", fault.Conflict, "a person refused it", "2/1/0"},
		{"rollback to the champion", two, "rollback 2", fault.Conflict, "it is the champion; these can be taken: 1", "2/1/0"},
		{"rollback to one that never served nor passed", with(two, "register"), "rollback 3", fault.Conflict, "candidate and never served", "2/1/0"},
		{"rollback to one that passed but never served", with(two, "register", "pass 3"), "rollback 3", 0, "", "3/2/0"},
		{"rollback to an unknown version", two, "rollback 9", fault.NotFound, "cannot roll back to version 9", "2/1/0"},
		{"rollback without a previous", two[:3], "rollback", fault.Conflict, "there is none", "1/0/0"},
		{"rollback without a champion", two[:2], "rollback", fault.Conflict, "no version of it serves", "0/0/0"},

		{"challenger", two[:5], "challenge 2", 0, "", "1/0/2"},
		{"challenger wins", with(two[:5], "challenge 2"), "promote 2", 0, "", "2/1/0"},
		{"challenger fails the gate", with(two[:5], "challenge 2"), "fail 2", 0, "", "1/0/0"},
		{"challenger refused", with(two[:5], "challenge 2"), "refuse 2", 0, "", "1/0/0"},
		{"champion cannot challenge", two, "challenge 2", fault.Conflict, "cannot challenge itself", "2/1/0"},
		{"failed cannot challenge", with(two, "fail 1"), "challenge 1", fault.Conflict, "is failed", "2/1/0"},
		{"unknown challenger", two, "challenge 5", fault.NotFound, "make a challenger of version 5", "2/1/0"},

		{"champion that passed cannot fail", two, "fail 2", fault.Conflict, "roll back to leave it", "2/1/0"},
		{"forced champion fails", []string{"register", "force 1"}, "fail 1", 0, "", "1/0/0"},
		{"forced champion passes later", []string{"register", "force 1"}, "pass 1", 0, "", "1/0/0"},
		{"gate after a person's refusal", []string{"register", "refuse 1"}, "pass 1", fault.Conflict, "refused by a person", "0/0/0"},
		{"verdict on an unknown version", nil, "pass 1", fault.NotFound, "versions 1 to 0", "0/0/0"},
		{"champion cannot be refused", two, "refuse 2", fault.Conflict, "roll back first", "2/1/0"},
		{"refused twice", with(two, "refuse 1"), "refuse 1", 0, "", "2/1/0"},
		{"refusing an unknown version", two, "refuse 3", fault.NotFound, "cannot refuse version 3", "2/1/0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := story(t, c.steps...)
			before := encode(t, s)
			got, err := play(s, c.then, day.AddDate(0, 0, len(c.steps)))
			if c.says == "" && c.kind == fault.Internal && err != nil {
				t.Fatal(err)
			}
			if c.kind != fault.Internal && (!fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says)) {
				t.Fatalf("error %v, want kind %v that says %q", err, c.kind, c.says)
			}
			if where(got) != c.where {
				t.Errorf("champion/previous/challenger are %s, want %s", where(got), c.where)
			}
			if encode(t, s) != before {
				t.Error("the receiver was changed")
			}
			if err != nil && encode(t, got) != before {
				t.Error("a refused step changed the state")
			}
		})
	}
}

func TestPromoteExpects(t *testing.T) {
	s := story(t, "register", "pass 1", "promote 1", "register", "pass 2", "register", "pass 3", "promote 3")
	for _, c := range []struct {
		name   string
		sha    string
		expect int
		says   string
	}{
		{"decided before another promotion", digest(2), 1, "is now version 3, not version 1"},
		{"decided when nothing served", digest(2), 0, "is now version 3, not none"},
		{"artefact swapped after approval", digest(99), 3, "decide anew"},
		{"empty digest", "", 3, "decide anew"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, forced := range []bool{false, true} {
				_, m, err := s.Promote(2, c.sha, c.expect, forced, day)
				if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), c.says) || m != (Move{}) {
					t.Errorf("forced %v: got %v, %v", forced, m, err)
				}
			}
		})
	}
	if _, _, err := s.Rollback(1, 1, day); !fault.Is(err, fault.Conflict) {
		t.Errorf("rollback decided before another promotion: %v", err)
	}
	if _, _, err := s.Challenge(2, digest(99), day); !fault.Is(err, fault.Conflict) {
		t.Errorf("challenger with another digest: %v", err)
	}
}

func TestMoves(t *testing.T) {
	s := story(t, "register", "pass 1", "promote 1", "register", "fail 2")
	berlin := time.FixedZone("CET", 3600)
	now := time.Date(2026, 3, 9, 10, 0, 0, 0, berlin)
	s, m, err := s.Promote(2, digest(2), 1, true, now)
	want := Move{Alias: Champion, From: 1, To: 2, SHA256: digest(2), At: now.UTC(), Forced: true, Kind: KindPromote}
	if err != nil || m != want {
		t.Fatalf("got %+v, %v, want %+v", m, err, want)
	}
	if v, p, ok := s.At(Champion); !ok || v.Number != 2 || p != (Pointer{Version: 2, Since: now.UTC(), Moves: 2, Forced: true}) {
		t.Errorf("champion is %+v at %+v", v, p)
	}
	if v, p, ok := s.At(Previous); !ok || v.Number != 1 || p != (Pointer{Version: 1, Since: now.UTC(), Moves: 1}) {
		t.Errorf("previous is %+v at %+v", v, p)
	}
	if _, _, ok := s.At(Challenger); ok {
		t.Error("there is a challenger")
	}
	s, m, err = s.Rollback(0, 2, now)
	want = Move{Alias: Champion, From: 2, To: 1, SHA256: digest(1), At: now.UTC(), Kind: KindRollback}
	if err != nil || m != want {
		t.Fatalf("got %+v, %v, want %+v", m, err, want)
	}
	if p := s.Aliases[Previous]; !p.Forced || p.Version != 2 {
		t.Errorf("previous forgot that it served by force: %+v", p)
	}
	s, m, err = s.Rollback(2, 1, now)
	if err != nil || !m.Forced || !s.Aliases[Champion].Forced {
		t.Errorf("a failed version serves again without a mark: %+v, %v", m, err)
	}
	s = story(t, "register", "pass 1")
	_, m, _ = s.Promote(1, digest(1), 0, true, now)
	if !m.Forced {
		t.Error("an override of a version that passed leaves no mark")
	}
	s, m, err = s.Challenge(1, digest(1), now)
	if want := (Move{Alias: Challenger, To: 1, SHA256: digest(1), At: now.UTC(), Kind: KindChallenge}); err != nil || m != want {
		t.Errorf("got %+v, %v, want %+v", m, err, want)
	}
	if _, m, _ = s.Challenge(1, digest(1), now); m.From != 1 {
		t.Errorf("challenger again: %+v", m)
	}
}

func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []string
		want  []int
	}{
		{"nothing serves", []string{"register", "pass 1"}, nil},
		{"one version", []string{"register", "pass 1", "promote 1"}, nil},
		{"previous before a newer one that passed", []string{"register", "pass 1", "promote 1", "register", "pass 2", "register", "pass 3", "promote 3"}, []int{1, 2}},
		{"a newer one that never served is none", []string{"register", "pass 1", "promote 1", "register", "pass 2", "promote 2", "register", "pass 3"}, []int{1}},
		{"failed, refused, ungated ones are none", []string{"register", "fail 1", "register", "refuse 2", "register", "register", "pass 4", "promote 4"}, nil},
		{"one left by a rollback is none", []string{"register", "pass 1", "promote 1", "register", "pass 2", "promote 2", "register", "pass 3", "promote 3", "rollback"}, []int{1}},
		{"a newer one that served is one", []string{"register", "pass 1", "promote 1", "register", "pass 2", "promote 2", "register", "pass 3", "promote 3", "rollback 1"}, []int{2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []int
			for _, v := range story(t, c.steps...).Candidates() {
				got = append(got, v.Number)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestChoicesAreCapped(t *testing.T) {
	var steps []string
	for i := 1; i <= 9; i++ {
		steps = append(steps, "register", fmt.Sprintf("pass %d", i), fmt.Sprintf("promote %d", i))
	}
	_, _, err := story(t, steps...).Rollback(9, 9, day)
	if err == nil || !strings.HasSuffix(err.Error(), "these can be taken: 8, 7, 6, 5, 4, ..") {
		t.Error(err)
	}
}

func TestValuesAreNotShared(t *testing.T) {
	s := story(t, "register", "pass 1", "promote 1")
	before := encode(t, s)
	n, v, _ := s.Register(version(2))
	v.Metrics["auc"] = 0
	if n.Versions[1].Metrics["auc"] != 0.9 {
		t.Error("the returned version shares its metrics with the state")
	}
	n.Versions[0].Metrics["auc"] = 0
	n.Aliases[Champion] = Pointer{}
	for _, get := range []func() (Version, bool){
		func() (Version, bool) { return s.Version(1) },
		func() (Version, bool) { return s.Find(digest(1)) },
		func() (Version, bool) { v, _, ok := s.At(Champion); return v, ok },
	} {
		v, ok := get()
		if !ok {
			t.Fatal("version 1 is not found")
		}
		v.Metrics["auc"] = 0
	}
	if encode(t, s) != before {
		t.Error("a change of what was returned changed the state")
	}
	in := version(3)
	n, _, _ = s.Register(in)
	in.Metrics["auc"] = 0
	if n.Versions[1].Metrics["auc"] != 0.9 {
		t.Error("the state shares its metrics with the argument")
	}
}

func TestValidName(t *testing.T) {
	for s, want := range map[string]bool{
		"heart": true, "0": true, "a.b_c-d": true, "az09": true, strings.Repeat("a", 64): true,
		"": false, "Heart": false, ".heart": false, "-": false, "a/b": false, "a b": false, "é": false, "a\n": false, strings.Repeat("a", 65): false,
	} {
		if ValidName(s) != want {
			t.Errorf("ValidName(%q) is %v", s, !want)
		}
	}
}

func encode(t interface{ Fatal(...any) }, s State) string {
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
