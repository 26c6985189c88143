package expect

import (
	"math"
	"slices"
)

// operand is a column, a literal, or what was made of them. A list stands only on the right of in.
type operand struct {
	column *series
	value  any
	list   []any
	made   func(i int) any // calculated by row; nil = missing
	sample any             // the type that made gives: 0.0, "" or false
}

func (o operand) at(i int) any {
	switch {
	case o.made != nil:
		return o.made(i)
	case o.column != nil:
		return o.column.value(i)
	}
	return o.value
}

// truth reports whether the operand is true or false by itself.
func (o operand) truth() bool {
	_, made := o.sample.(bool)
	return o.made != nil && made || o.column != nil && o.column.truth != nil
}

// calculated reports whether the bracket that opens here holds a value rather than a condition: whether it is compared or calculated
// with afterwards.
func (p *conditionParser) calculated() bool {
	open := 0
	for at := p.at; at < len(p.tokens); at++ {
		if p.tokens[at].kind != 's' {
			continue
		}
		switch p.tokens[at].text {
		case "(":
			open++
		case ")":
			if open--; open == 0 {
				if at+1 == len(p.tokens) {
					return false
				}
				next := p.tokens[at+1]
				return next.kind == 's' && !slices.Contains([]string{")", "&", "|", "~", "]", ","}, next.text) || next.kind == 'w' && (next.text == "in" || next.text == "not")
			}
		}
	}
	return false
}

func (p *conditionParser) comparison() func(int) bool {
	left := p.sum()
	if p.err != nil {
		return never
	}
	var all []func(int) bool
	for {
		op := p.accept("==", "!=", "<=", ">=", "<", ">", "in")
		if op == "" && p.accept("not") != "" {
			p.expect("in")
			op = "not in"
		}
		if op == "" {
			break
		}
		right := p.sum()
		if right.list != nil && (op == "==" || op == "!=") {
			op = map[string]string{"==": "in", "!=": "not in"}[op]
		}
		all = append(all, p.compare(left, op, right, false))
		left = right
	}
	switch {
	case len(all) == 1:
		return all[0]
	case len(all) > 1: // a < b < c
		return func(i int) bool {
			for _, holds := range all {
				if !holds(i) {
					return false
				}
			}
			return true
		}
	case left.truth():
		return p.compare(left, "==", operand{value: true}, false)
	}
	return p.fail("expected a comparison before %s", p.peek().text)
}

