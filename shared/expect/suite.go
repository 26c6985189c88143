// Package expect checks a table against a suite of expectations, in the suite and result formats of Great Expectations: a suite written
// for 0.x or 1.x is read as it is, evaluated as its pandas engine would, and answered in the dialect it came in. Suggest proposes a
// suite from data.
//
// An expectation is one record of a table (name, what it takes, a function), see catalogue.go. One expectation that cannot be evaluated
// comes back as its own error and never disturbs the others.
//
// Facts about Great Expectations were read from its sources and measured by running 1.2.0 and 0.18.21, see
// https://github.com/great-expectations/great_expectations.
package expect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"mlops/shared/fault"
)

// Limits of a suite. Great Expectations' own documentation pages hang at about 3,000 validations.
const (
	MaxSuiteBytes   = 16 << 20
	MaxExpectations = 10_000
)

// Dialect is the generation of Great Expectations that a suite is written for; results answer in the same.
type Dialect uint8

// The dialects.
const (
	V1 Dialect = iota // 1.x: "type", "name", "suite_parameters"
	V0                // 0.x: "expectation_type", "expectation_suite_name", "evaluation_parameters"
)

// keys are the words in which the dialects differ.
var keys = map[Dialect]struct{ kind, name, parameters string }{
	V1: {"type", "name", "suite_parameters"},
	V0: {"expectation_type", "expectation_suite_name", "evaluation_parameters"},
}

// Severities of a failure, as in Great Expectations since 1.5.11. An expectation that has none, or that raises an error, is critical.
const (
	Critical = "critical"
	Warning  = "warning"
	Info     = "info"
)

var severities = []string{Info, Warning, Critical} // ascending

// Suite is a named list of expectations.
type Suite struct {
	Name         string
	Expectations []Expectation
	Parameters   map[string]any // values for {"$PARAMETER": ..} in kwargs; nil when the suite has none
	Meta         map[string]any
	Dialect      Dialect
	Extra        map[string]any // every other key of the JSON, kept for a round trip
}

// Expectation is one statement about a table. Kwargs are the arguments as read from JSON, numbers as json.Number; Go numbers do as well.
type Expectation struct {
	Type     string // expect_..
	Kwargs   map[string]any
	Meta     map[string]any
	Severity string         // critical, warning, info; "" = meta's "severity" if that is one of them, else critical
	ID       string         //
	Extra    map[string]any // every other key of the JSON, and those of a wrong type, kept for a round trip
	faults   []string       // what is wrong with the JSON it was read from: its own error when it is evaluated
}

// Rank is the severity that counts: Severity, else meta's "severity" (where 0.x suites keep it), else critical.
func (e *Expectation) Rank() string {
	if e.Severity != "" {
		return e.Severity
	}
	if s, ok := e.Meta["severity"].(string); ok && slices.Contains(severities, s) {
		return s
	}
	return Critical
}

