package evaluate

import (
	"bytes"
	"encoding/json"
	"fmt"

	"mlops/shared/number"
)

// Verdicts of the gate.
const (
	Passed           = "passed"
	Failed           = "failed"
	InsufficientData = "insufficient_data" // too few labelled rows to tell: never a pass
)

// Check is one rule with what was measured.
type Check struct {
	Name       string          `json:"name"`
	Champion   number.Float    `json:"champion"`
	Challenger number.Float    `json:"challenger"`
	Diff       number.Float    `json:"diff"` // improvement of the challenger: above zero is better, whichever way the metric runs; score_shift: the PSI
	CI95       [2]number.Float `json:"ci95"` // of Diff; NaN where there is none
	N          int             `json:"n"`
	Rule       string          `json:"rule"`
	Passed     bool            `json:"passed"`
	Advisory   bool            `json:"advisory,omitempty"` // it warns when it does not pass, and decides nothing
	Note       string          `json:"note,omitempty"`
}

// Disagreement is a row on which the two models differ much.
type Disagreement struct {
	Row        int          `json:"row"`        // 0-based, in the frozen rows
	Actual     number.Float `json:"actual"`     // class index or value
	Champion   number.Float `json:"champion"`   // probability of the actual class, or the predicted value
	Challenger number.Float `json:"challenger"` // the same
}

// Report is the gate's answer, fit to be stored, shown and signed.
type Report struct {
	Verdict       string         `json:"verdict"` // passed, failed, insufficient_data
	Passed        bool           `json:"passed"`
	Metric        string         `json:"metric"`          // the primary one
	First         bool           `json:"first,omitempty"` // against the naive baseline, no champion being there
	Checks        []Check        `json:"checks"`
	Disagreements []Disagreement `json:"disagreements,omitempty"` // the largest, at most ten
	Rows          int            `json:"rows"`
	RowsDigest    string         `json:"rows_digest"`
	PolicyDigest  string         `json:"policy_digest"`
	SHA256        string         `json:"sha256"` // Digest(), filled in by the gate
	Champion      string         `json:"champion"`
	Challenger    string         `json:"challenger"`
}

// Digest is the lower hex SHA-256 of the report's canonical JSON (keys sorted, no white space) with SHA256 left empty. A stored report
// is untouched when Digest() equals its SHA256.
func (r Report) Digest() string {
	r.SHA256 = ""
	return digest(r)
}

// Failed are the checks that decided against the challenger.
func (r Report) Failed() []Check {
	var failed []Check
	for _, c := range r.Checks {
		if !c.Passed && !c.Advisory {
			failed = append(failed, c)
		}
	}
	return failed
}

// Check finds a check by name.
func (r Report) Check(name string) (Check, bool) {
	for _, c := range r.Checks {
		if c.Name == name {
			return c, true
		}
	}
	return Check{}, false
}

// canonical is v as JSON in one form only: keys sorted, no white space, no escapes beyond those JSON needs.
func canonical(v any) []byte {
	decoder := json.NewDecoder(bytes.NewReader(encode(v)))
	decoder.UseNumber() // figures keep their text
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		panic(fmt.Sprintf("evaluate: decode what was just encoded: %v", err)) // cannot happen
	}
	return bytes.TrimSuffix(encode(tree), []byte("\n"))
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("evaluate: encode %T: %v", v, err)) // only plain figures and text are encoded here, NaN as text
	}
	return b.Bytes()
}
