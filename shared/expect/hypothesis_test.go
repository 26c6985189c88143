package expect

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"mlops/shared/dataset"
)

// drawn has the numbers on which SciPy 1.10.1 gave the p-values below, and tables of two columns.
func drawn(t *testing.T) *dataset.Frame {
	x := []float64{0.31, 1.2, -0.7, 0.05, 2.4, -1.1, 0.9, 0.66, -0.2, 1.75, 3.1, 0.01}
	positive, quarter := make([]float64, len(x)), make([]float64, len(x))
	for i, v := range x {
		positive[i] = math.Abs(v) + 0.02
		quarter[i] = positive[i] / 4
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("x", x), dataset.NumericColumn("p", positive), dataset.NumericColumn("q", quarter),
		dataset.CategoricalColumn("c", strings.Split("a a a a a b b b c c c c", " "), nil), dataset.CategoricalColumn("d", strings.Split("a a a a a b b b c c c d", " "), nil),
		dataset.CategoricalColumn("one", strings.Split("k k k k k k k k k k k k", " "), nil))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestHypotheses(t *testing.T) {
	f := drawn(t)
	const ks = "expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than"
	const chi, boot = "expect_column_chisquare_test_p_value_to_be_greater_than", "expect_column_bootstrapped_ks_test_p_value_to_be_greater_than"
	const kl = "expect_column_kl_divergence_to_be_less_than"
	for _, c := range []struct {
		kind, kwargs string
		want         any // the observed value, or part of the exception
		success      bool
	}{
		{ks, `{"column":"x","distribution":"norm","params":{"mean":0.5,"std_dev":1.5}}`, 0.8989395647062265, true},
		{ks, `{"column":"x","distribution":"norm","params":[],"p_value":0.4}`, 0.3588969265329989, false},
		{ks, `{"column":"p","distribution":"gamma","params":[2,0,0.6]}`, 0.492853675721486, true},
		{ks, `{"column":"q","distribution":"beta","params":{"alpha":1.5,"beta":3}}`, 0.3619776799097004, true},
		{ks, `{"column":"p","distribution":"chi2","params":{"df":1.5}}`, 0.861012194746215, true},
		{ks, `{"column":"p","distribution":"expon","params":[0.01,1.1]}`, 0.9832943878371905, true},
		{ks, `{"column":"p","distribution":"uniform","params":{"min":0,"max":3.5}}`, 0.02941361362035766, false},
		{ks, `{"column":"x","distribution":"cauchy","params":[]}`, "Unsupported distribution provided", false},
		{ks, `{"column":"x","distribution":"gamma","params":{}}`, "Invalid parameters: gamma distributions require 1 positive parameters", false},
		{ks, `{"column":"x","distribution":"beta","params":[1]}`, "Missing required parameters", false},
		{ks, `{"column":"x","distribution":"norm","params":[0,1,2]}`, "Too many parameters", false},
		{ks, `{"column":"x","distribution":"norm","params":{"std_dev":-1}}`, "std_dev and scale must be positive", false},
		{ks, `{"column":"x","distribution":"norm"}`, "params must be a dict or list", false},
		{ks, `{"column":"x","distribution":"norm","params":[],"p_value":1}`, "p_value must be between 0 and 1", false},
		{ks, `{"column":"c","distribution":"norm","params":[]}`, "numeric values are needed", false},
		{chi, `{"column":"c","partition_object":{"values":["a","b","c"],"weights":[0.4,0.4,0.2]}}`, 0.41686201967850856, true},
		{chi, `{"column":"d","partition_object":{"values":["a","b","c"],"weights":[0.4,0.4,0.2]},"tail_weight_holdout":0.1}`, 0.8325715840003076, true},
		{chi, `{"column":"d","partition_object":{"values":["a","b","c"],"weights":[0.4,0.4,0.2]}}`, 0.0, false},
		{chi, `{"column":"c","partition_object":{"values":["a","b"],"weights":[0.4,0.4]}}`, "Invalid partition object", false},
		{chi, `{"column":"c"}`, "Invalid partition object", false},
		{boot, `{"column":"x","partition_object":{"bins":[-2,0,2],"weights":[0.5,0.6]}}`, "Invalid continuous partition object", false},
		{boot, `{"column":"x","partition_object":{"bins":["-Infinity",0,2],"weights":[0.5,0.5]}}`, "Partition endpoints must be finite", false},
		{boot, `{"column":"x","partition_object":{"bins":[-2,0,2],"weights":[0.5,0.5]},"bootstrap_samples":1e7}`, "at most 10000000 values are drawn", false},
		{boot, `{"column":"x","partition_object":{"bins":[50,60],"weights":[1]},"bootstrap_sample_size":20}`, 1.0 / 1001, false},
		{"expect_column_pair_cramers_phi_value_to_be_less_than", `{"column_A":"c","column_B":"one"}`, nil, false},
		{"expect_column_pair_cramers_phi_value_to_be_less_than", `{"column_A":"c","column_B":"c","threshold":1}`, 1.0, true},
		{"expect_column_pair_cramers_phi_value_to_be_less_than", `{"column_A":"c","column_B":"gone","n_bins_A":0}`, "gone", false},
		{kl, `{"column":"c","partition_object":{"values":["a","b"],"weights":[0.4,0.4]}}`, "Invalid partition object", false},
		{kl, `{"column":"c"}`, "Invalid partition_object provided", false},
		{kl, `{"column":"c","partition_object":null,"bucketize_data":false,"threshold":0}`, 0.0, true},
		{kl, `{"column":"x","partition_object":{"bins":[2,1],"weights":[1]}}`, "Invalid partition object", false},
		{kl, `{"column":"c","partition_object":{"values":["a"],"weights":[1]},"threshold":-1}`, "Threshold must be specified, greater than or equal to zero", false},
		{kl, `{"column":"c","partition_object":{"values":["a"],"weights":[1]},"tail_weight_holdout":2}`, "tail_weight_holdout must be between zero and one", false},
		{kl, `{"column":"c","partition_object":{"values":["a"],"weights":[1]},"internal_weight_holdout":0.1}`, "Internal weight holdout cannot be used for discrete data", false},
		{kl, `{"column":"x","partition_object":{"bins":[0,1],"weights":[0.8],"tail_weights":[0.1,0.1]},"tail_weight_holdout":0.1}`, "tail_weight_holdout must be 0 when using tail_weights", false},
	} {
		r := one(t, f, V1, c.kind, c.kwargs, Options{})
		got := r.Result["observed_value"]
		want, number := c.want.(float64)
		v, _ := got.(float64)
		switch said, raises := c.want.(string); {
		case raises && !strings.Contains(r.Exception, said), !raises && r.Exception != "":
			t.Errorf("%s: raised %q, wanted %v", c.kwargs, r.Exception, c.want)
		case number && !(math.Abs(v-want) <= 1e-9*want), c.want == nil && got != nil:
			t.Errorf("%s: %v, wanted %v", c.kwargs, got, c.want)
		case r.Success != c.success:
			t.Errorf("%s: success %v", c.kwargs, r.Success)
		}
	}
}

// TestPartition has the bins that numpy makes of the numbers 1 to 10 by Great Expectations' rule, and the order that pandas gives categories.
func TestPartition(t *testing.T) {
	ten, letters := make([]float64, 10), []string{"a", "a", "b", "c", "d", "a", "b", "a", "a", "d"}
	for i := range ten {
		ten[i] = float64(i + 1)
	}
	f, err := dataset.NewFrame(dataset.NumericColumn("ten", ten), dataset.CategoricalColumn("letters", letters, func(string) bool { return false }))
	if err != nil {
		t.Fatal(err)
	}
	for kwargs, want := range map[string]string{
		`{"column":"ten","partition_object":null,"threshold":1e-9}`:                                                     `{"bins":[1.0,3.25,5.5,7.75,10.0],"tail_weights":[0.0,0.0],"weights":[0.3,0.2,0.2,0.3]}`,
		`{"column":"letters","partition_object":{"values":["b","a","z"],"weights":[0.5,0.3,0.2]}}`:                      `{"values":["b","a","z","c","d"],"weights":[0.2,0.5,0.0,0.1,0.2]}`,
		`{"column":"ten","partition_object":{"bins":["-Infinity",3,12],"weights":[0.5,0.5]},"tail_weight_holdout":0.1}`: `{"bins":[3,12],"tail_weights":[0.2,0.0],"weights":[0.8]}`,
	} {
		r := one(t, f, V1, klName, kwargs, Options{})
		details, _ := r.Result["details"].(map[string]any)
		if got, err := json.Marshal(decimals(details["observed_partition"])); err != nil || string(got) != want || r.Exception != "" || !r.Success {
			t.Errorf("%s: %s, wanted %s (%s %v)", kwargs, got, want, r.Exception, err)
		}
	}
}

// TestCramersPhi has the values of scipy.stats.chi2_contingency, with Yates' correction for the table of 2 x 2.
func TestCramersPhi(t *testing.T) {
	for want, table := range map[float64][][]int{0.4330127018922193: {{5, 2}, {1, 6}}, 0.5533985905294664: {{5, 2, 1}, {1, 6, 3}}} {
		var a, b []string
		for i, row := range table {
			for j, n := range row {
				for range n {
					a, b = append(a, fmt.Sprint("r", i)), append(b, fmt.Sprint("c", j))
				}
			}
		}
		f, _ := dataset.NewFrame(dataset.CategoricalColumn("a", a, nil), dataset.CategoricalColumn("b", b, nil))
		r := one(t, f, V0, "expect_column_pair_cramers_phi_value_to_be_less_than", `{"column_A":"a","column_B":"b"}`, Options{})
		if v, _ := r.Result["observed_value"].(float64); math.Abs(v-want) > 1e-12 || r.Success {
			t.Errorf("%v: %+v", want, r)
		}
		if told, _ := json.Marshal(r.Result["details"]); !strings.Contains(string(told), `[5,2`) {
			t.Errorf("the table is not told: %s", told)
		}
	}
}

// TestBootstrapRepeats asks twice: the draws are the same, and a distribution that fits passes.
func TestBootstrapRepeats(t *testing.T) {
	f := drawn(t)
	kwargs := `{"column":"x","partition_object":{"bins":[-1.1,0,1,3.1],"weights":[0.25,0.4166,0.3334]}}`
	a := one(t, f, V0, "expect_column_bootstrapped_ks_test_p_value_to_be_greater_than", kwargs, Options{})
	b := one(t, f, V0, "expect_column_bootstrapped_ks_test_p_value_to_be_greater_than", kwargs, Options{})
	first, _ := json.Marshal(a)
	second, _ := json.Marshal(b)
	if string(first) != string(second) || !a.Success {
		t.Errorf("%s, then %s", first, second)
	}
}
