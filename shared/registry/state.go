// Package registry is one model's versions and which of them serves: a value, State, and the pure rules by which it changes. Bytes are
// immutable and named by their digest; only aliases move, each move says what it expected to find, and every rule here is one that a
// store can commit as a single conditional write.
package registry

import (
	"maps"
	"slices"
	"time"

	"mlops/shared/number"
)

// Alias is a name that points at a version.
type Alias string

// The aliases there are.
const (
	Champion   Alias = "champion"   // serves
	Challenger Alias = "challenger" // next in line: being judged against the champion
	Previous   Alias = "previous"   // was champion just before
)

// Status is what is known about a version's worth.
type Status string

// The statuses.
const (
	Candidate Status = "candidate" // not gated yet
	Passed    Status = "passed"    // the gate let it through
	Failed    Status = "failed"    // the gate did not
	Refused   Status = "refused"   // a person rejected it
)

// Version is one trained artefact and where it comes from. Number, Status, Gate, PromotedAt and RolledBackAt are the registry's own: what
// a caller of Register puts there is ignored.
type Version struct {
	Number       int                     `json:"number"`                  // 1, 2, 3, .. without a gap
	SHA256       string                  `json:"sha256"`                  // of the artefact's bytes: 64 lower-case hex digits
	Algorithm    string                  `json:"algorithm"`               // e.g. "linear"
	Task         string                  `json:"task"`                    // binary, multiclass, regression
	DataVersion  string                  `json:"data_version"`            // digest of the training data
	Dataset      string                  `json:"dataset"`                 // its name
	CreatedAt    time.Time               `json:"created_at"`              //
	Status       Status                  `json:"status"`                  //
	Gate         string                  `json:"gate,omitempty"`          // digest of the gate's report, once gated
	Metrics      map[string]number.Float `json:"metrics,omitempty"`       // cross-validated, by metric key
	Incident     string                  `json:"incident,omitempty"`      // the incident it was trained to mend
	Warning      string                  `json:"warning,omitempty"`       // what whoever decides about it should know: columns that leak the target
	Reason       string                  `json:"reason,omitempty"`        // why it was trained or, once refused, why it was refused
	PromotedAt   time.Time               `json:"promoted_at,omitzero"`    // when it last became champion; zero = never
	RolledBackAt time.Time               `json:"rolled_back_at,omitzero"` // when a rollback left it; zero again once it is champion again
}

// Pointer is where an alias points.
type Pointer struct {
	Version int       `json:"version"`          // 0 = nowhere (kept for its count of moves)
	Since   time.Time `json:"since"`            // of the last move
	Moves   int64     `json:"moves"`            // how often it has moved: only grows, so a reader can tell newer from older
	Forced  bool      `json:"forced,omitempty"` // it serves by a person's override of the gate
}

// State is everything about one model that a decision may change. It is an immutable value: methods return a changed deep copy and leave
// the receiver as it was, so a store may re-run them when a write meets another one. Invariants, kept by every method: versions are
// numbered 1..n without gap, digests are distinct, every alias points at a version that exists, challenger and previous are
// other versions than the champion, and the champion passed the gate or is marked as forced.
type State struct {
	Model    string            `json:"model"`
	Versions []Version         `json:"versions"` // in order of Number
	Aliases  map[Alias]Pointer `json:"aliases"`
	// KillSwitch stops every action of the agent; DryRun lets it propose only. The registry carries them, the agent's policy obeys them.
	KillSwitch bool `json:"kill_switch"`
	DryRun     bool `json:"dry_run"`
}

// Move is one change of an alias, as the ledger tells it.
type Move struct {
	Alias  Alias     `json:"alias"`
	From   int       `json:"from"` // 0 = it pointed nowhere
	To     int       `json:"to"`
	SHA256 string    `json:"sha256"` // of To
	At     time.Time `json:"at"`
	Forced bool      `json:"forced,omitempty"`
	Kind   string    `json:"kind"` // KindPromote, KindRollback, KindChallenge
}

// The kinds of Move.
const (
	KindPromote   = "promote"
	KindRollback  = "rollback"
	KindChallenge = "challenge"
)

// Version gives version n.
func (s State) Version(n int) (Version, bool) {
	if n < 1 || n > len(s.Versions) {
		return Version{}, false
	}
	return s.Versions[n-1].clone(), true
}

// Find gives the version whose artefact has the digest sha.
func (s State) Find(sha string) (Version, bool) {
	for _, v := range s.Versions {
		if v.SHA256 == sha {
			return v.clone(), true
		}
	}
	return Version{}, false
}

// At gives the version an alias points at, and the pointer itself; false when it points nowhere.
func (s State) At(alias Alias) (Version, Pointer, bool) {
	p := s.Aliases[alias]
	v, ok := s.Version(p.Version)
	return v, p, ok
}

// Candidates are the versions a rollback may go to without a person naming one, best first: previous, then the others by falling number.
// Each passed the gate, was not left by a rollback since it last served, is not the champion, and is older than the champion or served
// once. It is empty when there is no champion to leave.
func (s State) Candidates() []Version {
	champion, previous := s.Aliases[Champion].Version, s.Aliases[Previous].Version
	if champion == 0 {
		return nil
	}
	var c []Version
	for _, v := range slices.Backward(s.Versions) {
		if v.Number != champion && v.proven() && (v.Number < champion || !v.PromotedAt.IsZero()) {
			c = append(c, v.clone())
		}
	}
	slices.SortStableFunc(c, func(a, b Version) int { return rank(a, previous) - rank(b, previous) })
	return c
}

// rank puts the version previous before the others.
func rank(v Version, previous int) int {
	if v.Number == previous {
		return 0
	}
	return 1
}

// proven reports whether nothing speaks against v: the gate passed it and no rollback has left it since it last served.
func (v Version) proven() bool { return v.Status == Passed && v.RolledBackAt.IsZero() }

// clone copies v so that no map is shared.
func (v Version) clone() Version {
	v.Metrics = maps.Clone(v.Metrics)
	return v
}

// clone copies s so that nothing is shared, with a map of aliases that may be written.
func (s State) clone() State {
	s.Versions = slices.Clone(s.Versions)
	for i := range s.Versions {
		s.Versions[i] = s.Versions[i].clone()
	}
	if s.Aliases = maps.Clone(s.Aliases); s.Aliases == nil {
		s.Aliases = map[Alias]Pointer{}
	}
	return s
}

// ValidName reports whether s may name a model or a dataset: ^[a-z0-9][a-z0-9._-]{0,63}$. Names go into keys, paths, links and mail
// subjects, so the set is narrow on purpose.
func ValidName(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}