func (p *conditionParser) sum() operand {
	if p.depth++; p.depth > maxDepth {
		p.fail("it is nested deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	a := p.product()
	for op := p.accept("+", "-"); op != "" && p.err == nil; op = p.accept("+", "-") {
		a = p.calculate(a, op, p.product())
	}
	return a
}

func (p *conditionParser) product() operand {
	a := p.power()
	for op := p.accept("*", "/", "//", "%"); op != "" && p.err == nil; op = p.accept("*", "/", "//", "%") {
		a = p.calculate(a, op, p.power())
	}
	return a
}

func (p *conditionParser) power() operand {
	if p.depth++; p.depth > maxDepth {
		p.fail("it is nested deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	switch p.accept("-", "+") {
	case "-":
		return p.calculate(operand{value: -1.0}, "*", p.power())
	case "+":
		return p.power()
	}
	a := p.operand()
	for p.err == nil && p.accept(".") != "" {
		a = p.method(a)
	}
	if p.err == nil && p.accept("**") != "" {
		a = p.calculate(a, "**", p.power())
	}
	return a
}

// calculate makes an operand of numbers; of texts, + puts them together. Where a value is missing the result is.
func (p *conditionParser) calculate(a operand, op string, b operand) operand {
	if p.count++; p.count > 10*maxConditions {
		p.fail("it has more than %d calculations", 10*maxConditions)
	}
	apply := func(x, y any) any {
		f, number := key(x).(float64)
		g, number2 := key(y).(float64)
		if number && number2 {
			return arithmetic(f, op, g)
		}
		s, text := x.(string)
		t, text2 := y.(string)
		if text && text2 && op == "+" {
			return s + t
		}
		return nil
	}
	if a.list != nil || b.list != nil {
		p.fail("%s does not calculate with lists", op)
		return operand{}
	}
	x, y := p.sampleOf(a), p.sampleOf(b)
	if x == nil || y == nil { // an empty column
		x, y = 0.0, 0.0
	}
	sample := apply(x, y)
	if sample == nil {
		p.fail("%s does not calculate with %s and %s", op, typeWord(x), typeWord(y))
		return operand{}
	}
	if _, number := sample.(float64); number {
		sample = 0.0
	}
	if a.column == nil && a.made == nil && b.column == nil && b.made == nil {
		return operand{value: apply(a.value, b.value)}
	}
	return operand{sample: sample, made: func(i int) any {
		v := apply(a.at(i), b.at(i))
		if f, number := v.(float64); number && math.IsNaN(f) {
			return nil
		}
		return v
	}}
}

func typeWord(v any) string {
	switch v.(type) {
	case float64, bool:
		return "a number"
	case string:
		return "a text"
	}
	return "a value of another type"
}

// arithmetic is Python's: // rounds down, and % has the sign of the divisor.
func arithmetic(x float64, op string, y float64) float64 {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		return x / y
	case "//":
		return math.Floor(x / y)
	case "%":
		return x - y*math.Floor(x/y)
	}
	return math.Pow(x, y)
}

// operand reads a literal, a list, a bracket or a column.
func (p *conditionParser) operand() operand {
	t := p.peek()
	p.at++
	switch {
	case p.err != nil:
	case t.kind == 'n':
		return operand{value: t.value}
	case t.kind == 't':
		return operand{value: t.text}
	case t.kind == 's' && (t.text == "[" || t.text == "("):
		return p.list(t.text)
	case t.kind == '`':
		return p.column(t.text)
	case t.kind == 'w' && (t.text == "True" || t.text == "true"):
		return operand{value: true}
	case t.kind == 'w' && (t.text == "False" || t.text == "false"):
		return operand{value: false}
	case t.kind == 'w' && (t.text == "None" || t.text == "null"):
		return operand{}
	case t.kind == 'w' && slices.Contains([]string{"col", "column", "date", "datetime"}, t.text) && p.bracketed() && p.at+1 < len(p.tokens) && p.tokens[p.at+1].kind == 't':
		name := p.tokens[p.at+1].text
		p.at += 2
		p.expect(")")
		if t.text == "date" || t.text == "datetime" {
			return operand{value: name}
		}
		return p.column(name)
	case t.kind == 'w' && p.bracketed():
		return p.function(t.text)
	case t.kind == 'w' && t.text == "index" && p.table.frame.Column("index") == nil: // pandas' number of the row, from 0
		first := 0
		if whole := p.table.part; whole != nil && whole.labels == nil {
			first = whole.first
		}
		return operand{sample: 0.0, made: func(i int) any { return float64(first + p.table.label(i)) }}
	case t.kind == 'w':
		return p.column(t.text)
	default:
		p.fail("expected a column or a value before %s", t.text)
	}
	return operand{}
}

// list reads what follows an open bracket: a list of literals, or in round ones without a comma a single value.
func (p *conditionParser) list(open string) operand {
	list := []any{}
	for p.err == nil && p.accept("]", ")") == "" {
		o := p.sum()
		if open == "(" && len(list) == 0 && p.err == nil && p.accept(")") != "" && o.list == nil {
			if p.at >= 2 && o.column == nil && o.made == nil && p.afterIn() {
				return operand{list: []any{o.value}}
			}
			return o
		}
		if p.err == nil && (o.column != nil || o.made != nil || o.list != nil) {
			p.fail("a list holds literals")
		}
		list = append(list, o.value)
		if p.err == nil && p.accept(",") == "" && p.peek().text != "]" && p.peek().text != ")" {
			p.fail("expected a comma before %s", p.peek().text)
		}
	}
	return operand{list: list}
}

// afterIn reports whether the bracket just closed was opened behind in.
func (p *conditionParser) afterIn() bool {
	open := 0
	for at := p.at - 1; at >= 0; at-- {
		if p.tokens[at].kind != 's' {
			continue
		}
		if p.tokens[at].text == ")" {
			open++
		}
		if p.tokens[at].text == "(" {
			if open--; open == 0 {
				return at > 0 && p.tokens[at-1].text == "in"
			}
		}
	}
	return false
}

func (p *conditionParser) column(name string) operand {
	s, err := p.table.base(name)
	if err != nil {
		p.fail("%w", err)
	}
	return operand{column: s}
}
