package training

import (
	"cmp"
	_ "embed" // the shipped model_config.yaml
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"mlops/shared/dataset"
	"mlops/shared/elementary"
	"mlops/shared/fault"
	"mlops/shared/model/fit"
)

// ShippedConfig is model_config.yaml as it is shipped: what Auto tries, and why. It is parsed where YAML is, and read by ReadConfig.
//
//go:embed model_config.yaml
var ShippedConfig []byte

// Config is model_config.yaml: what is tried, from which ranges, and how much may be spent on it.
type Config struct {
	Folds      int
	Budget     int // fits; 0 = as many as it takes
	Vote       int // the best of so many algorithms may vote; below 2 = none
	Calibrate  bool
	Nested     int // draws of the estimate that is corrected for the choice; 0 = none
	Parameters map[string]map[string]Range
	Candidates []Choice
	Draws      map[string]int     // candidates drawn at random from the ranges, by algorithm
	Datasets   map[string]Setting // what holds for a dataset (in mlops train: a model's name)
}

// Range is a hyperparameter's default and the range that candidates are drawn from.
type Range struct {
	Default   any // a number, or for parameters that are none what fit.Parse takes; nil: left to the size of the table and the task
	Low, High float64
	Scale     string // linear, log; "" = it is not drawn
	Source    string
}

// Choice is one candidate.
type Choice struct {
	Algorithm string
	Params    map[string]any
	Why       string
	LeastRows int // on smaller tables it is not tried
	MostRows  int // on larger ones neither; 0 = no bound
	Tasks     []dataset.Task
}

// Setting is what is declared of one dataset: each field instead of the general one.
type Setting struct {
	Shape  Shape
	Costs  Costs
	Folds  int
	Budget int
}

// The limits of a configuration.
const (
	mostCandidates = 500
	mostBudget     = 1_000_000
	mostNested     = 10_000
)

// ReadConfig reads documents as YAML gives them, each over the ones before: scalars and ranges replace, candidates are tried before those of the
// earlier document, or with "extends: nothing" instead of them. The error, Invalid, names every mistake by its path, and for a misspelt word the
// nearest known one.
func ReadConfig(documents ...any) (Config, error) {
	c := Config{Parameters: map[string]map[string]Range{}, Draws: map[string]int{}, Datasets: map[string]Setting{}}
	var problems []fault.Detail
	for _, doc := range documents {
		c.read(reader{"", doc, &problems})
	}
	if len(problems) > 0 {
		return c, fault.Invalidf("the model configuration has %d faults", len(problems)).With(problems...)
	}
	return c, nil
}

func (c *Config) read(r reader) {
	r.fields("version", "extends", "folds", "budget", "vote", "calibrate", "nested", "parameters", "candidates", "draws", "datasets")
	version := 1
	r.at("version").count(&version, 1, 1)
	if r.at("extends").text("shipped", "nothing") == "nothing" {
		c.Candidates, c.Draws = nil, map[string]int{}
	}
	if v := r.at("folds"); v.value != nil && fmt.Sprint(v.value) != "0" {
		v.count(&c.Folds, leastFolds, mostFolds)
	}
	r.at("budget").count(&c.Budget, 0, mostBudget)
	r.at("vote").count(&c.Vote, 0, len(fit.Algorithms))
	r.at("calibrate").flag(&c.Calibrate)
	r.at("nested").count(&c.Nested, 0, mostNested)
	c.readParameters(r.at("parameters"))
	for algorithm := range r.at("draws").fields(drawn()...) {
		n := 0
		r.at("draws").at(algorithm).count(&n, 0, mostCandidates)
		c.Draws[algorithm] = n
	}
	var list []Choice
	candidates := r.at("candidates").list()
	if len(candidates) > mostCandidates {
		r.at("candidates").bad("too_many", len(candidates), fmt.Sprintf("at most %d", mostCandidates))
		candidates = nil
	}
	for _, e := range candidates {
		list = append(list, c.readChoice(e))
	}
	c.Candidates = append(list, c.Candidates...)
	for name := range r.at("datasets").fields() {
		c.Datasets[name] = readSetting(r.at("datasets").at(name))
	}
}