// ReadSuite reads a suite of either dialect, in UTF-8 with or without a byte order mark. The dialect is 0.x when the suite or any
// expectation uses a word that only 0.x has. What is wrong with a single expectation (its name, severity, arguments) is not its business:
// Validate reports it as that expectation's error. The error is Invalid and names everything by which this is no suite; one above
// MaxSuiteBytes or MaxExpectations is refused.
func ReadSuite(b []byte) (*Suite, error) {
	if len(b) > MaxSuiteBytes {
		return nil, fault.Invalidf("read an expectation suite: %d bytes, at most %d are read", len(b), MaxSuiteBytes).WithCode(fault.CodeTooLarge)
	}
	if b = bytes.TrimPrefix(b, []byte("\uFEFF")); len(b) > 1 && (b[0] == 0 || b[1] == 0 || b[0] >= 0xFE && b[1] >= 0xFE) {
		return nil, fault.Invalidf("read an expectation suite: it is in UTF-16 or UTF-32: save it in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // 1.0 stays 1.0, and long integers stay exact
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		return nil, fault.Invalidf("read an expectation suite: it is not a JSON object: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fault.Invalidf("read an expectation suite: something follows the JSON object")
	}
	if doc == nil {
		return nil, fault.Invalidf("read an expectation suite: it is null, expected a JSON object with \"expectations\"")
	}
	r := suiteReader{}
	s := r.suite(doc)
	if len(r.problems) > 0 {
		return nil, fault.Invalidf("read an expectation suite").With(r.problems...)
	}
	return s, nil
}

// suiteReader moves known keys out of decoded JSON objects and collects what is wrong with them.
type suiteReader struct{ problems []fault.Detail }

func (r *suiteReader) wrong(field string, got any, expected string) {
	r.problems = append(r.problems, fault.Detail{Field: field, Code: "wrong_type", Got: brief(got), Expected: expected})
}

func (r *suiteReader) text(doc map[string]any, field, key string) string {
	v, there := doc[key]
	if !there || v == nil {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		r.wrong(field+key, v, "a text")
		return ""
	}
	delete(doc, key)
	return s
}

func (r *suiteReader) object(doc map[string]any, field, key string) map[string]any {
	v, there := doc[key]
	if !there || v == nil {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		r.wrong(field+key, v, "an object")
		return nil
	}
	delete(doc, key)
	return m
}

func (r *suiteReader) suite(doc map[string]any) *Suite {
	list, ok := doc["expectations"].([]any)
	if !ok {
		r.wrong("expectations", doc["expectations"], "a list")
	}
	delete(doc, "expectations")
	if len(list) > MaxExpectations {
		r.wrong("expectations", len(list), fmt.Sprintf("at most %d expectations", MaxExpectations))
		return nil
	}
	s := &Suite{Expectations: make([]Expectation, 0, len(list))}
	for _, key := range []string{keys[V0].name, keys[V0].parameters} {
		if _, old := doc[key]; old {
			s.Dialect = V0
		}
	}
	for _, item := range list {
		if e, ok := item.(map[string]any); ok && e[keys[V0].kind] != nil {
			s.Dialect = V0
		}
	}
	k := keys[s.Dialect]
	s.Name = r.text(doc, "", k.name)
	s.Parameters = r.object(doc, "", k.parameters)
	s.Meta = r.object(doc, "", "meta")
	for i, item := range list {
		e, ok := item.(map[string]any)
		if !ok {
			r.wrong(fmt.Sprintf("expectations[%d]", i), item, "an object")
			continue
		}
		s.Expectations = append(s.Expectations, readExpectation(e))
	}
	if len(doc) > 0 {
		s.Extra = doc
	}
	return s
}

func readExpectation(doc map[string]any) Expectation {
	kind := keys[V1].kind
	if doc[keys[V0].kind] != nil {
		kind = keys[V0].kind
	}
	var r suiteReader
	e := Expectation{
		Type:     r.text(doc, "", kind),
		Kwargs:   r.object(doc, "", "kwargs"),
		Meta:     r.object(doc, "", "meta"),
		Severity: r.text(doc, "", "severity"),
		ID:       r.text(doc, "", "id"),
	}
	for _, d := range r.problems {
		e.faults = append(e.faults, fmt.Sprintf("%s must be %s, not %v", d.Field, d.Expected, d.Got))
	}
	if e.Type == "" && doc[kind] == nil {
		e.faults = append(e.faults, kind+" is missing: the name of an expectation")
	}
	if e.Kwargs == nil {
		e.Kwargs = map[string]any{}
	}
	if len(doc) > 0 {
		e.Extra = doc
	}
	return e
}

// MarshalJSON writes the suite in its dialect, with every key it was read with.
func (s *Suite) MarshalJSON() ([]byte, error) {
	doc := clone(s.Extra)
	k := keys[s.Dialect]
	doc[k.name] = s.Name
	list := make([]any, len(s.Expectations))
	for i := range s.Expectations {
		list[i] = s.Expectations[i].document(s.Dialect)
	}
	doc["expectations"] = list
	if s.Parameters != nil {
		doc[k.parameters] = s.Parameters
	}
	if s.Meta != nil {
		doc["meta"] = s.Meta
	}
	return json.Marshal(doc)
}

// document is the expectation as a JSON object of a dialect.
func (e *Expectation) document(d Dialect) map[string]any {
	doc := clone(e.Extra)
	if e.Type != "" || doc[keys[d].kind] == nil {
		doc[keys[d].kind] = e.Type
	}
	if len(e.Kwargs) > 0 || doc["kwargs"] == nil {
		doc["kwargs"] = clone(e.Kwargs)
	}
	if e.Meta != nil {
		doc["meta"] = e.Meta
	}
	if e.Severity != "" {
		doc["severity"] = e.Severity
	}
	if e.ID != "" {
		doc["id"] = e.ID
	}
	return doc
}

// clone is a shallow copy, never nil.
func clone(m map[string]any) map[string]any {
	c := make(map[string]any, len(m)+6)
	for k, v := range m {
		c[k] = v
	}
	return c
}

// brief is a value short enough for a message; a list and an object as the suite's JSON writes them.
func brief(v any) any {
	switch v.(type) {
	case map[string]any, []any:
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if e.Encode(v) == nil {
			v = string(bytes.TrimSpace(b.Bytes()))
		}
	}
	s := fmt.Sprint(v)
	if len(s) <= 60 {
		return v
	}
	return s[:57] + "..."
}
