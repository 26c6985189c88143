package expect

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxConditions is Great Expectations' own bound on the comparisons of one row condition.
const maxConditions = 100

// parseCondition compiles a row_condition into a predicate over the rows of t. It is a text, of pandas' query language (comparisons, also
// chained, of columns, index, literals and their arithmetic, in, and or not, & | ~, brackets, names in backticks, the functions and methods of method.go) or of
// Great Expectations' own (col("x") > 1, col("x").notNull()), or one of the objects of 1.9 and later (comparison, nullity, and, or,
// pass_through).
//
// As in pandas, a missing value satisfies != and no other comparison. Between two columns of an object condition it satisfies none.
//
// The predicate's error, nil until a row could not be decided, is told by the function beside it.
func parseCondition(v any, parser string, t *table) (holds func(i int) bool, failed func() error, err error) {
	switch parser {
	case "", "pandas", "python", "great_expectations", "great_expectations__experimental__", "spark":
	default:
		return nil, nil, fmt.Errorf("condition_parser %q: value is not a valid enumeration member, expected pandas or great_expectations", brief(parser))
	}
	p := &conditionParser{table: t}
	switch x := v.(type) {
	case string:
		if len(x) > 64<<10 {
			return nil, nil, fmt.Errorf("it is %d bytes long, at most 64 KiB are read", len(x))
		}
		holds = p.text(x)
	case map[string]any:
		holds = p.object(x, 0)
	default:
		p.fail("it must be a text or an object, not %s", kindOf(scalar(v)))
	}
	if p.err != nil {
		return nil, nil, p.err
	}
	return holds, func() error { return p.err }, nil
}

// conditionParser compiles a condition by recursive descent: or, and, not, comparison, and the arithmetic of operand.go.
type conditionParser struct {
	table  *table
	tokens []token
	at     int
	depth  int
	count  int
	err    error
}

func never(int) bool { return false }

func (p *conditionParser) fail(format string, args ...any) func(int) bool {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	return never
}

func (p *conditionParser) peek() token {
	if p.at < len(p.tokens) && p.err == nil {
		return p.tokens[p.at]
	}
	return token{text: "the end"}
}

// accept consumes the next token if it is a word or a symbol of that text.
func (p *conditionParser) accept(texts ...string) string {
	if t := p.peek(); (t.kind == 'w' || t.kind == 's') && slices.Contains(texts, t.text) {
		p.at++
		return t.text
	}
	return ""
}

func (p *conditionParser) expect(text string) {
	if p.accept(text) == "" {
		p.fail("expected %s before %s", text, p.peek().text)
	}
}

func (p *conditionParser) text(s string) func(int) bool {
	p.scan(s)
	holds := p.or()
	if t := p.peek(); p.err == nil && t.kind != 0 {
		return p.fail("%q is not understood there", t.text)
	}
	return holds
}

