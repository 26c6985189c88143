// Package selection chooses, among the data versions that were registered for one question, the one to train on: by a rule that is data, and
// with a reason for each that was not chosen.
package selection

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"mlops/shared/fault"
	"mlops/shared/number"
)

// Candidate is what the rule knows of a data version.
type Candidate struct {
	Dataset   string    `json:"dataset"`
	Version   string    `json:"version"`
	Created   time.Time `json:"created"`
	Unread    string    `json:"unread,omitempty"` // why its manifest cannot be read; then nothing below is known
	Critical  int       `json:"critical"`         // expectations of severity critical that it failed
	Failed    bool      `json:"failed"`           // it did not pass its validation
	Warnings  int       `json:"warnings"`
	Rows      int       `json:"rows"`      // of all parts
	Positives int       `json:"positives"` // rows of the rarest class; -1 for regression
	Question  string    `json:"question"`  // target, task and positive class in words
	Assembled bool      `json:"assembled"` // a retraining made it, with labelled traffic
	Lacks     []string  `json:"lacks,omitempty"`
	Adds      []string  `json:"adds,omitempty"` // features beside those of the version that serves, and Lacks those it has not
	Score     *Score    `json:"score,omitempty"`
	Drift     *Drift    `json:"drift,omitempty"`
	NoDrift   string    `json:"no_drift,omitempty"` // why it was not measured
}

// Name is the candidate as people write it: heart@0123456789ab.
func (c Candidate) Name() string { return fmt.Sprintf("%s@%.12s", c.Dataset, c.Version) }

// Score is the cross-validated score of a quick model on the candidate's own rows.
type Score struct {
	Metric  string       `json:"metric"`
	Greater bool         `json:"greater"` // a greater value is better
	Mean    number.Float `json:"mean"`
	SE      number.Float `json:"se"`
	Rows    int          `json:"rows"`
}

// Drift is how far the candidate's features are from live traffic.
type Drift struct {
	Share   number.Float `json:"share"` // of the features that drifted, after correction for all of them
	Drifted int          `json:"drifted"`
	Columns int          `json:"columns"`
	Rows    int          `json:"rows"` // of traffic
}

// Pin is a person's choice, which goes before the rule.
type Pin struct {
	Version string    `json:"version"`
	By      string    `json:"by"`
	Why     string    `json:"why"`
	At      time.Time `json:"at"`
}

// Facts is everything that a choice depends on.
type Facts struct {
	Now        time.Time
	Renewal    bool    // to be retrained with the labels that came since: what was assembled is made anew from its parent
	Question   string  // that the model answers; "" = that of the newest candidate which can be read
	DelayDays  float64 // from a request to its label, the median of the newest window; 0 = not known
	Pin        *Pin
	Candidates []Candidate
}

// The states of a candidate.
const (
	Chosen     = "chosen"
	PassedOver = "passed over"
	Refused    = "refused"
)

// Verdict is what became of one candidate.
type Verdict struct {
	Candidate
	Status    string   `json:"status"`
	Criterion string   `json:"criterion,omitempty"` // that passed it over
	Why       []string `json:"why"`
}

// Choice is the outcome, to be shown and recorded.
type Choice struct {
	Policy    string    `json:"policy"` // digest of the rule
	Dataset   string    `json:"dataset"`
	Version   string    `json:"version"`
	Decided   string    `json:"decided"` // only, pinned, a criterion, or newest
	Reasons   []string  `json:"reasons"`
	DelayDays float64   `json:"label_delay_days"`
	Verdicts  []Verdict `json:"candidates"` // chosen first, then those passed over, the last to go first, then the refused
}

// How a choice was decided where no criterion did.
const (
	ByPin    = "pinned" // a person's choice
	ByOnly   = "only"   // the others, if any, were refused
	ByNewest = "newest" // alike by every criterion
)

