package registry

import (
	"fmt"
	"strings"
	"time"

	"mlops/shared/fault"
)

// Promote makes version n the champion, and the champion it finds the previous version. sha is the artefact's digest that was decided
// upon, expect the champion's number when it was decided (0 = none): a decision about a world that has moved on does not act. Errors:
// fault.NotFound when n does not exist; fault.Conflict when its digest is another, when the champion is not expect or is n already, or
// when n has not passed the gate. forced lifts only the last: it is a person's override, and stays visible in the pointer and the move.
func (s State) Promote(n int, sha string, expect int, forced bool, now time.Time) (State, Move, error) {
	v, err := s.existing(n, "promote")
	if err != nil {
		return s, Move{}, err
	}
	if err := s.expects(expect); err != nil {
		return s, Move{}, err
	}
	switch {
	case v.SHA256 != sha:
		return s, Move{}, fault.Conflictf("version %d of %s has digest %.12s.., not %.12s..: what was decided upon is not what would serve; decide anew",
			n, s.Model, v.SHA256, sha)
	case expect == n:
		return s, Move{}, fault.Conflictf("version %d is the champion of %s already", n, s.Model)
	case v.Status != Passed && !forced:
		return s, Move{}, fault.Conflictf("version %d of %s is %s, and only one that passed the gate is promoted: run the gate, or force it with a reason",
			n, s.Model, v.Status)
	}
	return s.crown(KindPromote, v, forced, now)
}

// Rollback makes an earlier champion, or a version that passed the gate, the champion again, and the one it leaves the previous version.
// to names the version; 0 means previous, and is taken only while nothing speaks against that one: it passed the gate and is not itself
// what a rollback left. So a rollback of a rollback happens when a person names the version, and a second call never brings back, unasked,
// the model that the first one left. expect is as in Promote. Errors: fault.NotFound when the target does not exist; fault.Conflict when
// there is no champion, the champion is not expect, the target is the champion, was refused by a person, or never proved itself; the
// message names the versions that can be taken.
func (s State) Rollback(to int, expect int, now time.Time) (State, Move, error) {
	if err := s.expects(expect); err != nil {
		return s, Move{}, err
	}
	if expect == 0 {
		return s, Move{}, fault.Conflictf("cannot roll back %s: no version of it serves; promote one", s.Model)
	}
	unasked := to == 0
	if unasked {
		if to = s.Aliases[Previous].Version; to == 0 {
			return s, Move{}, fault.Conflictf("cannot roll back %s to its previous version: there is none; %s", s.Model, s.choices())
		}
	}
	v, err := s.existing(to, "roll back to")
	if err != nil {
		return s, Move{}, err
	}
	switch {
	case to == expect:
		return s, Move{}, fault.Conflictf("cannot roll back %s to version %d: it is the champion; %s", s.Model, to, s.choices())
	case v.Status == Refused:
		return s, Move{}, fault.Conflictf("cannot roll back %s to version %d: a person refused it; %s", s.Model, to, s.choices())
	case v.Status != Passed && v.PromotedAt.IsZero():
		return s, Move{}, fault.Conflictf("cannot roll back %s to version %d: it is %s and never served; %s", s.Model, to, v.Status, s.choices())
	case unasked && !v.RolledBackAt.IsZero():
		return s, Move{}, fault.Conflictf("cannot roll back %s to its previous version %d unasked: a rollback left it at %s; name it to return to it, or another: %s",
			s.Model, to, v.RolledBackAt.Format(time.RFC3339), s.choices())
	case unasked && v.Status != Passed:
		return s, Move{}, fault.Conflictf("cannot roll back %s to its previous version %d unasked: it is %s, so it served by force only; name it to return to it, or another: %s",
			s.Model, to, v.Status, s.choices())
	}
	return s.crown(KindRollback, v, v.Status != Passed, now)
}

// Challenge makes version n the challenger: the one being judged against the champion. Errors: fault.NotFound; fault.Conflict when its
// digest is not sha, when it is the champion, or when the gate or a person was against it.
func (s State) Challenge(n int, sha string, now time.Time) (State, Move, error) {
	v, err := s.existing(n, "make a challenger of")
	switch {
	case err != nil:
		return s, Move{}, err
	case v.SHA256 != sha:
		return s, Move{}, fault.Conflictf("version %d of %s has digest %.12s.., not %.12s..: decide anew", n, s.Model, v.SHA256, sha)
	case s.Aliases[Champion].Version == n:
		return s, Move{}, fault.Conflictf("version %d is the champion of %s and cannot challenge itself", n, s.Model)
	case v.Status != Candidate && v.Status != Passed:
		return s, Move{}, fault.Conflictf("version %d of %s is %s and cannot be its challenger", n, s.Model, v.Status)
	}
	c := s.clone()
	from := c.point(Challenger, n, now, false)
	return c, Move{Alias: Challenger, From: from, To: n, SHA256: sha, At: instant(now), Kind: KindChallenge}, nil
}

// crown makes v the champion, whoever asked and why having been judged.
func (s State) crown(kind string, v Version, forced bool, now time.Time) (State, Move, error) {
	c, n, now := s.clone(), v.Number, instant(now)
	old := c.Aliases[Champion]
	c.point(Champion, n, now, forced)
	c.unpoint(Challenger, n)
	c.unpoint(Previous, n)
	if old.Version != 0 {
		c.point(Previous, old.Version, now, old.Forced)
		if kind == KindRollback {
			c.Versions[old.Version-1].RolledBackAt = now
		}
	}
	c.Versions[n-1].PromotedAt, c.Versions[n-1].RolledBackAt = now, time.Time{}
	return c, Move{Alias: Champion, From: old.Version, To: n, SHA256: v.SHA256, At: now, Forced: forced, Kind: kind}, nil
}

// point moves an alias in place and gives where it pointed before.
func (s State) point(a Alias, n int, now time.Time, forced bool) int {
	old := s.Aliases[a]
	s.Aliases[a] = Pointer{Version: n, Since: instant(now), Moves: old.Moves + 1, Forced: forced}
	return old.Version
}

// unpoint clears an alias in place if it points at n.
func (s State) unpoint(a Alias, n int) {
	if p := s.Aliases[a]; p.Version == n {
		s.Aliases[a] = Pointer{Since: p.Since, Moves: p.Moves + 1}
	}
}

// expects reports a champion other than the one a decision was made about.
func (s State) expects(expect int) error {
	if is := s.Aliases[Champion].Version; is != expect {
		return fault.Conflictf("the champion of %s is now %s, not %s: read the state again and decide anew", s.Model, versionName(is), versionName(expect))
	}
	return nil
}

func versionName(n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprintf("version %d", n)
}

// choices names the versions a rollback may take, for a message.
func (s State) choices() string {
	var names []string
	for i, v := range s.Candidates() {
		if i == 5 {
			names = append(names, "..")
			break
		}
		names = append(names, fmt.Sprint(v.Number))
	}
	if names == nil {
		return "no other version can be taken: promote one that passes the gate"
	}
	return "these can be taken: " + strings.Join(names, ", ")
}
