// Command makedata writes a table for measuring with: half its columns numbers (normal, log-normal, Poisson, a tenth missing), half
// categories of 2 to 50 levels whose frequencies fall as 1/rank. The same arguments write the same bytes.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
)

// levels are how many each category has, in turn.
var levels = []int{2, 3, 4, 5, 5, 8, 8, 10, 12, 15, 20, 25, 30, 40, 50}

func main() {
	rows := flag.Int("rows", 1_000_000, "rows")
	columns := flag.Int("columns", 30, "columns")
	seed := flag.Uint64("seed", 11, "seed")
	shift := flag.Float64("shift", 0, "by how much the first column of each kind is moved")
	onlySuite := flag.Bool("suite", false, "write a Great Expectations suite for the table instead: four expectations a column")
	flag.Parse()
	if *onlySuite {
		if err := suite(os.Stdout, *columns); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	write(out, *rows, *columns, rand.New(rand.NewPCG(*seed, 1)), *shift)
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(out *bufio.Writer, rows, columns int, rng *rand.Rand, shift float64) {
	cells := make([]func([]byte) []byte, columns)
	for i := range cells {
		name, cell := column(i, columns, rng, shift)
		if cells[i] = cell; i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(name)
	}
	out.WriteByte('\n')
	var line []byte
	for range rows {
		line = line[:0]
		for _, cell := range cells {
			line = append(cell(line), ',')
		}
		line[len(line)-1] = '\n'
		out.Write(line)
	}
}

// column i of n: its name, and what appends a value of it.
func column(i, n int, rng *rand.Rand, shift float64) (string, func([]byte) []byte) {
	if i >= n/15 {
		shift = 0
	}
	decimal := func(b []byte, v float64) []byte { return strconv.AppendFloat(b, math.Round(v*1e6)/1e6, 'f', -1, 64) }
	switch kind := i * 10 / n; {
	case kind < 2:
		return fmt.Sprintf("normal%d", i), func(b []byte) []byte { return decimal(b, rng.NormFloat64()+shift) }
	case kind < 3:
		return fmt.Sprintf("lognormal%d", i), func(b []byte) []byte { return decimal(b, math.Exp(rng.NormFloat64())) }
	case kind < 4:
		mean := float64(5 + i%3)
		return fmt.Sprintf("poisson%d", i), func(b []byte) []byte {
			k, limit := -1, math.Exp(-mean)
			for p := 1.0; p > limit; p *= rng.Float64() {
				k++
			}
			return strconv.AppendInt(b, int64(k), 10)
		}
	case kind < 5:
		return fmt.Sprintf("missing%d", i), func(b []byte) []byte {
			if rng.Float64() < 0.1 {
				return b
			}
			return decimal(b, rng.NormFloat64())
		}
	}
	k := levels[i%len(levels)]
	upTo, total := make([]float64, k), 0.0
	for j := range upTo {
		total += 1 / float64(j+1)
		upTo[j] = total
	}
	return fmt.Sprintf("category%d", i), func(b []byte) []byte {
		u, j := rng.Float64()*total, 0
		for upTo[j] < u {
			j++
		}
		return append(b, 'v', byte('0'+j/10), byte('0'+j%10))
	}
}
