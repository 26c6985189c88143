package fit

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// Engineered is an estimator on the columns that a recipe makes. Everything the recipe learns (means, quantiles, levels, encodings) it
// learns from the rows of the fit, so in a cross-validation a fold's held-out rows have no part in it; target encodings of the rows of the
// fit are themselves cross-fitted. The fitted steps are carried in the predictor, a *model.Pipeline, which reads the raw columns.
type Engineered struct {
	Recipe Recipe
	Inner  Estimator
}

// Algorithm is the inner estimator's.
func (e Engineered) Algorithm() string { return e.Inner.Algorithm() }

// Params are the inner estimator's.
func (e Engineered) Params() map[string]any { return e.Inner.Params() }

// Complexity is the inner estimator's: the recipe is the same for all that are compared.
func (e Engineered) Complexity() int { return e.Inner.Complexity() }

// Fit fits the recipe's steps, then the inner estimator on what they make.
func (e Engineered) Fit(d *Data, o Options) (model.Predictor, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	b, err := e.Recipe.engineer(d, o)
	if err != nil {
		return nil, err
	}
	made := b.data()
	p, err := e.Inner.Fit(made, o)
	if err != nil {
		return nil, err
	}
	return model.NewPipeline(d.Labels.Task, d.Labels.Classes, len(d.Features), b.steps, b.selected(), made.Features, p)
}

// Engineer fits the recipe's steps to d and gives what an estimator would be fitted to. The error names every column that is not there, with
// the one that was probably meant, or is of the wrong kind.
func (r Recipe) Engineer(d *Data, o Options) (*Data, error) {
	b, err := r.engineer(d, o)
	if err != nil {
		return nil, err
	}
	return b.data(), nil
}

// bench is a table being worked on.
type bench struct {
	from      *Data
	options   Options
	columns   []*made
	steps     []model.Step
	registers int
	at        string // the step under way, for problems
	problems  []fault.Detail
	full      bool // room said no
}

// made is a column as the steps so far left it.
type made struct {
	name     string
	kind     dataset.Kind
	levels   []string
	register int
	values   []float64 // of the rows of the fit
	dropped  bool
}

func (r Recipe) engineer(d *Data, o Options) (*bench, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	b := &bench{from: d, options: o, registers: len(d.Features)}
	for j, f := range d.Features {
		b.columns = append(b.columns, &made{name: f.Name, kind: f.Kind, levels: f.Levels, register: j, values: d.Column(j)})
	}
	for i, s := range r.Steps {
		if o.stopped() {
			return nil, ErrStopped
		}
		b.at = fmt.Sprintf("steps[%d]", i)
		b.do(s)
	}
	if len(b.problems) == 0 && len(b.alive()) == 0 {
		b.wrong("steps", "out_of_range", 0, "at least one column that is not dropped")
	}
	if len(b.problems) > 0 {
		return nil, fault.Invalidf("the feature engineering does not suit the table").With(b.problems...)
	}
	return b, nil
}

