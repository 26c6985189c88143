// Command estimators fits one estimator to the first training part of public sets and prints, as lines of JSON, the seconds that took and the
// score on the held-out part, as bench/estimators.py and bench/estimators.R do with their own:
//
//	estimators FOLDER ALGORITHM PARAMS THREADS SET ..
//
// PARAMS is a JSON object. Sets are read with categories; see package sets.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"mlops/bench/sets"
	"mlops/shared/evaluate"
	"mlops/shared/model/fit"
)

// line is one fit.
type line struct {
	Set       string  `json:"set"`
	Model     string  `json:"model"`
	Wall      float64 `json:"wall"`      // seconds of the fit, from the table in memory
	Processor float64 `json:"processor"` // seconds of all threads
	Score     float64 `json:"score"`     // AUC, or RMSE
}

func main() {
	if len(os.Args) < 6 {
		fmt.Fprintln(os.Stderr, "estimators FOLDER ALGORITHM PARAMS THREADS SET ..")
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	for _, name := range os.Args[5:] {
		l, err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], name)
		if err == nil {
			err = out.Encode(l)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "estimators: %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

func run(folder, algorithm, given, threads, name string) (line, error) {
	out := line{Set: name, Model: "mlops " + algorithm}
	var params map[string]any
	if err := json.Unmarshal([]byte(given), &params); err != nil {
		return out, fmt.Errorf("read the parameters: %w", err)
	}
	n, err := strconv.Atoi(threads)
	if err != nil {
		return out, fmt.Errorf("read the number of threads: %w", err)
	}
	e, err := fit.Parse(algorithm, params)
	if err != nil {
		return out, err
	}
	set, err := sets.Load(folder, name, true)
	if err != nil {
		return out, err
	}
	all, err := fit.NewData(set.Frame, set.Labels)
	if err != nil {
		return out, err
	}
	d, held := all.Take(set.Fits[0].Train), all.Take(set.Fits[0].Test)
	start, before := time.Now(), processor()
	p, err := e.Fit(d, fit.Options{Threads: n})
	if err != nil {
		return out, err
	}
	out.Wall, out.Processor = time.Since(start).Seconds(), processor()-before
	out.Score, err = evaluate.Score(evaluate.Primary(held.Labels.Task), held.Labels, held.Predict(p))
	return out, err
}

// processor is how many seconds this process has worked.
func processor() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
