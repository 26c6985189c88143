package joint

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"mlops/shared/dataset"
)

// Sums is a window seen through a reconstruction. Sums of a window's parts, merged in any order, are those of the whole to the last bit.
type Sums struct {
	Rows      int
	Absent    []string // columns that some part lacked; then nothing was summed
	Error     fixed    // of the rows' errors
	Residuals []fixed  // by column, of the squared residuals
	squares   []fixed  // by column, of their squares; nil where nobody asks
}

// fixed is a sum of numbers that are not negative and are rounded to multiples of 2^-24 first, so that no order of adding them changes it. Numbers of a row are
// at most a few hundred: there is room for 10^9 rows.
type fixed int64

const unit = 1 << 24

func (f *fixed) add(x float64) { *f += fixed(min(x, 1<<20)*unit + 0.5) }

func (f fixed) value() float64 { return float64(f) / unit }

// Sum projects the rows of a window. A column that is absent leaves nothing to project: Absent names it.
func (r *Reconstruction) Sum(f *dataset.Frame) *Sums {
	s := &Sums{}
	if f == nil {
		return s
	}
	for _, c := range r.Columns {
		if f.Index(c.Name) < 0 {
			s.Absent = append(s.Absent, c.Name)
		}
	}
	if s.Absent != nil {
		s.Rows = f.Rows()
		return s
	}
	return r.sums(f, nil)
}

// Merge adds the sums of another part of the window.
func (s *Sums) Merge(o *Sums) {
	s.Rows += o.Rows
	for _, name := range o.Absent {
		if !slices.Contains(s.Absent, name) {
			s.Absent = append(s.Absent, name)
		}
	}
	s.Error += o.Error
	if len(s.Residuals) == 0 { // nothing was summed: no frame, or absent columns
		s.Residuals = make([]fixed, len(o.Residuals))
	}
	for j, v := range o.Residuals {
		s.Residuals[j] += v
	}
	for j, v := range o.squares {
		s.squares[j] += v
	}
}

// block is how many rows are projected at once: few enough to stay in the cache.
const block = 64

// sums projects rows; errors, if not nil, receives each row's, and then the squares are summed as well.
func (r *Reconstruction) sums(f *dataset.Frame, errors []float64) *Sums {
	n, p := f.Rows(), len(r.Columns)
	total, project := r.newSums(errors != nil), r.components()
	read := make([]func(row int) float64, p)
	for j := range read {
		read[j] = r.Columns[j].reader(f.Column(r.Columns[j].Name))
	}
	total.Rows = n
	var next atomic.Int64
	var wait sync.WaitGroup
	var lock sync.Mutex
	const chunk = 64 * block
	for range min(runtime.GOMAXPROCS(0), n/chunk+1) {
		wait.Go(func() {
			part := r.newSums(errors != nil)
			z, s := matrix(block, p), matrix(block, project.Rows)
			for from := int(next.Add(chunk)) - chunk; from < n; from = int(next.Add(chunk)) - chunk {
				for i := from; i < min(from+chunk, n); i += block {
					rows := min(block, n-i)
					encode(read, i, rows, z.Data)
					z.Rows, s.Rows = rows, rows
					blas64.Gemm(blas.NoTrans, blas.Trans, 1, z, project, 0, s)
					blas64.Gemm(blas.NoTrans, blas.NoTrans, -1, s, project, 1, z) // z is now what the projection loses
					part.add(z, i, errors)
				}
			}
			lock.Lock()
			defer lock.Unlock()
			total.Merge(part)
		})
	}
	wait.Wait()
	return total
}

func (r *Reconstruction) newSums(squares bool) *Sums {
	s := &Sums{Residuals: make([]fixed, len(r.Columns))}
	if squares {
		s.squares = make([]fixed, len(r.Columns))
	}
	return s
}

// components is the matrix V.
func (r *Reconstruction) components() blas64.General {
	v := matrix(len(r.Components), len(r.Columns))
	for i, component := range r.Components {
		for j, x := range component {
			v.Data[i*v.Stride+j] = float64(x)
		}
	}
	return v
}

func matrix(rows, columns int) blas64.General {
	return blas64.General{Rows: rows, Cols: columns, Stride: columns, Data: make([]float64, rows*columns)}
}

// encode writes rows from from on as standardised numbers, row by row.
func encode(read []func(row int) float64, from, rows int, z []float64) {
	for j, value := range read {
		for i := range rows {
			z[i*len(read)+j] = value(from + i)
		}
	}
}

// add counts the residuals of some rows, the first of which is row at.
func (s *Sums) add(residual blas64.General, at int, errors []float64) {
	for i := range residual.Rows {
		square := 0.0
		for j, x := range residual.Data[i*residual.Stride : (i+1)*residual.Stride] {
			q := float64(x * x)
			s.Residuals[j].add(q)
			if s.squares != nil {
				s.squares[j].add(q * q)
			}
			square += q
		}
		e := math.Sqrt(square)
		s.Error.add(e)
		if errors != nil {
			errors[at+i] = e
		}
	}
}
