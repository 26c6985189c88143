// Heart writes heart.csv, the set that the project ships: 902 patients of two hospitals, none of them real. README.md, one directory
// up, says where its figures come from.
//
//	go run ./testdata/datasets/heart > testdata/datasets/heart.csv
//
// The same program always writes the same bytes.
package main

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
)

// hospital is one population, and what makes its patients ill.
type hospital struct {
	name     string
	patients int

	burden float64 // how strongly the findings go together: the share of a latent coronary burden in each, in [0,1]

	age, trestbps, chol, thalach gauge
	oldpeak                      gauge      // before cutting at 0
	sex, fbs, exang              float64    // shares of 1
	cp                           [4]float64 // shares of 1, 2, 3, 4
	restecg                      [3]float64 // of 0, 1, 2
	slope                        [3]float64 // of 1, 2, 3
	ca                           [4]float64 // of 0, 1, 2, 3
	thal                         [3]float64 // of 3, 6, 7

	risk risk
}

// gauge is a measured quantity: its mean, standard deviation and bounds.
type gauge struct{ mean, sd, least, greatest float64 }

// risk are the log-odds of the disease: at the average patient of the north, and by one standard deviation of the north in each column.
type risk struct {
	average                                                                              float64
	age, sex, cp, trestbps, chol, fbs, restecg, thalach, exang, oldpeak, slope, ca, thal float64
}

// North resembles the Cleveland Clinic's table.
var north = hospital{
	name: "north", patients: 612, burden: 0.50,
	age:      gauge{54.4, 9.0, 29, 77},
	trestbps: gauge{131.7, 17.6, 94, 200},
	chol:     gauge{246.7, 51.8, 126, 564},
	thalach:  gauge{149.6, 22.9, 71, 202},
	oldpeak:  gauge{0.75, 1.45, 0, 6.2},
	sex:      0.68, fbs: 0.15, exang: 0.33,
	cp:      [4]float64{0.08, 0.16, 0.28, 0.48},
	restecg: [3]float64{0.50, 0.01, 0.49},
	slope:   [3]float64{0.47, 0.46, 0.07},
	ca:      [4]float64{0.58, 0.22, 0.13, 0.07},
	thal:    [3]float64{0.55, 0.06, 0.39},
	risk: risk{average: -0.35, age: 0.05, sex: 0.60, cp: 0.65, trestbps: 0.15, chol: 0.10, fbs: 0, restecg: 0.15, thalach: -0.55,
		exang: 0.45, oldpeak: 0.55, slope: 0.30, ca: 1.00, thal: 0.75},
}

// South is older and sicker at a glance, and its findings part the ill from the well less clearly; blood pressure, cholesterol and
// sugar tell more there than in the north.
var south = hospital{
	name: "south", patients: 290, burden: 0.25,
	age:      gauge{58.0, 8.2, 35, 77},
	trestbps: gauge{134.0, 30.0, 80, 240},
	chol:     gauge{238.0, 100.0, 85, 603},
	thalach:  gauge{132.0, 21.0, 69, 182},
	oldpeak:  gauge{1.15, 1.15, 0, 6.2},
	sex:      0.88, fbs: 0.40, exang: 0.50,
	cp:      [4]float64{0.04, 0.07, 0.19, 0.70},
	restecg: [3]float64{0.42, 0.35, 0.23},
	slope:   [3]float64{0.28, 0.62, 0.10},
	ca:      [4]float64{0.76, 0.16, 0.06, 0.02},
	thal:    [3]float64{0.66, 0.14, 0.20},
	risk: risk{average: -0.70, age: 0.50, sex: 0.45, cp: 0.55, trestbps: 1.00, chol: 0.90, fbs: 0.90, restecg: 0.80, thalach: -0.45,
		exang: 0.45, oldpeak: 0.50, slope: 0.30, ca: 1.00, thal: 0.75},
}

// columns are what a patient's record has, in the order and coding of the UCI tables.
const columns = "site,age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,target"

func main() {
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, columns)
	d := &dice{source: rand.NewPCG(1988, 2)}
	for _, h := range []hospital{north, south} {
		for range h.patients {
			fmt.Fprintln(out, h.patient(d))
		}
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "heart: write the table:", err)
		os.Exit(1)
	}
}

