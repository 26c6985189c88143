package fit

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"mlops/shared/fault"
	"mlops/shared/model"
)

// Recipe is feature engineering as configuration: what is done, in order, to the columns before an estimator sees them. It is data: read
// from features.yaml, validated as a whole, written into a model's metadata. See docs/FEATURES.md.
type Recipe struct {
	Leaks string       `json:"leaks,omitempty" yaml:"leaks"` // what becomes of a column that predicts the target alone: warn (also ""), drop, refuse
	Steps []RecipeStep `json:"steps,omitempty" yaml:"steps"`
}

// RecipeStep is one of them.
type RecipeStep struct {
	Step    string   `json:"step" yaml:"step"`                     // impute, clip, scale, transform, bin, encode, combine, drop
	How     string   `json:"how,omitempty" yaml:"how"`             // the method, see Methods
	Columns []string `json:"columns,omitempty" yaml:"columns"`     // names, or patterns as of path.Match; empty = every column of the right kind
	Value   any      `json:"value,omitempty" yaml:"value"`         // impute constant: a number or a text
	Flag    bool     `json:"indicator,omitempty" yaml:"indicator"` // impute: a further column says where a value was missing
	Low     float64  `json:"low,omitempty" yaml:"low"`             // clip: the quantile below which values are raised to it; 0.01 where neither is set
	High    float64  `json:"high,omitempty" yaml:"high"`           // clip: the quantile above which values are lowered to it; 0.99 where neither is set
	Bins    int      `json:"bins,omitempty" yaml:"bins"`           // bin: how many, 2 to 256; 0 = 10
	Order   []string `json:"order,omitempty" yaml:"order"`         // encode ordinal: the levels, least first; empty = alphabetical
	Levels  int      `json:"levels,omitempty" yaml:"levels"`       // encode one_hot: only so many of the most frequent levels; 0 = all
	Smooth  *float64 `json:"smoothing,omitempty" yaml:"smoothing"` // encode target: as how many rows the overall mean counts; absent = 20
	Folds   int      `json:"folds,omitempty" yaml:"folds"`         // encode target: of the cross-fitting, 2 to 50; 0 = 5
	Name    string   `json:"name,omitempty" yaml:"name"`           // combine: the new column; "" = both names and the sign between them
}

// Recipes is features.yaml: a recipe for every dataset, and others for datasets by name.
type Recipes struct {
	Leaks    string            `json:"leaks,omitempty" yaml:"leaks"`
	Steps    []RecipeStep      `json:"steps,omitempty" yaml:"steps"`
	Datasets map[string]Recipe `json:"datasets,omitempty" yaml:"datasets"` // each instead of the general one, as a whole
}

// For is the recipe of a dataset.
func (r Recipes) For(dataset string) Recipe {
	if own, ok := r.Datasets[dataset]; ok {
		return own
	}
	return Recipe{Leaks: r.Leaks, Steps: r.Steps}
}

// Validate names every fault of all recipes at once, by the field's path in features.yaml; nil when there is none.
func (r Recipes) Validate() error {
	d := Recipe{Leaks: r.Leaks, Steps: r.Steps}.faults("")
	names := make([]string, 0, len(r.Datasets))
	for name := range r.Datasets {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		d = append(d, r.Datasets[name].faults("datasets."+name+".")...)
	}
	if len(d) > 0 {
		return fault.Invalidf("the feature engineering has %d faults", len(d)).With(d...)
	}
	return nil
}

// Validate names every fault of the recipe at once; nil when there is none. Whether its columns exist only a table can say.
func (r Recipe) Validate() error {
	if d := r.faults(""); len(d) > 0 {
		return fault.Invalidf("the feature engineering has %d faults", len(d)).With(d...)
	}
	return nil
}

// The policies about leaks.
const (
	LeaksWarn   = "warn"   // name the column and use it
	LeaksDrop   = "drop"   // name it and train without it
	LeaksRefuse = "refuse" // name it and do not train
)

// methods are the methods of each step; nil where it has none.
var methods = map[string][]string{
	"impute":    {"mean", "median", "most_frequent", "constant"},
	"clip":      nil,
	"scale":     {"standard", "min_max", "robust"},
	"transform": {"log", "log1p", "yeo_johnson"},
	"bin":       {"quantile", "uniform"},
	"encode":    {"one_hot", "ordinal", "target"},
	"combine":   {"product", "ratio", "difference"},
	"drop":      nil,
}

// Limits of a recipe.
const (
	maxRecipeSteps = 500
	maxPatterns    = model.MaxFeatures
	mostBins       = 256
	mostFolds      = 50
	defaultBins    = 10
	defaultFolds   = 5
	defaultSmooth  = 20
	defaultLow     = 0.01
	defaultHigh    = 0.99
)

// faults are what is wrong with the recipe, by fields that begin with prefix.
func (r Recipe) faults(prefix string) (d []fault.Detail) {
	d = append(d, oneOf(prefix+"leaks", r.Leaks, []string{"", LeaksWarn, LeaksDrop, LeaksRefuse})...)
	if n := len(r.Steps); n > maxRecipeSteps {
		d = append(d, fault.Detail{Field: prefix + "steps", Code: "too_many", Got: n, Expected: fmt.Sprintf("at most %d", maxRecipeSteps)})
	}
	steps := make([]string, 0, len(methods))
	for name := range methods {
		steps = append(steps, name)
	}
	slices.Sort(steps)
	for i, s := range r.Steps[:min(len(r.Steps), maxRecipeSteps)] {
		at := fmt.Sprintf("%ssteps[%d].", prefix, i)
		if known, ok := methods[s.Step]; !ok {
			d = append(d, oneOf(at+"step", s.Step, steps)...)
		} else if known == nil && s.How != "" {
			d = append(d, fault.Detail{Field: at + "how", Code: "not_used", Got: s.How, Expected: "no method with " + s.Step})
		} else if known != nil {
			d = append(d, oneOf(at+"how", s.How, known)...)
		}
		d = append(d, s.faults(at)...)
	}
	return d
}

