package drift

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"mlops/shared/dataset"
)

// world draws tables of thirty columns of many kinds: normal, skewed, heavy-tailed, counts, spikes at zero, missing values, and
// categories of two to five thousand levels, their frequencies equal or falling as 1/rank.
type world struct {
	*rand.Rand
	start int // of a course
}

func newWorld(seed uint64) world { return world{Rand: rand.New(rand.NewPCG(seed, 7))} }

func (w world) numbers(n int, draw func() float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = draw()
	}
	return v
}

func (w world) poisson(mean float64) float64 {
	k, p, limit := 0, 1.0, math.Exp(-mean)
	for p > limit {
		p *= w.Float64()
		k++
	}
	return float64(k - 1)
}

// student draws from Student's t of two degrees of freedom, which has no variance.
func (w world) student() float64 { return w.NormFloat64() / math.Sqrt(w.ExpFloat64()) }

// levels draws from k levels whose frequencies fall as 1/rank to the given power; a share of the rows is missing.
func (w world) levels(name string, n, k int, power, missing float64) dataset.Column {
	cumulated, total := make([]float64, k), 0.0
	for i := range cumulated {
		total += math.Pow(float64(i+1), -power)
		cumulated[i] = total
	}
	c := dataset.Column{Name: name, Kind: dataset.Categorical, Code: make([]int32, n), Levels: make([]string, k)}
	for i := range c.Levels {
		c.Levels[i] = fmt.Sprintf("v%04d", i)
	}
	for i := range c.Code {
		if c.Code[i] = -1; missing == 0 || w.Float64() >= missing {
			c.Code[i] = int32(bin(cumulated, w.Float64()*total))
		}
	}
	return c
}

func (w world) frame(n int) *dataset.Frame {
	var c []dataset.Column
	number := func(name string, draw func() float64) {
		c = append(c, dataset.NumericColumn(name, w.numbers(n, draw)))
	}
	for i := range 5 {
		number(fmt.Sprintf("normal%d", i), w.NormFloat64)
	}
	for i := range 3 {
		number(fmt.Sprintf("skewed%d", i), func() float64 { return math.Exp(w.NormFloat64()) })
	}
	number("student", w.student)
	number("cauchy", func() float64 { return w.NormFloat64() / math.Abs(w.NormFloat64()) })
	number("pareto", func() float64 { return math.Pow(w.Float64(), -1/1.5) })
	for i := range 3 {
		number(fmt.Sprintf("count%d", i), func() float64 { return w.poisson(float64(1 + 3*i)) })
	}
	number("spike", func() float64 {
		if w.Float64() < 0.9 {
			return 0
		}
		return 1000 * math.Exp(w.NormFloat64())
	})
	number("flag", func() float64 { return math.Floor(w.Float64() + 0.03) })
	for i := range 3 {
		number(fmt.Sprintf("gaps%d", i), func() float64 {
			if w.Float64() < []float64{0.02, 0.1, 0.6}[i] {
				return math.NaN()
			}
			return 100 + 15*w.NormFloat64()
		})
	}
	for i, k := range []int{2, 3, 4, 5, 8, 10, 15, 50, 300, 1000, 5000} {
		power, missing := 1.0, 0.0
		if i == 6 || i == 10 {
			power = 0
		}
		if i == 5 || i == 8 {
			missing = 0.05
		}
		c = append(c, w.levels(fmt.Sprintf("levels%d_%d", i, k), n, k, power, missing))
	}
	return &dataset.Frame{Columns: c}
}

// answers draws predictions that are calibrated, and labels to them.
func (w world) answers(n int, sharpness float64) (predictions, y []float64) {
	for range n {
		p := 1 / (1 + math.Exp(-sharpness*w.NormFloat64()))
		label := 0.0
		if w.Float64() < p {
			label = 1
		}
		predictions, y = append(predictions, 1-p, p), append(y, label)
	}
	return predictions, y
}

func (w world) profile(t testing.TB, n int) *Profile {
	t.Helper()
	predictions, y := w.answers(n, 2)
	p, err := NewProfile(Reference{Model: "m", Version: 3, Frame: w.frame(n), Predictions: predictions,
		Labels: dataset.Labels{Name: "y", Task: dataset.Binary, Classes: []string{"no", "yes"}, Y: y}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w world) window(n int) Window {
	predictions, _ := w.answers(n, 2)
	return Window{Frame: w.frame(n), Predictions: predictions}
}

func measure(t testing.TB, p *Profile, w Window) *Report {
	t.Helper()
	r, err := Measure(p, w, DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// references is how many references, or windows, a simulation draws: MLOPS_WINDOWS, or as many as usual, of which -short draws a quarter.
func references(usually int) int {
	if n, err := strconv.Atoi(os.Getenv("MLOPS_WINDOWS")); err == nil {
		return n
	}
	return fewer(usually, (usually+3)/4)
}

// fewer is usually, or under -short as much as takes every path once: that is for the race detector, which makes all ten times slower, and proves no rate.
func fewer(usually, short int) int {
	if testing.Short() {
		return short
	}
	return usually
}
