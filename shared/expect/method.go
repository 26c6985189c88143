package expect

import (
	"math"
	"strings"
	"unicode/utf8"
)

// textTest are the methods behind .str that ask something of a text, given another. A missing value answers false.
var textTest = map[string]func(text, argument string) bool{
	"startswith": strings.HasPrefix, "endswith": strings.HasSuffix, "contains": strings.Contains,
}

// textMap are the methods behind .str that make something of a text.
var textMap = map[string]func(string) any{
	"lower": func(s string) any { return strings.ToLower(s) }, "upper": func(s string) any { return strings.ToUpper(s) },
	"strip": func(s string) any { return strings.TrimSpace(s) }, "len": func(s string) any { return float64(utf8.RuneCountInString(s)) },
	"isdigit":   func(s string) any { return s != "" && strings.Trim(s, "0123456789") == "" },
	"isnumeric": func(s string) any { return s != "" && strings.Trim(s, "0123456789") == "" },
}

// method reads what follows a point: isnull(), notnull() and their kin, isin([..]), between(a, b), abs(), round(), and behind str
// contains, match, fullmatch, startswith, endswith, lower, upper, strip, len, isdigit.
func (p *conditionParser) method(o operand) operand {
	name := p.peek().text
	p.at++
	if name == "str" {
		p.expect(".")
		name = "str." + p.peek().text
		p.at++
	}
	args, named := p.arguments()
	if p.err != nil {
		return operand{}
	}
	test := func(holds func(int) bool) operand {
		return operand{sample: false, made: func(i int) any { return holds(i) }}
	}
	switch {
	case (name == "isnull" || name == "isna" || name == "isNull") && len(args) == 0:
		return test(p.nullity(o, true))
	case (name == "notnull" || name == "notna" || name == "notNull") && len(args) == 0:
		return test(p.nullity(o, false))
	case name == "isin" && len(args) == 1 && args[0].list != nil:
		return test(p.compare(o, "in", args[0], false))
	case name == "between" && len(args) == 2:
		low, high := p.compare(o, ">=", args[0], false), p.compare(o, "<=", args[1], false)
		return test(func(i int) bool { return low(i) && high(i) })
	case (name == "abs" || name == "round") && len(args) == 0:
		return p.apply(ofNumber[name], o)
	}
	if base, ok := strings.CutPrefix(name, "str."); ok {
		return p.textMethod(o, base, args, named)
	}
	p.fail("the method .%s() with %d arguments is not understood; isnull, notnull, isin, between, abs, round and str's contains, match, fullmatch, startswith, endswith, lower, upper, strip, len, isdigit are", brief(name), len(args))
	return operand{}
}

// queryFunctions are those of pandas' query language, of one number.
var queryFunctions = map[string]func(float64) float64{
	"abs": math.Abs, "sqrt": math.Sqrt, "exp": math.Exp, "expm1": math.Expm1, "log": math.Log, "log10": math.Log10, "log1p": math.Log1p, "floor": math.Floor, "ceil": math.Ceil,
	"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "arcsin": math.Asin, "arccos": math.Acos, "arctan": math.Atan,
	"sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh, "arcsinh": math.Asinh, "arccosh": math.Acosh, "arctanh": math.Atanh,
}

// function reads the bracket behind a function's name.
func (p *conditionParser) function(name string) operand {
	args, named := p.arguments()
	if f := queryFunctions[name]; f != nil && len(args) == 1 && named == nil && p.err == nil {
		return p.apply(f, args[0])
	}
	p.fail("%s() with %d arguments is not understood; the functions of one number of pandas' query language are, such as abs, sqrt, log and floor", brief(name), len(args))
	return operand{}
}

// apply is f of a number. Where there is none, or f has no value, it is missing.
func (p *conditionParser) apply(f func(float64) float64, o operand) operand {
	o = p.calculate(o, "+", operand{value: 0.0})
	return operand{sample: 0.0, made: func(i int) any {
		v, ok := o.at(i).(float64)
		if v = f(v); !ok || math.IsNaN(v) {
			return nil
		}
		return v
	}}
}

// arguments reads a call's bracket.
func (p *conditionParser) arguments() (args []operand, named map[string]operand) {
	p.expect("(")
	for p.err == nil && p.accept(")") == "" {
		if p.at+1 < len(p.tokens) && p.peek().kind == 'w' && p.tokens[p.at+1].text == "=" {
			name := p.peek().text
			p.at += 2
			if named == nil {
				named = map[string]operand{}
			}
			named[name] = p.sum()
		} else {
			args = append(args, p.sum())
		}
		if p.err == nil && p.accept(",") == "" && p.peek().text != ")" {
			p.fail("expected a comma before %s", p.peek().text)
		}
	}
	return args, named
}

// textMethod is a method behind .str; contains and match take patterns of Python's re, contains with regex=False a text, and case=False
// tells that case does not matter.
func (p *conditionParser) textMethod(o operand, name string, args []operand, named map[string]operand) operand {
	if sample := p.sampleOf(o); sample != nil && sample != "" {
		p.fail(".str is for texts, not for %s", typeWord(sample))
		return operand{}
	}
	if f, ok := textMap[name]; ok && len(args) == 0 {
		sample := f("")
		return operand{sample: sample, made: func(i int) any {
			if s, ok := o.at(i).(string); ok {
				return f(s)
			}
			return nil
		}}
	}
	pattern, isText := "", false
	if len(args) == 1 {
		pattern, isText = args[0].value.(string)
	}
	f, plain := textTest[name]
	if !isText || !plain && name != "match" && name != "fullmatch" {
		p.fail("the method .str.%s() with %d arguments is not understood", brief(name), len(args))
		return operand{}
	}
	if name == "match" || name == "fullmatch" || name == "contains" && named["regex"].value != false {
		wrapped := map[string]string{"match": `\A(?:` + pattern + ")", "fullmatch": `\A(?:` + pattern + `)\Z`, "contains": pattern}[name]
		if named["case"].value == false {
			wrapped = "(?i)" + wrapped
		}
		r, err := compileRegex(wrapped)
		if err != nil {
			p.fail("%w", err)
			return operand{}
		}
		f = func(s, _ string) bool {
			if p.err != nil {
				return false
			}
			found, err := r(s)
			p.err = err
			return found
		}
	} else if named["case"].value == false {
		pattern = strings.ToLower(pattern)
		f = func(s, t string) bool { return strings.Contains(strings.ToLower(s), t) }
	}
	return operand{sample: false, made: func(i int) any {
		s, ok := o.at(i).(string)
		return ok && f(s, pattern)
	}}
}