// drawn are the algorithms that have hyperparameters.
func drawn() (names []string) {
	for _, a := range fit.Algorithms {
		if len(fit.Parameters(a)) > 0 {
			names = append(names, a)
		}
	}
	return names
}

func (c *Config) readParameters(r reader) {
	for algorithm := range r.fields(drawn()...) {
		known, names := fit.Parameters(algorithm), []string{}
		for _, p := range known {
			names = append(names, p.Name)
		}
		here := r.at(algorithm)
		all := maps.Clone(c.Parameters[algorithm])
		if all == nil {
			all = map[string]Range{}
		}
		for name := range here.fields(names...) {
			if at := slices.Index(names, name); at >= 0 {
				all[name] = readRange(here.at(name), known[at], all[name])
			}
		}
		c.Parameters[algorithm] = all
	}
}

// readRange reads one hyperparameter over what is known of it.
func readRange(r reader, p fit.Parameter, g Range) Range {
	r.fields("default", "low", "high", "scale", "source")
	low, high := p.Low, p.High
	if p.Open {
		low = math.Nextafter(low, math.Inf(1))
	}
	if p.Under {
		high = math.Nextafter(high, math.Inf(-1))
	}
	if v := r.at("default"); v.value != nil {
		if g.Default = v.value; v.value == "size" {
			g.Default = nil
		} else {
			for _, d := range p.Check(v.value) {
				v.bad(d.Code, d.Got, d.Expected+", or size: left to the table")
			}
		}
	}
	if p.Number() {
		r.at("low").number(&g.Low, low, high)
		r.at("high").number(&g.High, low, high)
	} else if g.Scale = ""; r.at("low").value != nil || r.at("high").value != nil || r.at("scale").value != nil {
		r.bad("unexpected", nil, "a default and a source only: "+p.Expected)
	}
	if v := r.at("scale"); v.value != nil {
		g.Scale = v.text("linear", "log", "none")
	}
	if g.Scale == "none" {
		g.Scale = ""
	}
	if g.Source = cmp.Or(r.at("source").text(), g.Source); g.Source == "" {
		r.at("source").bad("missing", nil, "why this default and this range: a paper, or what was measured")
	}
	if g.Low > g.High {
		r.bad("out_of_range", fmt.Sprintf("%g to %g", g.Low, g.High), "low at most high")
	}
	if g.Scale == "log" && g.Low <= 0 {
		r.at("low").bad("out_of_range", fmt.Sprint(g.Low), "more than 0 on a log scale")
	}
	return g
}

func (c *Config) readChoice(r reader) Choice {
	r.fields("algorithm", "params", "why", "least_rows", "most_rows", "tasks")
	ch := Choice{Algorithm: r.at("algorithm").text(fit.Algorithms...), Why: r.at("why").text()}
	if r.at("algorithm").value == nil {
		r.at("algorithm").bad("missing", nil, "the name of an algorithm")
	}
	ch.Params = r.at("params").fields()
	r.at("least_rows").count(&ch.LeastRows, 0, math.MaxInt32)
	r.at("most_rows").count(&ch.MostRows, 0, math.MaxInt32)
	for _, t := range r.at("tasks").list() {
		if s := t.text(string(dataset.Binary), string(dataset.Multiclass), string(dataset.Regression)); s != "" {
			ch.Tasks = append(ch.Tasks, dataset.Task(s))
		}
	}
	if ch.Algorithm != "" {
		if _, err := fit.Parse(ch.Algorithm, ch.Params); err != nil {
			for _, d := range fault.Details(err) {
				at := r.at("params").at(d.Field)
				at.bad(d.Code, d.Got, d.Expected)
			}
		}
	}
	return ch
}