func (p *conditionParser) or() func(int) bool {
	if p.depth++; p.depth > maxDepth {
		return p.fail("it is nested deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	a := p.and()
	for p.accept("or", "|") != "" {
		left, right := a, p.and()
		a = func(i int) bool { return left(i) || right(i) }
	}
	return a
}

func (p *conditionParser) and() func(int) bool {
	a := p.not()
	for p.accept("and", "&") != "" {
		left, right := a, p.not()
		a = func(i int) bool { return left(i) && right(i) }
	}
	return a
}

func (p *conditionParser) not() func(int) bool {
	flip := false
	for p.accept("not", "~") != "" {
		flip = !flip
	}
	var a func(int) bool
	if p.bracketed() && !p.calculated() {
		p.at++
		a = p.or()
		p.expect(")")
	} else {
		a = p.comparison()
	}
	if flip {
		return func(i int) bool { return !a(i) }
	}
	return a
}

func (p *conditionParser) bracketed() bool { t := p.peek(); return t.kind == 's' && t.text == "(" }

func (p *conditionParser) nullity(o operand, null bool) func(int) bool {
	if p.count++; o.column == nil && o.made == nil {
		return p.fail("only a column can be asked whether it is missing")
	}
	return func(i int) bool { return (o.at(i) == nil) == null }
}

// compare compiles one comparison. strict makes it false wherever a value is missing.
func (p *conditionParser) compare(left operand, op string, right operand, strict bool) func(int) bool {
	if p.count++; p.count > maxConditions {
		return p.fail("it has more than %d comparisons", maxConditions)
	}
	if p.err != nil {
		return never
	}
	left, right = left.dated(right), right.dated(left)
	if op == "in" || op == "not in" {
		if right.list == nil || left.list != nil {
			return p.fail("%s needs a list on its right", op)
		}
		set := map[any]bool{}
		for _, v := range right.list {
			set[key(scalar(v))] = true
		}
		return func(i int) bool {
			v := left.at(i)
			return (set[key(v)] && v != nil) == (op == "in") && !(strict && v == nil)
		}
	}
	if left.list != nil || right.list != nil {
		return p.fail("%s does not compare lists", op)
	}
	if err := p.orderable(left, op, right); err != nil {
		return p.fail("%w", err)
	}
	return func(i int) bool {
		a, b := left.at(i), right.at(i)
		if a == nil || b == nil {
			return op == "!=" && !strict
		}
		less, same, err := compare(a, b)
		switch op {
		case "==":
			return err == nil && same
		case "!=":
			return err != nil || !same
		case "<":
			return less
		case "<=":
			return less || same
		case ">":
			return err == nil && !less && !same
		}
		return err == nil && !less // >=
	}
}

// dated is the operand with texts read as dates when it meets a column of dates.
func (o operand) dated(other operand) operand {
	if other.column == nil || other.column.dtype != dateType || o.column != nil {
		return o
	}
	read := func(v any) any {
		if text, ok := v.(string); ok {
			if t, ok := parseTime(text); ok {
				return t
			}
		}
		return v
	}
	o.value = read(o.value)
	if o.list != nil {
		o.list = slices.Clone(o.list)
		for i := range o.list {
			o.list[i] = read(o.list[i])
		}
	}
	return o
}

// orderable is an error when an ordering meets a text and a number.
func (p *conditionParser) orderable(left operand, op string, right operand) error {
	a, b := p.sampleOf(left), p.sampleOf(right)
	if op == "==" || op == "!=" || a == nil || b == nil {
		return nil
	}
	if _, _, err := compare(a, b); err != nil {
		return fmt.Errorf("%s cannot order values of different types, as a text and a number", op)
	}
	return nil
}

// object compiles a condition of Great Expectations 1.9 and later.
func (p *conditionParser) object(o map[string]any, depth int) func(int) bool {
	if depth > maxDepth {
		return p.fail("it is nested deeper than %d", maxDepth)
	}
	side := func(v any) operand {
		if m, ok := v.(map[string]any); ok {
			name, ok := m["name"].(string)
			if !ok {
				p.fail("a column must have a name: %v", brief(m))
				return operand{}
			}
			return p.column(name)
		}
		if l, ok := list(v); ok {
			return operand{list: l}
		}
		return operand{value: scalar(v)}
	}
	switch kind := o["type"]; kind {
	case "comparison":
		op, _ := o["operator"].(string)
		switch strings.ToUpper(op) {
		case "==", "!=", "<", "<=", ">", ">=":
		case "IN":
			op = "in"
		case "NOT_IN", "NOT IN":
			op = "not in"
		default:
			return p.fail("the operator %v is not understood", brief(o["operator"]))
		}
		left, right := side(o["column"]), side(o["parameter"])
		return p.compare(left, op, right, right.column != nil)
	case "nullity":
		null, ok := o["is_null"].(bool)
		if !ok {
			return p.fail("nullity needs is_null, true or false")
		}
		return p.nullity(side(o["column"]), null)
	case "pass_through":
		text, ok := o["pass_through_filter"].(string)
		if !ok {
			return p.fail("pass_through needs the text pass_through_filter")
		}
		inner := &conditionParser{table: p.table, count: p.count}
		holds := inner.text(text)
		if p.count = inner.count; inner.err != nil {
			return p.fail("%w", inner.err)
		}
		return func(i int) bool {
			is := holds(i)
			p.err = inner.err
			return is
		}
	case "and", "or":
		if kind == "or" && depth > 0 {
			return p.fail("an or condition may not stand within another condition: Great Expectations allows or only outermost")
		}
		conditions, _ := list(o["conditions"])
		if len(conditions) == 0 {
			return p.fail("%v needs conditions", kind)
		}
		parts := make([]func(int) bool, len(conditions))
		for i, c := range conditions {
			m, _ := c.(map[string]any)
			parts[i] = p.object(m, depth+1)
		}
		return func(i int) bool {
			for _, part := range parts {
				if part(i) == (kind == "or") {
					return kind == "or"
				}
			}
			return kind == "and"
		}
	default:
		return p.fail("the type %v is not understood, comparison, nullity, and, or and pass_through are", brief(o["type"]))
	}
}

// sampleOf is a value of the type that the operand has; nil when it has none, a list when it has several.
func (p *conditionParser) sampleOf(o operand) any {
	switch {
	case o.made != nil:
		return o.sample
	case o.column == nil:
		return o.value
	case o.column.empty():
		return nil
	case o.column.numeric():
		return 0.0
	case o.column.dtype == dateType:
		return time.Time{}
	case o.column.typed != nil:
		return []any{} // of several types: like nothing
	}
	return ""
}