func (b *bench) wrong(field, code string, got any, expected string) {
	b.problems = append(b.problems, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
}

// do works one step off.
func (b *bench) do(s RecipeStep) {
	columns := b.find(s)
	if s.Step == "combine" {
		if len(columns) == 2 && b.room(1) {
			b.combine(s, columns[0], columns[1])
		}
		return
	}
	for _, c := range columns {
		if !b.room(1) {
			return
		}
		switch s.Step {
		case "impute":
			b.impute(s, c)
		case "clip":
			b.clip(s, c)
		case "scale":
			b.scale(s, c)
		case "transform":
			b.transform(s, c)
		case "bin":
			b.bin(s, c)
		case "encode":
			b.encode(s, c)
		case "drop":
			c.dropped = true
		}
	}
}

// maxCells is how many numbers a recipe may add to a table, 2 GB of them.
const maxCells = 250_000_000

// room reports whether so many further columns may be made, and says it, once, when they may not.
func (b *bench) room(columns int) bool {
	added := b.registers - len(b.from.Features) + columns
	if n := len(b.alive()) + columns - 1; n > model.MaxFeatures || b.registers+columns > model.MaxRegisters || len(b.steps)+columns > model.MaxSteps || added*b.from.Rows > maxCells {
		if !b.full {
			b.wrong(b.at, "too_many", fmt.Sprintf("%d columns of %d rows", n, b.from.Rows), "at most 5,000 columns, and 250,000,000 numbers added: name fewer columns, give one_hot fewer levels, or encode by target or ordinal")
		}
		b.full = true
		return false
	}
	return true
}

// alive are the columns that are not dropped.
func (b *bench) alive() []*made {
	var out []*made
	for _, c := range b.columns {
		if !c.dropped {
			out = append(out, c)
		}
	}
	return out
}

// find gives the columns that a step works on: those named, which must be there and of the right kind, and those of the right kind that
// match a pattern; in the order of the step, each once.
func (b *bench) find(s RecipeStep) []*made {
	alive := b.alive()
	var out []*made
	if len(s.Columns) == 0 {
		return slices.DeleteFunc(alive, func(c *made) bool { return !suits(s, c) })
	}
	for k, name := range s.Columns {
		exact := slices.IndexFunc(alive, func(c *made) bool { return c.name == name })
		field := fmt.Sprintf("%s.columns[%d]", b.at, k)
		switch {
		case exact >= 0 && !suits(s, alive[exact]):
			b.wrong(field, model.CodeWrongType, shorten(name), "a column of numbers: encode it first")
			if s.Step == "encode" {
				b.problems[len(b.problems)-1].Expected = "a column of categories"
			}
		case exact >= 0:
			out = append(out, alive[exact])
		case !strings.ContainsAny(name, `*?[\`):
			b.unknown(field, name, alive)
		default:
			found := false
			for _, c := range alive {
				if ok, _ := path.Match(name, c.name); ok {
					found = true
					if suits(s, c) {
						out = append(out, c)
					}
				}
			}
			if !found {
				b.wrong(field, model.CodeMissing, shorten(name), "a pattern that some column matches")
			}
		}
	}
	if s.Step == "combine" {
		return out // a column may be combined with itself
	}
	seen := map[*made]bool{}
	return slices.DeleteFunc(out, func(c *made) bool { was := seen[c]; seen[c] = true; return was })
}

// unknown names a column that is not there.
func (b *bench) unknown(field, name string, alive []*made) {
	names := make([]string, len(alive))
	for i, c := range alive {
		names[i] = c.name
	}
	expected := "a column of the table as the steps before left it"
	if near := model.Nearest(name, names); near != "" {
		expected = "perhaps " + near
	}
	b.wrong(field, model.CodeMissing, shorten(name), expected)
}

// suits reports whether a step can work on a column.
func suits(s RecipeStep, c *made) bool {
	switch s.Step {
	case "drop":
		return true
	case "impute":
		switch s.How {
		case "most_frequent":
			return true
		case "constant":
			_, number := constant(s.Value)
			return number == (c.kind == dataset.Numeric)
		}
	case "encode":
		return c.kind == dataset.Categorical
	}
	return c.kind == dataset.Numeric
}

// put adds a fitted step that works on columns a and b (nil = one column is read) and gives its values of the rows of the fit.
func (b *bench) put(op model.Op, a, second *made, to int, p ...float64) []float64 {
	s := model.Step{Op: op, A: a.register, To: to, P: p}
	if second != nil {
		s.B = second.register
	}
	b.steps = append(b.steps, s)
	b.registers = max(b.registers, to+1)
	local, row := model.Step{Op: op, A: 0, B: 1, P: p}, [2]float64{}
	out := make([]float64, len(a.values))
	for i, v := range a.values {
		row[0] = v
		if second != nil {
			row[1] = second.values[i]
		}
		out[i] = local.Value(row[:])
	}
	return out
}

// replace puts a step's result in the column's own place.
func (b *bench) replace(c *made, op model.Op, p ...float64) {
	c.values = b.put(op, c, nil, c.register, p...)
}

// add puts a step's result in a new column of numbers.
func (b *bench) add(name string, op model.Op, a, second *made, p ...float64) *made {
	c := &made{name: b.free(name), kind: dataset.Numeric, register: b.registers}
	c.values = b.put(op, a, second, c.register, p...)
	b.columns = append(b.columns, c)
	return c
}

// free is name, marked where it is taken.
func (b *bench) free(name string) string {
	for slices.ContainsFunc(b.columns, func(c *made) bool { return c.name == name }) {
		name += "'"
	}
	return name
}

// selected are the registers of the columns that are left.
func (b *bench) selected() []int {
	var out []int
	for _, c := range b.alive() {
		out = append(out, c.register)
	}
	return out
}

// data is what is left, ready to be fitted.
func (b *bench) data() *Data {
	alive := b.alive()
	d := &Data{Rows: b.from.Rows, Labels: b.from.Labels, Weight: b.from.Weight}
	for _, c := range alive {
		f := model.Feature{Name: c.name, Kind: c.kind, Levels: c.levels}
		if c.kind == dataset.Numeric {
			n := dataset.NumericColumn(c.name, c.values)
			f = numeric(&n)
		}
		missing := 0
		for _, v := range c.values {
			if math.IsNaN(v) {
				missing++
			}
		}
		f.Missing = float64(missing) / float64(max(1, d.Rows))
		d.Features, d.Columns = append(d.Features, f), append(d.Columns, Values{Float: c.values})
	}
	return d
}
