// Command readcsv reads each file of separated values into a typed table and prints how long that took and at what rate: what `make bench-drift`
// sets beside pandas' read_csv. -cpuprofile writes a profile for go tool pprof.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"mlops/shared/dataset"
)

func main() {
	profile := flag.String("cpuprofile", "", "where to write a CPU profile")
	flag.Parse()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			fail(err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			fail(err)
		}
		defer pprof.StopCPUProfile()
	}
	for _, file := range flag.Args() {
		if err := read(file); err != nil {
			fail(err)
		}
	}
}

func read(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	start := time.Now()
	table, err := dataset.Read(f, file, dataset.Options{Limits: dataset.Limits{Bytes: 1 << 40}})
	if err != nil {
		return err
	}
	took := time.Since(start).Seconds()
	fmt.Printf("%s: %d x %d in %.2f s, %.0f MB/s\n", file, table.Rows(), len(table.Columns), took, float64(info.Size())/1e6/took)
	return nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
