package dataset

import (
	"strings"

	"mlops/shared/fault"
)

// Target is what to predict: a column, or a comparison with a constant that makes it binary.
type Target struct {
	Column string `json:"column"`
	Op     string `json:"op,omitempty"`    // "" = the column itself; else > >= < <= == !=
	Value  string `json:"value,omitempty"` // right side of the comparison: a number, or a level's text for == and !=
}

// operators, the longer before those they begin with.
var operators = []string{">=", "<=", "==", "!=", ">", "<", "="}

// ParseTarget reads a column's name, or "column op value" with op one of > >= < <= == = !=; "=" becomes "==". Spaces around the parts
// do not count. A name that itself contains an operator is still found: Labels takes the whole text for a name when the frame has it.
func ParseTarget(s string) (Target, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Target{}, fault.Invalidf("read the target: it is empty; give a column, or a comparison such as num>0")
	}
	at := strings.IndexAny(s, "<>=!")
	for at >= 0 && at < len(s) {
		for _, op := range operators {
			if !strings.HasPrefix(s[at:], op) {
				continue
			}
			t := Target{Column: strings.TrimSpace(s[:at]), Op: op, Value: strings.TrimSpace(s[at+len(op):])}
			if op == "=" {
				t.Op = "=="
			}
			if t.Column == "" || t.Value == "" {
				return Target{}, fault.Invalidf("read the target %q: a comparison has a column on the left and a value on the right, as in num>0", s)
			}
			return t, nil
		}
		next := strings.IndexAny(s[at+1:], "<>=!") // a lone "!" is part of the name
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return Target{Column: s}, nil
}

// String is the target without spaces around the operator; ParseTarget reads it back.
func (t Target) String() string { return t.Column + t.Op + t.Value }

// resolve takes the whole text for a column's name where the frame has such a column.
func (t Target) resolve(f *Frame) Target {
	if t.Op != "" && f.Index(t.Column) < 0 && f.Index(t.String()) >= 0 {
		return Target{Column: t.String()}
	}
	return t
}

// test is the comparison as a function of the row, or nil after adding what is wrong with it. No row of c is missing.
func (t Target) test(c *Column, p *problems) func(row int) bool {
	if c.Kind == Categorical {
		switch t.Op {
		case "==":
			return func(i int) bool { return c.Levels[c.Code[i]] == t.Value }
		case "!=":
			return func(i int) bool { return c.Levels[c.Code[i]] != t.Value }
		}
		p.add(fault.Detail{Field: c.Name, Code: "wrong_type", Got: "text such as " + c.Text(0), Expected: "numbers for " + t.Op + ", or == and != for text"})
		return nil
	}
	v, ok := parseNumber([]byte(t.Value))
	if !ok {
		p.add(fault.Detail{Field: c.Name, Code: "wrong_type", Got: t.Value, Expected: "a number to compare the numbers of this column with"})
		return nil
	}
	switch t.Op {
	case ">":
		return func(i int) bool { return c.Float[i] > v }
	case ">=":
		return func(i int) bool { return c.Float[i] >= v }
	case "<":
		return func(i int) bool { return c.Float[i] < v }
	case "<=":
		return func(i int) bool { return c.Float[i] <= v }
	case "==":
		return func(i int) bool { return c.Float[i] == v }
	case "!=":
		return func(i int) bool { return c.Float[i] != v }
	}
	p.add(fault.Detail{Field: t.Op, Code: "unknown_operator", Expected: "one of > >= < <= == !="})
	return nil
}
