// Package replay plays recorded incidents to the agent and to four agents without judgement, and scores them all alike.
package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"mlops/shared/fault"
	"mlops/shared/remedy"
)

// Limits on what is read.
const (
	maxBytes = 1 << 20 // of a scenario
	maxSteps = 20
)

// Scenario is one story: what is observed, step by step, under which policy, and what a good agent does.
type Scenario struct {
	Name   string
	Story  string // a few lines for people
	Policy remedy.Policy
	Steps  []Step
}

// Step is one observation and what is wanted of it.
type Step struct {
	Observation remedy.Observation
	Want        Want
}

// Want is what a good agent does. Empty strings and nil ask for nothing.
type Want struct {
	Action           string   `json:"action"`            // one action, or several that are equally good with | between
	MustNot          []string `json:"must_not"`          // actions that would do harm, unless they are held back
	Cause            string   `json:"cause"`             //
	Stage            string   `json:"stage"`             //
	Incident         string   `json:"incident"`          //
	Blocked          *string  `json:"blocked"`           // "" = must not be held back
	RequiresApproval *bool    `json:"requires_approval"` //
	Target           int      `json:"target"`            // version; 0 = any
	Says             []string `json:"says"`              // each must occur in a reason, an alternative, the evidence or the advice
}

// Parse reads a scenario, a txtar archive (https://pkg.go.dev/golang.org/x/tools/txtar) of
//
//	story.md            what happens, for people
//	policy.json         what differs from remedy.DefaultPolicy
//	observation.json    what is observed, and
//	want.json           what is wanted; or, for several steps,
//	observation-1.json, want-1.json, observation-2.json, ..
//
// A later observation repeats only the top-level keys that differ from the one before; null takes a key away. Unknown keys and files are
// errors: a misspelt fact would otherwise be a fact not known.
func Parse(name string, b []byte) (Scenario, error) {
	s := Scenario{Name: name, Policy: remedy.DefaultPolicy()}
	if len(b) > maxBytes {
		return s, fault.Invalidf("scenario %s has %d bytes, %d are read at most", name, len(b), maxBytes).WithCode(fault.CodeTooLarge)
	}
	files := map[string][]byte{}
	for _, f := range txtar.Parse(b).Files {
		if _, twice := files[f.Name]; twice {
			return s, fault.Invalidf("scenario %s has two files %q", name, f.Name)
		}
		files[f.Name] = f.Data
	}
	take := func(file string) []byte {
		b := files[file]
		delete(files, file)
		return b
	}
	s.Story = strings.TrimSpace(string(take("story.md")))
	if p := take("policy.json"); p != nil {
		if err := strict(p, &s.Policy); err != nil {
			return s, fault.Invalidf("scenario %s: policy.json", name).Because(err)
		}
		if err := s.Policy.Validate(); err != nil {
			return s, fault.Wrap(err, "scenario %s", name)
		}
	}
	facts := map[string]json.RawMessage{}
	for n := 1; n <= maxSteps; n++ {
		suffix := fmt.Sprintf("-%d.json", n)
		if n == 1 && files["observation.json"] != nil {
			suffix = ".json"
		}
		o, w := take("observation"+suffix), take("want"+suffix)
		if o == nil && w == nil {
			break
		}
		step, err := parseStep(facts, o, w)
		if err != nil {
			return s, fault.Invalidf("scenario %s, step %d", name, n).Because(err)
		}
		s.Steps = append(s.Steps, step)
	}
	if len(s.Steps) == 0 {
		return s, fault.Invalidf("scenario %s has no observation.json or observation-1.json with a want beside it", name)
	}
	if len(files) > 0 {
		var left []string
		for f := range files {
			left = append(left, f)
		}
		slices.Sort(left)
		return s, fault.Invalidf("scenario %s has files that nothing reads: %s", name, strings.Join(left, ", "))
	}
	return s, nil
}

// parseStep reads one observation over the facts known so far, and what is wanted of it.
func parseStep(facts map[string]json.RawMessage, observation, want []byte) (Step, error) {
	var step Step
	var changed map[string]json.RawMessage
	if err := strict(observation, &changed); err != nil {
		return step, fmt.Errorf("observation: %w", err)
	}
	for k, v := range changed {
		facts[k] = v
		if string(v) == "null" {
			delete(facts, k)
		}
	}
	all, err := json.Marshal(facts)
	if err != nil {
		return step, err
	}
	if err := strict(all, &step.Observation); err != nil {
		return step, fmt.Errorf("observation: %w", err)
	}
	if err := strict(want, &step.Want); err != nil {
		return step, fmt.Errorf("want: %w", err)
	}
	if step.Want.Action == "" {
		return step, fmt.Errorf("want: no action")
	}
	return step, nil
}

// strict decodes one JSON document without unknown keys and without anything after it.
func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("more than one JSON document")
	}
	return nil
}
