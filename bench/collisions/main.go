// Command collisions writes a made-up table like HIGGS (P. Baldi et al., 2014) to train on: 28 numbers of a collision, 21 of them measured
// (momenta, angles, tags) and 7 derived (masses), and whether it is a signal, 53 % of the rows. The same arguments write the same bytes.
//
//	collisions -rows 1000000 -seed 1 FILE
//
// FILE holds float32, little-endian, column after column, the label last; with -csv it is text with a header, for mlops train. More than
// 28 -columns repeat them with noise, fewer leave the first ones out.
package main

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
)

const features = 28

func main() {
	rows := flag.Int("rows", 1_000_000, "rows")
	columns := flag.Int("columns", features, "features")
	seed := flag.Uint64("seed", 1, "seed")
	text := flag.Bool("csv", false, "write text")
	flag.Parse()
	if err := run(flag.Arg(0), *rows, *columns, *seed, *text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string, rows, columns int, seed uint64, text bool) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	table := draw(rows, columns, rand.New(rand.NewPCG(seed, 1)))
	if text {
		err = writeText(w, table)
	} else {
		err = binary.Write(w, binary.LittleEndian, table[0])
		for _, c := range table[1:] {
			if err == nil {
				err = binary.Write(w, binary.LittleEndian, c)
			}
		}
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Close()
	}
	return err
}

func writeText(w io.Writer, table [][]float32) error {
	var line []byte
	for j := range table[:len(table)-1] {
		line = fmt.Appendf(line, "x%d,", j)
	}
	line = append(line, "signal\n"...)
	for i := range table[0] {
		for _, c := range table {
			line = append(strconv.AppendFloat(line, float64(c[i]), 'g', -1, 32), ',')
		}
		line[len(line)-1] = '\n'
		if _, err := w.Write(line); err != nil {
			return err
		}
		line = line[:0]
	}
	return nil
}

// draw makes the table by column, the label last.
func draw(rows, columns int, r *rand.Rand) [][]float32 {
	table := make([][]float32, columns+1)
	for j := range table {
		table[j] = make([]float32, rows)
	}
	first := max(0, features-columns)
	for i := range rows {
		x, signal := collision(r)
		for j := range columns {
			if j < features {
				table[j][i] = float32(x[first+j])
			} else {
				table[j][i] = float32(x[j%features] + 3*r.NormFloat64())
			}
		}
		table[columns][i] = float32(signal)
	}
	return table
}

// collision is one row. Each jet is three numbers and a tag; the derived ones are masses, one of them, in some signals, near a peak.
func collision(r *rand.Rand) (x [features]float64, signal float64) {
	if r.Float64() < 0.53 {
		signal = 1
	}
	var momentum, eta, phi [5]float64 // of the lepton and four jets
	for k := range momentum {
		momentum[k] = gamma(r, 2+0.12*signal, 0.5)
		eta[k] = (1 - 0.05*signal) * r.NormFloat64()
		phi[k] = angle(r)
	}
	if r.Float64() < 0.22*signal {
		phi[1] = math.Remainder(phi[0]+math.Pi+0.35*r.NormFloat64(), 2*math.Pi)
	}
	lost, lostPhi := gamma(r, 1.8, 0.55)*(1+0.06*signal), angle(r)
	copy(x[:], []float64{momentum[0], eta[0], phi[0], lost, lostPhi})
	for k := 1; k < 5; k++ {
		tag := []float64{0, 0, 0, 0, 0, 1.0865, 1.0865, 2.173, 2.173, 2.173}[r.IntN(10)]
		if r.Float64() < 0.1*signal {
			tag = 2.173
		}
		copy(x[1+4*k:], []float64{momentum[k], eta[k], phi[k], tag})
	}
	mass := func(a, b int) float64 {
		return math.Sqrt(max(0, 2*momentum[a]*momentum[b]*(math.Cosh(eta[a]-eta[b])-math.Cos(phi[a]-phi[b]))))
	}
	lepton := math.Sqrt(2 * momentum[0] * lost * (1 - math.Cos(phi[0]-lostPhi)))
	pair, three := mass(3, 4), 0.6*mass(1, 3)+0.4*mass(2, 4)
	if r.Float64() < 0.45*signal {
		pair = 1 + 0.17*r.NormFloat64()
		three = 0.75*pair + 0.45 + 0.15*r.NormFloat64()
	}
	copy(x[21:], []float64{mass(1, 2), mass(1, 3) + 0.3*mass(2, 3), lepton, mass(0, 2), pair, three, three + 0.5*lepton + 0.2*r.NormFloat64()})
	return x, signal
}

func angle(r *rand.Rand) float64 { return math.Pi * (2*r.Float64() - 1) }

// gamma draws from the gamma distribution of a shape of 1 or more (G. Marsaglia & W. Tsang, "A simple method for generating gamma
// variables", 2000).
func gamma(r *rand.Rand, shape, scale float64) float64 {
	d := shape - 1.0/3
	for {
		z := r.NormFloat64()
		v := 1 + z/math.Sqrt(9*d)
		if v = v * v * v; v > 0 && math.Log(r.Float64()) < 0.5*z*z+d-d*v+d*math.Log(v) {
			return d * v * scale
		}
	}
}