// Select refuses what must not be trained on, and then lets the criteria decide in the policy's order: each compares those that are left with
// the best of them, and those behind it by more than the tolerance go. A criterion that is not known of one of them decides nothing about
// that one. What no criterion tells apart is decided by age, the newest first, and at last by the digest: the outcome does not depend on the
// order of the candidates. A pin goes before the criteria, not before the refusals for failed data. Invalid, naming each with its reasons,
// when nothing is left.
func Select(f Facts, p Policy) (Choice, error) {
	c := Choice{Policy: p.Digest(), DelayDays: f.DelayDays}
	candidates := slices.Clone(f.Candidates)
	slices.SortFunc(candidates, newer)
	if f.Question == "" {
		f.Question = question(candidates)
	}
	var left []Candidate
	var refused []Verdict
	for _, x := range candidates {
		if why := p.refuse(x, f); len(why) > 0 {
			refused = append(refused, Verdict{Candidate: x, Status: Refused, Why: why})
		} else {
			left = append(left, x)
		}
	}
	if len(left) == 0 {
		return c, nothing(refused)
	}
	var over []Verdict
	switch pinned := pinned(left, f.Pin); {
	case pinned >= 0:
		for i, x := range left {
			if i != pinned {
				over = append(over, Verdict{x, PassedOver, ByPin, []string{"another version is pinned"}})
			}
		}
		left = left[pinned : pinned+1]
		c.Decided, c.Reasons = ByPin, []string{fmt.Sprintf("pinned by %s at %s: %s", f.Pin.By, f.Pin.At.UTC().Format(time.RFC3339), f.Pin.Why)}
	case len(left) == 1:
		c.Decided, c.Reasons = ByOnly, []string{"it is the only one that can be trained on"}
	default:
		over = p.decide(&c, &left, f)
	}
	best := left[0]
	c.Dataset, c.Version = best.Dataset, best.Version
	if f.Pin != nil && c.Decided != ByPin {
		c.Reasons = append(c.Reasons, fmt.Sprintf("the pinned version %.12s cannot be trained on, so the rule chose", f.Pin.Version))
	}
	if len(refused) > 0 {
		c.Reasons = append(c.Reasons, fmt.Sprintf("%d refused", len(refused)))
	}
	slices.Reverse(over)
	c.Verdicts = append(append([]Verdict{{best, Chosen, "", c.Reasons}}, over...), refused...)
	return c, nil
}

// decide runs the criteria over left until one is left, and says why each went.
func (p Policy) decide(c *Choice, left *[]Candidate, f Facts) (over []Verdict) {
	for _, name := range p.Order {
		k := criteria[name]
		kept, gone := k.keep(*left, p, f)
		for i := range gone {
			gone[i].Criterion = name
		}
		over = append(over, gone...)
		if len(gone) > 0 {
			c.Decided = name
			c.Reasons = append(c.Reasons, fmt.Sprintf("%s: %d of %d left; best is %s", name, len(kept), len(*left), k.show(best(kept, k, f), f)))
		}
		if *left = kept; len(kept) == 1 {
			return over
		}
	}
	c.Decided = ByNewest
	c.Reasons = append(c.Reasons, fmt.Sprintf("%d are alike by every criterion: the newest of them", len(*left)))
	for _, x := range (*left)[1:] {
		over = append(over, Verdict{x, PassedOver, ByNewest, []string{"alike by every criterion, and older"}})
	}
	return over
}

func newer(a, b Candidate) int {
	if c := b.Created.Compare(a.Created); c != 0 {
		return c
	}
	return strings.Compare(a.Dataset+a.Version, b.Dataset+b.Version)
}

// question is what the newest readable candidate asks.
func question(candidates []Candidate) string {
	for _, c := range candidates {
		if c.Unread == "" {
			return c.Question
		}
	}
	return ""
}

func pinned(left []Candidate, pin *Pin) int {
	if pin == nil {
		return -1
	}
	return slices.IndexFunc(left, func(c Candidate) bool { return c.Version == pin.Version })
}

// refuse is why a candidate must not be trained on; none = it may. What a person pinned may be small, assembled, or of other columns.
func (p Policy) refuse(c Candidate, f Facts) (why []string) {
	no := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	if c.Unread != "" {
		no("%s", c.Unread)
		return why
	}
	if c.Critical > 0 || c.Failed {
		no("it failed %d expectations of severity critical", c.Critical)
	}
	if c.Question != f.Question {
		no("it asks another question: %s, not %s", c.Question, f.Question)
	}
	if f.Pin != nil && f.Pin.Version == c.Version {
		return why
	}
	if f.Renewal && c.Assembled {
		no("a retraining assembled it: it is made anew from its parent and all labels")
	}
	if c.Rows < p.MinRows {
		no("%d rows are fewer than %d", c.Rows, p.MinRows)
	}
	if c.Positives >= 0 && c.Positives < p.MinPositives {
		no("%d rows of its rarest class are fewer than %d", c.Positives, p.MinPositives)
	}
	if p.MaxAgeDays > 0 && f.Now.Sub(c.Created) > days(p.MaxAgeDays) {
		no("it is %.0f days old, more than %g", f.Now.Sub(c.Created).Hours()/24, p.MaxAgeDays)
	}
	if p.SameFeatures && len(c.Lacks)+len(c.Adds) > 0 {
		no("other features than the version that serves: lacks [%s], adds [%s]; pin it to train on it", strings.Join(c.Lacks, ", "), strings.Join(c.Adds, ", "))
	}
	return why
}

func nothing(refused []Verdict) error {
	e := fault.Invalidf("choose the data to train on: none of %d versions can be", len(refused))
	for _, v := range refused {
		e.With(fault.Detail{Field: v.Name(), Code: "refused", Expected: strings.Join(v.Why, "; ")})
	}
	return e
}

func days(d float64) time.Duration {
	return time.Duration(math.Min(d, 36500) * 24 * float64(time.Hour))
}
