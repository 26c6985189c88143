// Package alert says when somebody is to be told of what was measured: rules as data, each a figure of a window, a threshold, and in how many
// of the last windows it must be passed, and a pure evaluation that turns windows into rules that begin and cease to fire, each said once.
package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"

	"mlops/shared/drift"
	"mlops/shared/fault"
)

// Policy is the rules that every measured window is held against. It is data: read from alerts.yaml, validated as a whole, and named by its
// digest in whatever is said because of it. A file replaces the list of rules as a whole.
type Policy struct {
	Rules []Rule `json:"rules" yaml:"rules"`
}

// Rule is one condition.
type Rule struct {
	Name           string   `json:"name" yaml:"name"`                                   // what an alert is called: a letter, then letters, digits and underscores
	What           string   `json:"what" yaml:"what"`                                   // the figure, one of Figures
	Findings       []string `json:"findings,omitempty" yaml:"findings"`                 // finding: the kinds that count; empty = all but those that only inform
	Features       []string `json:"features,omitempty" yaml:"features"`                 // figures of a feature: patterns as of path.Match; empty = every feature
	Above          float64  `json:"above" yaml:"above"`                                 // a window is bad when the figure exceeds it
	Below          *float64 `json:"below,omitempty" yaml:"below"`                       // .. or, where it is set, when the figure is less
	Bad            int      `json:"bad" yaml:"bad"`                                     // k: it fires when so many windows are bad ..
	Of             int      `json:"of" yaml:"of"`                                       // .. of the last n that say something, and ceases when none of them is
	Severity       string   `json:"severity" yaml:"severity"`                           // info (shown, nobody is told), warning, critical
	Owner          string   `json:"owner,omitempty" yaml:"owner"`                       // who is told by mail; "" = the platform's owner
	SilenceMinutes int      `json:"silence_minutes,omitempty" yaml:"silence_minutes"`   // after it was said that it fires, it is not said again for so long
	Agent          bool     `json:"agent,omitempty" yaml:"agent"`                       // the agent decides about it as about an outside monitor's alert, and tells the owner
	Description    string   `json:"description,omitempty" yaml:"description,omitempty"` // for people
}

// Severities of a rule.
const (
	Info     = "info"
	Warning  = "warning"
	Critical = "critical"
)

// figure is one thing a rule may look at.
type figure struct {
	feature bool // one value for each feature
	about   string
}

// Figures are what a rule may look at. Of a window that cannot say (no labels, too few rows), such a figure is not known, and the rule
// waits; those of the capture itself are always known.
var figures = map[string]figure{
	"performance_loss": {about: "1 when the performance is lost: realised where there are labels, else estimated"},
	"realised_loss":    {about: "how much worse than in training on labels, in the metric's unit"},
	"estimated_loss":   {about: "how much worse than in training, without labels"},
	"estimate_error":   {about: "how far the estimate lies from the realised performance; 0 within the latter's 95 % interval"},
	"dataset_drift":    {about: "1 when the dataset drifted"},
	"drift_share":      {about: "share of columns that drifted"},
	"verdict":          {about: "0 ok, 1 warn, 2 alert"},
	"drift_score":      {feature: true, about: "total variation distance of a feature, 0 to 1"},
	"drift_effect":     {feature: true, about: "shift of a feature's mean in standard deviations, without its sign; of a category the distance"},
	"missing_increase": {feature: true, about: "how much larger a feature's share of missing values is"},
	"finding":          {feature: true, about: "size of a feature's finding, in the finding's unit, without its sign"},
	"broken_data":      {feature: true, about: "1 when a feature has a finding of severity alert: data that cannot be right"},
	"rows":             {about: "answered rows in the window"},
	"insufficient":     {about: "1 when the window had too few rows to say anything"},
	"duplicate_share":  {about: "share of rows that repeat an earlier one"},
	"broken_lines":     {about: "capture and label lines that could not be read"},
	"label_share":      {about: "share of rows whose label is known"},
	"label_delay_days": {about: "median days from a prediction to its label"},
}