// oneOf is the fault of a value that is not among the known ones, with the one that was probably meant.
func oneOf(field, got string, known []string) []fault.Detail {
	if slices.Contains(known, got) {
		return nil
	}
	known = slices.DeleteFunc(slices.Clone(known), func(s string) bool { return s == "" })
	expected := "one of " + strings.Join(known, ", ")
	if near := model.Nearest(got, known); near != "" && got != "" {
		expected = "perhaps " + near + "; " + expected
	}
	return []fault.Detail{{Field: field, Code: "unknown_value", Got: shorten(got), Expected: expected}}
}

// shorten keeps what a fault repeats short.
func shorten(s string) string {
	const most = 64
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + ".."
	}
	return s
}

// setting is one optional field of a step: whether it is set, where it belongs, and whether its value will do.
type setting struct {
	field, step, how string
	set, ok          bool
	got              any
	expected         string
}

// settings are the optional fields of a step.
func (s RecipeStep) settings() []setting {
	low, high := s.quantiles()
	smooth := s.smoothing()
	_, number := constant(s.Value)
	_, text := s.Value.(string)
	return []setting{
		{"value", "impute", "constant", s.Value != nil || s.Step == "impute" && s.How == "constant", number || text, s.Value, "a finite number, or a text"},
		{"indicator", "impute", "", s.Flag, true, nil, ""},
		{"low", "clip", "", s.Low != 0, low >= 0 && low < high, fmt.Sprint(s.Low), "a quantile, at least 0 and below high"},
		{"high", "clip", "", s.High != 0, high <= 1 && low < high, fmt.Sprint(s.High), "a quantile, at most 1 and above low"},
		{"bins", "bin", "", s.Bins != 0, s.Bins >= 2 && s.Bins <= mostBins, s.Bins, fmt.Sprintf("2 to %d", mostBins)},
		{"order", "encode", "ordinal", len(s.Order) > 0, distinct(s.Order), len(s.Order), "each level once, at most 65,536"},
		{"levels", "encode", "one_hot", s.Levels != 0, s.Levels >= 1 && s.Levels <= model.MaxFeatures, s.Levels, "1 to 5,000"},
		{"smoothing", "encode", "target", s.Smooth != nil, smooth >= 0 && smooth <= 1e9, fmt.Sprint(smooth), "0 to 1e9 rows"},
		{"folds", "encode", "target", s.Folds != 0, s.Folds >= 2 && s.Folds <= mostFolds, s.Folds, fmt.Sprintf("2 to %d", mostFolds)},
		{"name", "combine", "", s.Name != "", len(s.Name) <= 256, len(s.Name), "at most 256 bytes"},
	}
}

// faults are what is wrong with the step's other fields.
func (s RecipeStep) faults(at string) (d []fault.Detail) {
	for _, f := range s.settings() {
		switch {
		case !f.set:
		case f.step != s.Step || f.how != "" && f.how != s.How:
			d = append(d, fault.Detail{Field: at + f.field, Code: "not_used", Expected: strings.TrimSpace("only with step " + f.step + " " + f.how)})
		case !f.ok:
			d = append(d, fault.Detail{Field: at + f.field, Code: "out_of_range", Got: f.got, Expected: f.expected})
		}
	}
	if n := len(s.Columns); n > maxPatterns {
		return append(d, fault.Detail{Field: at + "columns", Code: "too_many", Got: n, Expected: fmt.Sprintf("at most %d", maxPatterns)})
	}
	for k, name := range s.Columns {
		if _, err := path.Match(name, ""); name == "" || err != nil {
			d = append(d, fault.Detail{Field: fmt.Sprintf("%scolumns[%d]", at, k), Code: "wrong_value", Got: shorten(name), Expected: "a name, or a pattern: * any text, ? any character, [a-c] one of these"})
		}
	}
	if n := len(s.Columns); s.Step == "combine" && n != 2 {
		d = append(d, fault.Detail{Field: at + "columns", Code: "out_of_range", Got: n, Expected: "two columns"})
	}
	if s.Step == "drop" && len(s.Columns) == 0 {
		d = append(d, fault.Detail{Field: at + "columns", Code: "missing", Expected: "the columns that the model is not to read"})
	}
	return d
}

// quantiles are the bounds of a clip.
func (s RecipeStep) quantiles() (low, high float64) {
	switch {
	case s.Low == 0 && s.High == 0:
		return defaultLow, defaultHigh
	case s.High == 0:
		return s.Low, 1
	}
	return s.Low, s.High
}

func (s RecipeStep) smoothing() float64 {
	if s.Smooth == nil {
		return defaultSmooth
	}
	return *s.Smooth
}

// constant is a configured number.
func constant(v any) (float64, bool) {
	x, ok := asNumber(v)
	return x, ok && math.Abs(x) <= model.MaxValue
}

func distinct(levels []string) bool {
	seen := map[string]bool{}
	for _, l := range levels {
		if seen[l] || len(seen) >= model.MaxLevels {
			return false
		}
		seen[l] = true
	}
	return true
}