func readSetting(r reader) Setting {
	r.fields("group", "time", "weight", "class_weight", "costs", "folds", "budget")
	s := Setting{Shape: Shape{Group: r.at("group").text(), Time: r.at("time").text(), Weight: r.at("weight").text()}}
	if v := r.at("class_weight"); v.value != nil {
		w, err := ParseClassWeight(v.value)
		if err != nil {
			v.bad("wrong_type", shorten(v.value), "balanced, or a weight for each class by its name")
		}
		s.Shape.ClassWeight = w
	}
	r.at("costs").fields("fp", "fn")
	r.at("costs").at("fp").number(&s.Costs.FalsePositive, 0, mostCost)
	r.at("costs").at("fn").number(&s.Costs.FalseNegative, 0, mostCost)
	r.at("folds").count(&s.Folds, leastFolds, mostFolds)
	r.at("budget").count(&s.Budget, 0, mostBudget)
	return s
}

// params are an algorithm's defaults, with those that are given over them.
func (c Config) params(algorithm string, given map[string]any) map[string]any {
	out := map[string]any{}
	for name, g := range c.Parameters[algorithm] {
		if g.Default != nil {
			out[name] = g.Default
		}
	}
	maps.Copy(out, given)
	return out
}

// estimators is what an algorithm, or auto, tries on a table: the candidates that are meant for it, in their order, and those drawn.
func (c Config) estimators(algorithm string, task dataset.Task, rows int, seed uint64) ([]fit.Estimator, error) {
	var out []fit.Estimator
	for _, ch := range c.Candidates {
		if algorithm != Auto && algorithm != ch.Algorithm || rows < ch.LeastRows || ch.MostRows > 0 && rows > ch.MostRows ||
			len(ch.Tasks) > 0 && !slices.Contains(ch.Tasks, task) {
			continue
		}
		e, err := fit.Parse(ch.Algorithm, c.params(ch.Algorithm, ch.Params))
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	for _, a := range sorted(c.Draws) {
		if algorithm != Auto && algorithm != a {
			continue
		}
		random := rand.New(rand.NewPCG(seed, 0x6472617773)) // the second word is arbitrary and fixed
		for range c.Draws[a] {
			e, err := fit.Parse(a, c.params(a, c.draw(a, random)))
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	return out, nil
}

// draw takes a value of every parameter that has a scale, at random (J. Bergstra & Y. Bengio, JMLR 13, 2012).
func (c Config) draw(algorithm string, random *rand.Rand) map[string]any {
	out := map[string]any{}
	for _, p := range fit.Parameters(algorithm) {
		g, ok := c.Parameters[algorithm][p.Name]
		if !ok || g.Scale == "" {
			continue
		}
		v := g.Low + float64(random.Float64()*(g.High-g.Low))
		if g.Scale == "log" {
			v = elementary.Exp(elementary.Log(g.Low) + float64(random.Float64()*(elementary.Log(g.High)-elementary.Log(g.Low))))
		}
		if p.Whole {
			v = math.Round(v)
		} else {
			v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64) // a short number reads better and loses nothing
		}
		out[p.Name] = min(max(v, g.Low), g.High)
	}
	return out
}

// Fill completes a spec by what the configuration says of a dataset: what s states itself stands.
func (c Config) Fill(s *Spec, name string) {
	own := c.Datasets[name]
	s.Config = &c
	s.Shape = s.Shape.over(own.Shape)
	if s.Costs == (Costs{}) {
		s.Costs = own.Costs
	}
	for _, v := range []int{own.Folds, c.Folds} {
		if s.Folds == 0 {
			s.Folds = v
		}
	}
	for _, v := range []int{own.Budget, c.Budget} {
		if s.Budget == 0 {
			s.Budget = v
		}
	}
	s.Vote, s.Calibrate, s.Nested = c.Vote, c.Calibrate, c.Nested
}