// Figures are the names of what a rule may look at, ascending, with what each is.
func Figures() (names []string, about map[string]string) {
	about = map[string]string{}
	for name, f := range figures {
		names, about[name] = append(names, name), f.about
	}
	slices.Sort(names)
	return names, about
}

// DefaultPolicy is used where nothing else is configured.
func DefaultPolicy() Policy {
	return Policy{Rules: []Rule{
		// Two of three windows, as the agent's own rule (remedy.DefaultPolicy, CloudWatch's "M out of N"); the loss that matters is drift.Policy's.
		{Name: "performance_loss", What: "performance_loss", Above: 0.5, Bad: 2, Of: 3, Severity: Critical, SilenceMinutes: 24 * 60,
			Description: "the model got worse than chance explains"},
		// One window: data that cannot be right is wrong in one window as in ten, and every hour of it is answered wrongly.
		{Name: "broken_data", What: "broken_data", Above: 0.5, Bad: 1, Of: 1, Severity: Critical, SilenceMinutes: 24 * 60,
			Description: "a feature arrives broken: missing, rescaled, constant, of another type"},
		// remedy.DefaultPolicy's estimate_tolerance: from there on an estimate describes another model than the one that answers.
		{Name: "estimate_error", What: "estimate_error", Above: 0.05, Bad: 2, Of: 3, Severity: Warning, SilenceMinutes: 7 * 24 * 60,
			Description: "the labels contradict the estimate of the performance"},
		// One is one too many: what is written by the platform can be read by it.
		{Name: "broken_lines", What: "broken_lines", Above: 0, Bad: 1, Of: 1, Severity: Warning, SilenceMinutes: 24 * 60,
			Description: "capture or label lines cannot be read: somebody else writes into the bucket, or an object was damaged"},
		// Drift that costs nothing is shown and wakes nobody.
		{Name: "dataset_drift", What: "dataset_drift", Above: 0.5, Bad: 2, Of: 3, Severity: Info, Description: "the data is not what the model was trained on"},
		// A total variation of 0.2 is a shift of half a standard deviation, what Cohen (1988) calls a medium effect.
		{Name: "feature_drift", What: "drift_score", Above: 0.2, Bad: 2, Of: 3, Severity: Info, Description: "a feature moved by half a standard deviation or more"},
		// remedy.DefaultPolicy's duplicate_share.
		{Name: "duplicates", What: "duplicate_share", Above: 0.5, Bad: 1, Of: 1, Severity: Info, Description: "most rows repeat earlier ones: a batch was sent twice"},
	}}
}

// Limits of a policy.
const (
	maxRules    = 100
	maxOf       = 50
	maxSilence  = 90 * 24 * 60 // minutes
	maxPatterns = 1000
)

