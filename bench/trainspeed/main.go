// Command trainspeed fits boosted trees to a table that collisions wrote, and prints seconds, processor seconds and the most memory that
// the process held (MB) up to the end of the fit, binning included, and the area under the curve on a second table.
//
//	trainspeed -columns 28 -threads 2 -trees 100 TRAIN [TEST]
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"

	"mlops/shared/dataset"
	"mlops/shared/evaluate"
	"mlops/shared/model"
	"mlops/shared/model/fit"
)

func main() {
	columns := flag.Int("columns", 28, "features")
	threads := flag.Int("threads", 1, "threads")
	trees := flag.Int("trees", 100, "trees")
	profile := flag.String("profile", "", "where to write a profile of the processor")
	flag.Parse()
	runtime.GOMAXPROCS(max(*threads, 1))
	if err := run(flag.Args(), *columns, *threads, *trees, *profile); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(files []string, columns, threads, trees int, profile string) error {
	d, err := read(files[0], columns)
	if err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
	}
	start, before := time.Now(), usage()
	p, err := fit.Boosting{Trees: trees, Leaves: 31, LearningRate: 0.1, MinLeaf: 20, L2: -1}.Fit(d, fit.Options{Threads: threads})
	if err != nil {
		return err
	}
	took, after := time.Since(start), usage()
	pprof.StopCPUProfile()
	area := math.NaN()
	if len(files) > 1 {
		test, err := read(files[1], columns)
		if err != nil {
			return err
		}
		if area, err = evaluate.Score(evaluate.Primary(dataset.Binary), test.Labels, test.Predict(p)); err != nil {
			return err
		}
	}
	fmt.Printf("%.2f %.2f %d %.5f\n", took.Seconds(), processor(after)-processor(before), after.Maxrss/1000, area)
	return nil
}

func usage() (u syscall.Rusage) {
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for one's own process
	return u
}

func processor(u syscall.Rusage) float64 {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// read takes the table as it is, in single precision.
func read(path string, columns int) (*fit.Data, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	d := &fit.Data{Rows: int(info.Size()) / (4 * (columns + 1))}
	text := make([]byte, 4*d.Rows)
	column := func() ([]float32, error) {
		out := make([]float32, d.Rows)
		_, err := io.ReadFull(f, text)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(text[4*i:]))
		}
		return out, err
	}
	for j := range columns {
		values, err := column()
		if err != nil {
			return nil, err
		}
		d.Features, d.Columns = append(d.Features, model.Feature{Name: fmt.Sprintf("x%d", j)}), append(d.Columns, fit.Values{Single: values})
	}
	label, err := column()
	if err != nil {
		return nil, err
	}
	d.Labels = dataset.Labels{Name: "signal", Task: dataset.Binary, Classes: []string{"0", "1"}, Y: make([]float64, d.Rows)}
	for i, y := range label {
		d.Labels.Y[i] = float64(y)
	}
	return d, nil
}
