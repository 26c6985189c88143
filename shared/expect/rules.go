package expect

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"mlops/shared/fault"
	"mlops/shared/rule"
)

// Rules are what a suite says of single rows: gaps, bounds, sets, lengths and patterns of one column, of everybody (no mostly below 1) and without
// a row condition. act maps a severity to what is done: refuse and reject refuse a row, warn warns, and what is ignored is left out, as is what
// only a whole table can fail; LeftOut names that.
//
// The error is Invalid and names every expectation that would raise one for any table.
func Rules(s *Suite, act map[string]string) (rule.Set, error) {
	set := rule.Set{Suite: s.Name}
	var problems []string
	for i := range s.Expectations {
		e := &s.Expectations[i]
		k := &kwargs{dialect: s.Dialect, problems: e.problems()}
		var err error
		if k.values, err = substitute(e.Kwargs, parameters{suite: s.Parameters}); err != nil {
			k.problems = append(k.problems, err.Error())
		}
		if err := k.err(); err != nil {
			problems = append(problems, fmt.Sprintf("expectations[%d] %s: %v", i, e.Type, err))
			continue
		}
		action := act[e.Rank()]
		rowRule, single := rowRules[e.Type]
		if !single || action == Ignore || action == "" || k.share("mostly", 1) < 1 || k.values["row_condition"] != nil && k.values["row_condition"] != "" {
			set.LeftOut = append(set.LeftOut, e.Type)
			continue
		}
		r := rule.Rule{Column: k.text("column"), Reject: action != Warn}
		said := rowRule(k, &r)
		if err := k.err(); err != nil {
			problems = append(problems, fmt.Sprintf("expectations[%d] %s: %v", i, e.Type, err))
			continue
		}
		if !said {
			set.LeftOut = append(set.LeftOut, e.Type)
			continue
		}
		set.Rules = append(set.Rules, r)
	}
	slices.Sort(set.LeftOut)
	set.LeftOut = slices.Compact(set.LeftOut)
	if len(problems) > 0 {
		return rule.Set{}, fault.Invalidf("make rules for requests of the suite %s: %s", s.Name, strings.Join(problems, "; "))
	}
	return set, nil
}

// rowRules make a rule of an expectation's arguments; false: it says nothing of one row.
var rowRules = map[string]func(*kwargs, *rule.Rule) bool{
	"expect_column_values_to_not_be_null": func(_ *kwargs, r *rule.Rule) bool {
		r.Required = true
		return true
	},
	"expect_column_values_to_be_between": func(k *kwargs, r *rule.Rule) bool {
		b := k.bounds()
		low, high, ok := b.numbers()
		if !ok { // texts compare by their order, of which a request's checks know nothing
			return false
		}
		r.StrictMin, r.StrictMax = b.strictMin, b.strictMax
		if !math.IsInf(low, 0) {
			r.Min = &low
		}
		if !math.IsInf(high, 0) {
			r.Max = &high
		}
		return r.Min != nil || r.Max != nil
	},
	"expect_column_values_to_be_in_set":     func(k *kwargs, r *rule.Rule) bool { r.In = valueSet(k); return r.In != nil },
	"expect_column_values_to_not_be_in_set": func(k *kwargs, r *rule.Rule) bool { r.NotIn = valueSet(k); return r.NotIn != nil },
	"expect_column_value_lengths_to_be_between": func(k *kwargs, r *rule.Rule) bool {
		b := k.wholeBounds()
		r.MinLength, r.MaxLength = whole(b.min, b.strictMin, 1), whole(b.max, b.strictMax, -1)
		return r.MinLength != nil || r.MaxLength != nil
	},
	"expect_column_value_lengths_to_equal": func(k *kwargs, r *rule.Rule) bool {
		if n, ok := k.whole("value"); ok {
			r.MinLength = whole(n, false, 0)
			r.MaxLength = r.MinLength
		}
		return r.MinLength != nil
	},
	"expect_column_values_to_match_regex":     func(k *kwargs, r *rule.Rule) bool { r.Pattern = pattern(k); return r.Pattern != "" },
	"expect_column_values_to_not_match_regex": func(k *kwargs, r *rule.Rule) bool { r.NoPattern = pattern(k); return r.NoPattern != "" },
}

// whole is a bound on a count as an int; a strict one is moved inwards by step.
func whole(bound any, strict bool, step int) *int {
	v, ok := bound.(float64)
	if !ok {
		return nil
	}
	n := int(v)
	if strict {
		n += step
	}
	return &n
}

// pattern is regex as RE2 has it; "" for one that only backtracking could search for: a request is checked in linear time.
func pattern(k *kwargs) string {
	text := k.text("regex")
	if _, err := compileRegex(text); err != nil {
		k.problems = append(k.problems, err.Error())
		return ""
	}
	translated, beyond := translateRegex(unicodeFlags.ReplaceAllString(text, ""))
	if _, err := regexp.Compile(translated); beyond != nil || err != nil {
		return ""
	}
	return translated
}

// valueSet is value_set by value: True is 1, and may come as the text that a file has for it.
func valueSet(k *kwargs) *rule.Values {
	values, there := k.scalars("value_set")
	if !there {
		return nil
	}
	set := &rule.Values{}
	for _, v := range values {
		switch x := v.(type) {
		case bool:
			set.Numbers = append(set.Numbers, key(x).(float64))
			spelt := []string{"False", "false", "FALSE"}
			if x {
				spelt = []string{"True", "true", "TRUE"}
			}
			set.Texts = append(set.Texts, spelt...)
		case float64:
			set.Numbers = append(set.Numbers, x)
		case string:
			set.Texts = append(set.Texts, x)
		}
	}
	return set
}