var nameForm = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]{0,63}$`)

// kinds are the findings a rule may name.
var kinds = []string{drift.Covariate, drift.Prediction, drift.MissingRate, drift.AllNull, drift.NewCategory, drift.VanishedCategory, drift.UnitChange, drift.Constant, drift.NonFinite, drift.WrongType, drift.MissingColumn, drift.Joint, drift.Domain, drift.Target, drift.OneClass, drift.UnknownClass, drift.NegativeTarget, drift.UnmatchedLabel, drift.BadPrediction, drift.SegmentShare, drift.SegmentDrift, drift.SegmentLoss, drift.Duplicates, drift.RowCount, drift.EmptyReference, drift.ExtraColumn, drift.ColumnOrder, drift.ColumnType}

// Validate names every fault of the rules at once, by the field's path in alerts.yaml; nil when there is none.
func (p Policy) Validate() error {
	var d []fault.Detail
	wrong := func(field, code string, got any, expected string) {
		d = append(d, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
	}
	if len(p.Rules) > maxRules {
		wrong("rules", "too_many", len(p.Rules), fmt.Sprintf("at most %d", maxRules))
	}
	names, _ := Figures()
	seen := map[string]bool{}
	for i, r := range p.Rules[:min(len(p.Rules), maxRules)] {
		at := func(field string) string { return fmt.Sprintf("rules[%d].%s", i, field) }
		if !nameForm.MatchString(r.Name) {
			wrong(at("name"), "wrong_value", r.Name, "a letter, then letters, digits and underscores, 64 at most")
		}
		if seen[r.Name] {
			wrong(at("name"), "duplicate", r.Name, "each name once")
		}
		seen[r.Name] = true
		f, known := figures[r.What]
		if !known {
			wrong(at("what"), "unknown_value", r.What, strings.Join(names, ", "))
		}
		if len(r.Findings) > 0 && r.What != "finding" {
			wrong(at("findings"), "not_used", r.Findings, "only with what: finding")
		}
		for k, kind := range r.Findings {
			if !slices.Contains(kinds, kind) {
				wrong(at(fmt.Sprintf("findings[%d]", k)), "unknown_value", kind, strings.Join(kinds, ", "))
			}
		}
		if len(r.Features) > 0 && known && !f.feature {
			wrong(at("features"), "not_used", r.What, "a figure of a feature")
		}
		if len(r.Features) > maxPatterns {
			wrong(at("features"), "too_many", len(r.Features), fmt.Sprintf("at most %d", maxPatterns))
		}
		for k, pattern := range r.Features {
			if _, err := path.Match(pattern, ""); err != nil {
				wrong(at(fmt.Sprintf("features[%d]", k)), "wrong_value", pattern, "a pattern: * any text, ? any character, [a-c] one of these")
			}
		}
		if math.IsNaN(r.Above) || math.IsInf(r.Above, 0) {
			wrong(at("above"), "out_of_range", fmt.Sprint(r.Above), "a number")
		}
		if r.Below != nil && (math.IsNaN(*r.Below) || math.IsInf(*r.Below, 0) || r.Above != 0) {
			wrong(at("below"), "out_of_range", fmt.Sprint(*r.Below), "a number, and then no above")
		}
		if r.Of < 1 || r.Of > maxOf {
			wrong(at("of"), "out_of_range", r.Of, fmt.Sprintf("1 to %d", maxOf))
		}
		if r.Bad < 1 || r.Bad > max(1, r.Of) {
			wrong(at("bad"), "out_of_range", r.Bad, fmt.Sprintf("1 to %d, of", max(1, r.Of)))
		}
		if levels := []string{Info, Warning, Critical}; !slices.Contains(levels, r.Severity) {
			wrong(at("severity"), "unknown_value", r.Severity, strings.Join(levels, ", "))
		}
		if r.Owner != "" && !address(r.Owner) {
			wrong(at("owner"), "wrong_value", r.Owner, "a mail address")
		}
		if r.SilenceMinutes < 0 || r.SilenceMinutes > maxSilence {
			wrong(at("silence_minutes"), "out_of_range", r.SilenceMinutes, fmt.Sprintf("0 to %d", maxSilence))
		}
		if len(r.Description) > 400 {
			wrong(at("description"), "too_long", len(r.Description), "at most 400 characters")
		}
	}
	if d != nil {
		return fault.Invalidf("the alert rules have %d of their values wrong", len(d)).With(d...)
	}
	return nil
}

// address reports whether s is one mail address on one line.
func address(s string) bool {
	name, host, found := strings.Cut(s, "@")
	return found && name != "" && host != "" && len(s) <= 254 && !strings.ContainsAny(s, " \t\r\n<>,;\"") && !strings.Contains(host, "@")
}

// Digest is the lower-case hex SHA-256 of the policy's JSON: equal policies have equal digests.
func (p Policy) Digest() string {
	b, err := json.Marshal(p)
	if err != nil { // a threshold that is no number, which Validate refuses
		b = []byte(err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
