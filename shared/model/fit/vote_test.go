package fit_test

import (
	"math"
	"testing"

	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
	"mlops/shared/model/fit"
	"mlops/shared/model/modeltest"
)

// A vote predicts the mean of its members; its Shapley values add up to that, and for values they are the mean of the members'.
func TestVoteIsTheMean(t *testing.T) {
	members := []fit.Estimator{fit.Linear{C: 1}, fit.Boosting{Trees: 20, Leaves: 6}, fit.Forest{Trees: 10}}
	for _, task := range []dataset.Task{dataset.Binary, dataset.Multiclass, dataset.Regression} {
		d := modeltest.Table(task, 300, 1)
		p, err := fit.Vote{Members: members}.Fit(d, fit.Options{Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		v, n := p.(*model.Vote), len(d.Features)
		k := v.Outputs()
		shapley := func(p model.Predictor) *model.Shapley {
			return model.NewShapley(p.(model.Explainer), n, 50, func(i int, x []float64) { d.Row(i, x) })
		}
		whole, parts := shapley(v), make([]*model.Shapley, len(members))
		for i, m := range v.Members {
			parts[i] = shapley(m)
		}
		x, got, one, got2, mean := make([]float64, n), make([]float64, v.Width()), make([]float64, v.Width()), make([]float64, k*(n+1)), make([]float64, k*(n+1))
		for i := range 40 {
			d.Row(i, x)
			v.Predict(got, x)
			for c := range got {
				var sum float64
				for _, m := range v.Members {
					m.Predict(one, x)
					sum += one[c] / 3
				}
				if math.Abs(got[c]-sum) > 1e-12*math.Max(1, math.Abs(sum)) {
					t.Fatalf("%s: %v, the members' mean is %v", task, got[c], sum)
				}
			}
			whole.Explain(got2, x)
			for o := range k {
				var sum float64
				for _, c := range got2[o*(n+1) : (o+1)*(n+1)] {
					sum += c
				}
				if raw := got[v.Width()-k+o]; math.Abs(sum-raw) > 1e-9*math.Max(1, math.Abs(raw)) {
					t.Fatalf("%s: parts sum to %v, the prediction is %v", task, sum, raw)
				}
			}
			if task != dataset.Regression {
				continue
			}
			clear(mean)
			for _, s := range parts {
				buffer := make([]float64, k*(n+1))
				s.Explain(buffer, x)
				for j := range buffer {
					mean[j] += buffer[j] / 3
				}
			}
			for j := range n {
				if math.Abs(mean[j]-got2[j]) > 1e-9*math.Max(1, math.Abs(mean[j])) {
					t.Fatalf("feature %d has %v, the members' mean is %v", j, got2[j], mean[j])
				}
			}
		}
	}
}

// What a vote says of itself reads back as it, and every fault of a member is named.
func TestParseVote(t *testing.T) {
	v := fit.Vote{Members: []fit.Estimator{fit.Linear{C: 0.3}, fit.Boosting{Trees: 10}}}
	back, err := fit.Parse("vote", v.Params())
	if err != nil || back.Complexity() != v.Complexity() || v.Complexity() <= v.Members[0].Complexity()+v.Members[1].Complexity() {
		t.Errorf("%+v, %v", back, err)
	}
	_, err = fit.Parse("vote", map[string]any{"weights": 1, "members": []any{map[string]any{"algorithm": "linnear"}, map[string]any{"algorithm": "vote"}, map[string]any{"algorithm": "forest", "params": map[string]any{"tree": 3}}}})
	if d := fault.Details(err); len(d) != 4 || d[1].Field != "members[0].algorithm" || d[1].Expected != "perhaps linear" || d[3].Field != "members[2].tree" {
		t.Errorf("%v", d)
	}
	for _, bad := range []map[string]any{nil, {"members": []any{}}, {"members": "linear"}} {
		if _, err := fit.Parse("vote", bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v is a vote", bad)
		}
	}
}
