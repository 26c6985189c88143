package dataset

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mlops/shared/fault"
)

func TestParseTarget(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Target
	}{
		{"num", Target{Column: "num"}}, {" a b ", Target{Column: "a b"}}, {"num>0", Target{"num", ">", "0"}}, {"num >= 0.5", Target{"num", ">=", "0.5"}},
		{"num<1", Target{"num", "<", "1"}}, {"num<=1", Target{"num", "<=", "1"}}, {"class==good", Target{"class", "==", "good"}}, {"class=good", Target{"class", "==", "good"}},
		{"class != not good", Target{"class", "!=", "not good"}}, {"income==<=50K", Target{"income", "==", "<=50K"}}, {"survived!", Target{Column: "survived!"}}, {"a!b>1", Target{"a!b", ">", "1"}},
	} {
		got, err := ParseTarget(c.in)
		if err != nil || got != c.want {
			t.Errorf("%q: %+v, %v", c.in, got, err)
		}
		if again, err := ParseTarget(got.String()); err != nil || again != got {
			t.Errorf("%q: written %q, read %+v, %v", c.in, got, again, err)
		}
	}
	for _, in := range []string{"", " ", ">0", "num>", "=="} {
		if got, err := ParseTarget(in); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
}

// columns reads a table of one-letter columns for the targets below.
func columns(t *testing.T, csv string) *Frame {
	t.Helper()
	f, err := ReadCSV(strings.NewReader(csv), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const answers = "two,text,few,real,num,odd>0\n0,no,3,1.5,0,a\n1,yes,7,2.5,2,b\n1,yes,3,1.5,1,a\n0,no,7,3.25,0,b\n0,maybe,11,4,3,a\n1,maybe,11,5,0,a\n"

func TestLabels(t *testing.T) {
	f := columns(t, answers)
	for _, c := range []struct {
		target, positive string
		task, want       Task
		classes          string
		y                []float64
	}{
		{"two", "", "", Binary, "0 1", []float64{0, 1, 1, 0, 0, 1}},
		{"two", "0", "", Binary, "1 0", []float64{1, 0, 0, 1, 1, 0}},
		{"two", "0.0", "", Binary, "1 0", []float64{1, 0, 0, 1, 1, 0}},
		{"two", "1", "", Binary, "0 1", []float64{0, 1, 1, 0, 0, 1}},
		{"text", "", "", Multiclass, "maybe no yes", []float64{1, 2, 2, 1, 0, 0}},
		{"few", "", "", Multiclass, "3 7 11", []float64{0, 1, 0, 1, 2, 2}},
		{"few", "", Regression, Regression, "", []float64{3, 7, 3, 7, 11, 11}},
		{"real", "", "", Regression, "", []float64{1.5, 2.5, 1.5, 3.25, 4, 5}},
		{"two", "", Multiclass, Multiclass, "0 1", []float64{0, 1, 1, 0, 0, 1}},
		{"two", "", Regression, Regression, "", []float64{0, 1, 1, 0, 0, 1}},
		{"num>0", "", "", Binary, "0 1", []float64{0, 1, 1, 0, 1, 0}},
		{"num>0", "0", "", Binary, "1 0", []float64{1, 0, 0, 1, 0, 1}},
		{"num<=1", "", "", Binary, "0 1", []float64{1, 0, 1, 1, 0, 1}},
		{"num==0", "", "", Binary, "0 1", []float64{1, 0, 0, 1, 0, 1}},
		{"num!=0", "", "", Binary, "0 1", []float64{0, 1, 1, 0, 1, 0}},
		{"text==maybe", "", "", Binary, "0 1", []float64{0, 0, 0, 0, 1, 1}},
		{"text!=maybe", "", "", Binary, "0 1", []float64{1, 1, 1, 1, 0, 0}},
		{"odd>0", "", "", Binary, "a b", []float64{0, 1, 0, 1, 0, 0}}, // a column's name
	} {
		target, err := ParseTarget(c.target)
		if err != nil {
			t.Fatal(err)
		}
		l, err := target.Labels(f, c.task, c.positive)
		if err != nil || l.Task != c.want || strings.Join(l.Classes, " ") != c.classes || !slices.Equal(l.Y, c.y) || l.Name != c.target {
			t.Errorf("%s, task %q, positive %q: %+v, %v", c.target, c.task, c.positive, l, err)
		}
	}
	if l, _ := (Target{Column: "few"}).Labels(f, "", ""); !slices.Equal(l.Counts(), []int{2, 2, 2}) || !slices.Equal(l.Take([]int{5, 0}).Y, []float64{2, 0}) || l.Len() != 6 {
		t.Errorf("counts %v, taken %v", l.Counts(), l.Take([]int{5, 0}))
	}
}

func TestLabelsInferMulticlassUpToTenIntegers(t *testing.T) {
	for n, want := range map[int]Task{2: Binary, 10: Multiclass, 11: Regression} {
		v := make([]float64, 40)
		for i := range v {
			v[i] = float64(i % n)
		}
		f, _ := NewFrame(NumericColumn("y", v))
		if l, err := (Target{Column: "y"}).Labels(f, "", ""); err != nil || l.Task != want {
			t.Errorf("%d integers: %s, %v", n, l.Task, err)
		}
	}
}

func TestLabelsProblems(t *testing.T) {
	f := columns(t, "y,void,gaps,same,text,rare,alike\n1,,1,5,a,1,c\n2,,,5,b,1,c\n3,,1,5,c,2,c\n1,,,5,a,2,c\n2,,2,5,b,3,c\n")
	inf, _ := NewFrame(NumericColumn("y", []float64{1, math.Inf(1), 0.5}))
	none, _ := NewFrame(NumericColumn("y", nil))
	for _, c := range []struct {
		f        *Frame
		target   Target
		task     Task
		positive string
		want     string
	}{
		{f, Target{Column: "z"}, "", "", "read the target z: 1 problem; z: missing, expected one of y, void, gaps, same, text, rare, alike"},
		{f, Target{Column: "void"}, "ranking", "", "read the target void: 2 problems; task: unknown_task, got ranking, expected binary, multiclass or regression; void: all_missing, got 5, expected a target in every row"},
		{f, Target{Column: "gaps"}, "", "", "read the target gaps: 1 problem; gaps: missing_target in row 2, got 2 of 5 rows without one, first rows [2 4], expected a target in every row: drop or complete these"},
		{f, Target{Column: "same"}, "", "", "read the target same: 1 problem; same: constant, got 5, expected at least two different values of same"},
		{f, Target{Column: "alike"}, "", "", "read the target alike: 1 problem; alike: constant, got c, expected at least two different values of alike"},
		{f, Target{Column: "same"}, Regression, "", "read the target same: 1 problem; same: constant, got 5, expected at least two different values"},
		{f, Target{"y", ">", "9"}, "", "", "read the target y>9: 1 problem; y: constant, got 1, expected at least two different values of y>9"},
		{f, Target{Column: "rare"}, "", "", "read the target rare: 1 problem; rare: single_row, got 3, expected at least two rows of every class, or task regression"},
		{f, Target{Column: "text"}, Binary, "d", "read the target text: 3 problems; text: single_row, got c, expected at least two rows of every class; " +
			"text: wrong_task, got 3 classes: a, b, c, expected two classes; a comparison such as text==a makes two; positive: unknown_class, got d, expected one of a, b, c"},
		{f, Target{Column: "text"}, Regression, "a", "read the target text: 2 problems; text: wrong_type in row 1, got text such as a, expected numbers, since the task is regression; " +
			"positive: wrong_task, got a, expected no positive class, since the task is regression"},
		{f, Target{"y", ">", "1"}, Regression, "", "read the target y>1: 1 problem; task: wrong_task, got regression, expected binary, since the target is a comparison"},
		{f, Target{"y", ">", "x"}, "", "", "read the target y>x: 1 problem; y: wrong_type, got x, expected a number to compare the numbers of this column with"},
		{f, Target{"text", ">", "a"}, "", "", "read the target text>a: 1 problem; text: wrong_type, got text such as a, expected numbers for >, or == and != for text"},
		{f, Target{"y", "~", "1"}, "", "", "read the target y~1: 1 problem; ~: unknown_operator, expected one of > >= < <= == !="},
		{inf, Target{Column: "y"}, "", "", "read the target y: 1 problem; y: non_finite in row 2, got +Inf, expected a finite number"},
		{none, Target{Column: "y"}, "", "", "read the target y: 1 problem; y: empty, expected at least two rows"},
	} {
		_, err := c.target.Labels(c.f, c.task, c.positive)
		if err == nil || err.Error() != c.want || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s %s:\n%v\nwant\n%s", c.target, c.task, err, c.want)
		}
	}
	if got := (Target{Column: "gaps"}).Present(f); !slices.Equal(got, []int{0, 2, 4}) {
		t.Errorf("present %v", got)
	}
	if got := (Target{"gaps", ">", "1"}).Present(f); !slices.Equal(got, []int{0, 2, 4}) {
		t.Errorf("present %v", got)
	}
	if got := (Target{Column: "z"}).Present(f); got != nil {
		t.Errorf("present %v", got)
	}
	ids := make([]string, 2*maxClasses+2)
	for i := range ids {
		ids[i] = strconv.Itoa(i / 2)
	}
	many, _ := NewFrame(CategoricalColumn("id", ids, nil))
	if _, err := (Target{Column: "id"}).Labels(many, "", ""); err == nil || fault.Details(err)[0].Code != "too_many_classes" {
		t.Error(err)
	}
}

// shares checks that each part has of each class the share of it that it has of all rows, to within slack rows.
func shares(t *testing.T, l Labels, parts [][]int, slack float64) {
	t.Helper()
	for _, part := range parts {
		counts := l.Take(part).Counts()
		for c, n := range l.Counts() {
			want := float64(n) * float64(len(part)) / float64(l.Len())
			if math.Abs(float64(counts[c])-want) > slack {
				t.Errorf("%d of class %d in a part of %d rows, wanted %.1f", counts[c], c, len(part), want)
			}
		}
	}
}

// random are labels of n rows, the classes of very different sizes; classes 0 = regression.
func random(rng *rand.Rand, n, classes int) Labels {
	l := Labels{Task: Multiclass, Y: make([]float64, n)}
	if classes == 0 {
		l.Task = Regression
	}
	for c := range classes {
		l.Classes = append(l.Classes, strconv.Itoa(c))
	}
	for i := range l.Y {
		if classes == 0 {
			l.Y[i] = rng.NormFloat64()
		} else {
			l.Y[i] = math.Floor(math.Pow(rng.Float64(), 3) * float64(classes))
		}
	}
	return l
}

func TestFolds(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for range 200 {
		n, classes, k := 1+rng.IntN(300), rng.IntN(5), 2+rng.IntN(9)
		l := random(rng, n, classes)
		fold := Folds(l, k, 42)
		parts := make([][]int, k)
		for i, f := range fold {
			parts[f] = append(parts[f], i)
		}
		for _, p := range parts {
			if len(p) != n/k && len(p) != (n+k-1)/k {
				t.Fatalf("a fold of %d rows of %d in %d", len(p), n, k)
			}
		}
		if classes > 0 {
			shares(t, l, parts, 2)
		} else if n >= 20*k {
			for _, p := range parts {
				low := 0
				for _, i := range p {
					if l.Y[i] < 0 {
						low++
					}
				}
				if share := float64(low) / float64(len(p)); share < 0.2 || share > 0.8 {
					t.Errorf("%.2f of a fold below the mean", share)
				}
			}
		}
		if !slices.Equal(fold, Folds(l, k, 42)) {
			t.Fatal("another answer to the same question")
		}
		if n > 50 && slices.Equal(fold, Folds(l, k, 43)) {
			t.Fatal("the seed does not matter")
		}
	}
	if got := Folds(random(rng, 3, 2), 1, 0); !slices.Equal(got, []int{0, 0, 0}) {
		t.Error(got)
	}
	// The folds of old experiments must stay what they were.
	l := Labels{Task: Binary, Classes: []string{"0", "1"}, Y: []float64{0, 0, 1, 0, 1, 1, 0, 0, 1, 0}}
	if got, want := Folds(l, 3, 7), []int{1, 1, 2, 2, 0, 1, 0, 2, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("folds %v, were %v", got, want)
	}
}

func TestSplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	for range 300 {
		n, classes := rng.IntN(300), rng.IntN(5)
		train := rng.Float64()
		val := rng.Float64() * (1 - train)
		l := random(rng, n, classes)
		a, b, c := Split(l, train, val, 42)
		all := slices.Concat(a, b, c)
		slices.Sort(all)
		for i, r := range all {
			if i != r {
				t.Fatalf("row %d is in no part or in two", i)
			}
		}
		if len(all) != n || !slices.IsSorted(a) || !slices.IsSorted(b) || !slices.IsSorted(c) {
			t.Fatalf("%d of %d rows, sorted %v %v %v", len(all), n, slices.IsSorted(a), slices.IsSorted(b), slices.IsSorted(c))
		}
		if math.Abs(float64(len(a))-train*float64(n)) > 1 || math.Abs(float64(len(b))-val*float64(n)) > 2 {
			t.Fatalf("%d and %d of %d rows for the shares %.3f and %.3f", len(a), len(b), n, train, val)
		}
		if classes > 0 {
			shares(t, l, [][]int{a, b, c}, 3)
		}
		a2, b2, c2 := Split(l, train, val, 42)
		if !slices.Equal(a, a2) || !slices.Equal(b, b2) || !slices.Equal(c, c2) {
			t.Fatal("another answer to the same question")
		}
	}
	l := random(rng, 10, 2)
	if a, b, c := Split(l, 7, -1, 0); len(a) != 10 || len(b)+len(c) != 0 {
		t.Errorf("shares beyond their bounds: %d, %d, %d", len(a), len(b), len(c))
	}
}