// patient draws one record. The findings share a latent burden, and the disease follows from the findings by a logistic model.
func (h hospital) patient(d *dice) string {
	burden := d.normal()
	// finding is a standard normal with the correlation share*h.burden to the burden
	finding := func(share float64) float64 {
		r := share * h.burden
		return float64(r*burden) + float64(math.Sqrt(1-float64(r*r))*d.normal())
	}
	ageing := finding(0.6)
	age := h.age.at(ageing, 1)
	sex := level(finding(0.3), 1-h.sex, h.sex)
	cp := 1 + level(finding(1), h.cp[:]...)
	trestbps := h.trestbps.at(float64(0.25*ageing)+float64(0.97*finding(0.3)), 1)
	chol := h.chol.at(skewed(finding(0.3)), 1)
	fbs := level(finding(0.2), 1-h.fbs, h.fbs)
	restecg := level(finding(0.4), h.restecg[:]...)
	thalach := h.thalach.at(float64(-0.35*ageing)-float64(0.93*finding(0.9)), 1)
	exang := level(finding(1.1), 1-h.exang, h.exang)
	strain := finding(1.1)
	oldpeak := h.oldpeak.at(strain, 0.1)
	slope := 1 + level(float64(0.6*strain)+float64(0.8*finding(0.5)), h.slope[:]...)
	ca := level(finding(1), h.ca[:]...)
	thal := [...]float64{3, 6, 7}[level(finding(1.1), h.thal[:]...)]

	r := h.risk
	odds := r.average
	for _, term := range [...]struct{ effect, value, mean, sd float64 }{
		{r.age, age, 54.4, 9.0},
		{r.sex, float64(sex), 0.68, 0.47},
		{r.cp, float64(cp), 3.16, 0.97},
		{r.trestbps, trestbps, 131.7, 17.6},
		{r.chol, chol, 246.7, 51.8},
		{r.fbs, float64(fbs), 0.15, 0.36},
		{r.restecg, float64(restecg), 0.99, 1.00},
		{r.thalach, thalach, 149.6, 22.9},
		{r.exang, float64(exang), 0.33, 0.47},
		{r.oldpeak, oldpeak, 1.04, 1.16},
		{r.slope, float64(slope), 1.60, 0.62},
		{r.ca, float64(ca), 0.69, 0.96},
		{r.thal, thal, 4.74, 1.92},
	} {
		odds += float64(term.effect * (term.value - term.mean) / term.sd)
	}
	target := 0
	if d.uniform() < 1/(1+math.Exp(-odds)) {
		target = 1
	}
	return fmt.Sprintf("%s,%.0f,%d,%d,%.0f,%.0f,%d,%d,%.0f,%d,%.1f,%d,%s,%s,%d", h.name, age, sex, cp, trestbps, chol, fbs, restecg, thalach, exang,
		oldpeak, slope, d.seldomLost(fmt.Sprint(ca)), d.seldomLost(fmt.Sprint(thal)), target)
}

// at is the reading z standard deviations above the mean, cut at the bounds and rounded to the unit.
func (g gauge) at(z, unit float64) float64 {
	v := g.mean + float64(z*g.sd)
	return math.Round(min(max(v, g.least), g.greatest)/unit) * unit
}

// level is the index of the share of a population in which the standard normal z lies, the shares laid side by side from the left.
func level(z float64, shares ...float64) int {
	below, sum := 0.5*math.Erfc(-z/math.Sqrt2), 0.0
	for i, share := range shares[:len(shares)-1] {
		if sum += share; below < sum {
			return i
		}
	}
	return len(shares) - 1
}

// skewed bends a standard normal to the right, as serum cholesterol is, keeping mean 0 and standard deviation 1: a shifted log-normal.
func skewed(z float64) float64 {
	const s = 0.25
	mean := math.Exp(s * s / 2)
	return (math.Exp(s*z) - mean) / (mean * math.Sqrt(math.Expm1(s*s)))
}

// dice are the chance in the table: numbers that depend on the seed alone, not on the version of a library.
type dice struct{ source *rand.PCG }

// uniform is in (0, 1).
func (d *dice) uniform() float64 { return (float64(d.source.Uint64()>>11) + 0.5) / (1 << 53) }

// normal is a standard normal (G. E. P. Box and M. E. Muller, 1958; the second of the pair is not used).
func (d *dice) normal() float64 {
	return math.Sqrt(-2*math.Log(d.uniform())) * math.Cos(2*math.Pi*d.uniform())
}

// seldomLost is the value, or once in a hundred times the mark of a lost one.
func (d *dice) seldomLost(value string) string {
	if d.uniform() < 0.01 {
		return "?"
	}
	return value
}
