// Command quality trains on public data sets by a fixed protocol and prints what it scored on rows it had not seen, as lines of JSON that
// bench/quality.py prints beside its peers':
//
//	quality FOLDER ALGORITHM SET ..
//
// SET is a name in FOLDER (see package sets). Of a set with folds the figures are means over all fits.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"time"

	"mlops/bench/sets"
	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/platform"
	"mlops/shared/training"
)

// scored is one line of the output.
type scored struct {
	Set     string             `json:"set"`
	Model   string             `json:"model"`
	Metrics map[string]float64 `json:"metrics"`
	Fits    int                `json:"fits"`
	Seconds float64            `json:"seconds"` // of one fit, in the mean: search and cross-validation included
	Chosen  map[string]int     `json:"chosen"`  // how often each algorithm was
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "quality FOLDER ALGORITHM SET ..")
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	for _, name := range os.Args[3:] {
		s, err := run(os.Args[1], os.Args[2], name)
		if err == nil {
			err = out.Encode(s)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "quality: %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

// run scores an algorithm on all fits of a set.
func run(folder, algorithm, name string) (scored, error) {
	out := scored{Set: name, Model: "mlops " + algorithm, Metrics: map[string]float64{}, Chosen: map[string]int{}}
	set, err := sets.Load(folder, name, true)
	if err != nil {
		return out, err
	}
	document, err := platform.ReadDocument("model_config.yaml", training.ShippedConfig)
	if err != nil {
		return out, err
	}
	config, err := training.ReadConfig(document.Value)
	if err != nil {
		return out, err
	}
	config.Nested = 0 // the rows held out say how good it is
	metrics := []string{evaluate.NameRMSE}
	if set.Labels.Task == dataset.Binary {
		metrics = []string{evaluate.NameAUC, evaluate.NameLogLoss}
	}
	n := float64(len(set.Fits))
	for _, f := range set.Fits {
		start := time.Now()
		spec := training.Spec{Algorithm: algorithm, Seed: f.Seed, Threads: runtime.GOMAXPROCS(0)}
		config.Fill(&spec, name)
		r, err := training.Train(set.Frame.Take(f.Train), set.Labels.Take(f.Train), spec, nil, nil)
		if err != nil {
			return out, err
		}
		out.Seconds += time.Since(start).Seconds() / n
		p, err := r.Model.PredictFrame(set.Frame.Take(f.Test))
		if err != nil {
			return out, err
		}
		for _, m := range metrics {
			v, err := evaluate.Score(m, set.Labels.Take(f.Test), p)
			if err != nil {
				return out, err
			}
			out.Metrics[m] += v / n
		}
		out.Fits++
		out.Chosen[r.Algorithm]++
	}
	return out, nil
}
