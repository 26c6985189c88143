package dataset

import (
	"io"
	"runtime"
	"slices"
	"sync"

	"mlops/shared/fault"
)

// csvPass is one reading of separated values: scanners take pieces of the text side by side and fill columns of their own, a batch of
// rows at a time. What they found is put in the order of the text before anything is said about it, so that neither the number of
// scanners nor the size of pieces shows.
type csvPass struct {
	problems
	options  Options
	plain    bool // see builder
	missing  func([]byte) bool
	names    []string
	expected int // rows that may come, 0 = unknown
	pieces   *pieces
	scanners int

	mu   sync.Mutex
	next sync.Cond
	turn int                // the piece whose batches are in order
	rows int                // so far
	err  error              // why reading ended early
	told map[[2]string]bool // texts at fault, by column

	refused error // what a taker said
}

// The rows of a batch are as many as fill batchCells, within limits.
const (
	batchCells = 1 << 20
	leastBatch = 256
	mostBatch  = 8192
)

// newCSVPass reads the header.
func newCSVPass(r io.Reader, o Options, piece int) (*csvPass, error) {
	o.Limits = o.Limits.orDefault()
	s := &csvScanner{window: newWindow(r, o.Limits.Bytes), limits: o.Limits, problems: problems{what: "read CSV"}}
	if err := s.begin(s.what); err != nil {
		return nil, err
	}
	s.use(guessSeparator(s.rest()))
	names := s.header()
	if err := s.failure(&s.problems); err != nil {
		return nil, err
	}
	checkNamed(o, func(name string) bool { return slices.Contains(names, name) }, names, &s.problems)
	if s.eof {
		s.size = int64(len(s.rest()))
	}
	p := &csvPass{problems: s.problems, options: o, missing: missingSet(o), names: names, expected: s.expectedRows(len(names)), told: map[[2]string]bool{}}
	p.next.L = &p.mu
	p.pieces = &pieces{in: s.window, separator: s.separator, size: piece}
	p.scanners = runtime.GOMAXPROCS(0)
	if s.eof && len(s.rest()) <= piece {
		p.scanners = 1
	}
	return p, nil
}

// builders are empty columns.
func (p *csvPass) builders() []*builder {
	columns := make([]*builder, len(p.names))
	for i, name := range p.names {
		columns[i] = newBuilder(name, p.options, p.missing)
		columns[i].plain = p.plain
	}
	return columns
}

// part is a batch of rows in the making, on loan.
type part struct {
	scanner int
	piece   int // of the text
	first   int // rows of the piece in earlier batches
	columns []*builder
}

// run reads all rows. Every scanner gives its batches to each, at the same time as others do, if each is not nil; and then to inOrder, in
// the order of the text, one at a time.
func (p *csvPass) run(each func(part) error, inOrder func([]*builder)) {
	var wait sync.WaitGroup
	for i := range p.scanners {
		wait.Go(func() { p.scan(i, each, inOrder) })
	}
	wait.Wait()
}

// scan is the work of one scanner.
func (p *csvPass) scan(scanner int, each func(part) error, inOrder func([]*builder)) {
	most := min(max(leastBatch, batchCells/len(p.names)), mostBatch)
	room := most
	if p.expected > 0 {
		room = min(room, p.expected)
	}
	s := &csvScanner{limits: p.options.Limits}
	s.use(p.pieces.separator)
	b := part{scanner: scanner, columns: p.builders()}
	for _, c := range b.columns {
		c.reserve(room)
	}
	for buf, ok := []byte(nil), false; ; buf = s.buf {
		if s.window, b.piece, ok = p.pieces.next(buf); !ok {
			return
		}
		b.first = 0
		for last := false; !last; b.first += s.row {
			s.problems = problems{part: true}
			s.records(b.columns, most)
			last = s.row < most
			var err error
			if each != nil && s.row > 0 && s.err == nil {
				err = each(b)
			}
			if !p.commit(b.piece, s, last, err, func() { inOrder(b.columns) }) {
				return
			}
			for _, c := range b.columns {
				c.clear()
			}
		}
	}
}

// commit waits for the batch's turn and adds it to what was read; last says that the piece has no other, refused is what each said. It reports
// whether to go on.
func (p *csvPass) commit(piece int, s *csvScanner, last bool, refused error, add func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.turn != piece && p.err == nil {
		p.next.Wait()
	}
	if p.err != nil {
		return false
	}
	limit := p.options.Limits.Rows
	p.merge(&s.problems, p.rows, limit, p.told)
	switch {
	case p.rows+s.row > limit:
		p.err = fault.Invalidf("more than %d rows", limit).WithCode(fault.CodeTooLarge)
	case s.err != nil:
		p.err = s.err
	case refused != nil:
		p.err, p.refused = refused, refused
	default:
		add()
	}
	p.rows += s.row
	if last {
		p.turn++
	}
	if last || p.err != nil {
		p.next.Broadcast()
	}
	return p.err == nil
}

// failure is why there is no table, if so.
func (p *csvPass) failure() error {
	if p.refused != nil {
		return p.refused
	}
	if p.err != nil {
		return (&window{err: p.err}).failure(&p.problems)
	}
	if p.rows == 0 && p.none() {
		return fault.Invalidf("read CSV: there is a header of %d columns and no data row", len(p.names))
	}
	return nil
}
