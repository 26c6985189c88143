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
	given    map[string]verdict // of columns that were read before
	plain    bool               // see builder
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
	o.Limits = o.Limits.OrDefault()
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
	if !slices.ContainsFunc(names, o.wants) {
		return nil, o.noneWanted(s.what)
	}
	if s.eof {
		s.size = int64(len(s.rest()))
	}
	p := &csvPass{problems: s.problems, options: o, given: o.given(), missing: missingSet(o), names: names, expected: s.expectedRows(len(names)), told: map[[2]string]bool{}}
	p.next.L = &p.mu
	if piece == pieceBytes {
		piece = min(max(pieceBytes, len(names)*pieceOfColumn), 8*pieceBytes)
	}
	p.pieces = &pieces{in: s.window, separator: s.separator, size: piece}
	p.scanners = runtime.GOMAXPROCS(0)
	if s.eof && len(s.rest()) <= piece {
		p.scanners = 1
	}
	p.sniff()
	return p, nil
}

// builders are empty columns.
func (p *csvPass) builders() []*builder {
	columns := make([]*builder, len(p.names))
	for i, name := range p.names {
		columns[i] = newBuilder(name, p.options, p.missing)
		columns[i].plain = p.plain
		columns[i].unwanted = !p.options.wants(name)
	}
	return columns
}

// sniff looks at the first rows for columns of texts, and of numbers that are not written plainly.
func (p *csvPass) sniff() {
	in := p.pieces.in
	n := len(in.rest())
	if !in.eof {
		n = lastRecord(in.rest(), p.pieces.separator)
	}
	s := &csvScanner{window: &window{buf: in.rest()[:n], end: n, eof: true}, limits: p.options.Limits}
	s.use(p.pieces.separator)
	columns := p.builders()
	for _, b := range columns {
		b.mustNumber = false // else its texts would be lost
	}
	s.records(columns, mostBatch)
	found := make([]evidence, len(columns))
	for i, b := range columns {
		found[i] = b.all()
	}
	p.take(p.judge(found), columns)
}

// judge says how each column is to be read by what its values say. What was asked for, or found out before, stands.
func (p *csvPass) judge(found []evidence) []verdict {
	separator := p.pieces.separator
	file := custom(separator, found)
	out := make([]verdict, len(found))
	for i, name := range p.names {
		known, given := p.given[name]
		switch {
		case slices.Contains(p.options.Categorical, name), !p.options.wants(name):
		case given:
			out[i] = known
		default:
			out[i] = found[i].verdict(separator, file)
		}
	}
	return out
}

// take has columns read by these verdicts from here on; a column of b that is one of texts stays so.
func (p *csvPass) take(verdicts []verdict, columns []*builder) {
	notations := make(map[string]notation, len(columns))
	var texts []string
	for i, b := range columns {
		if b.unwanted {
			continue // nothing is known of it
		}
		v := verdicts[i]
		if v.text || v.notation == b.notation && b.text {
			texts = append(texts, b.name)
		} else {
			notations[b.name] = v.notation
		}
	}
	p.options.notation, p.options.texts = notations, texts
}

// part is a batch of rows in the making, on loan.
type part struct {
	scanner int
	first   int // rows before it
	columns []*builder
}

// run reads all rows. Every batch is given to inOrder in the order of the text, one at a time, and then to each, if that is not nil, at
// the same time as other scanners give theirs.
func (p *csvPass) run(inOrder func([]*builder), each func(part) error) {
	var wait sync.WaitGroup
	for i := range p.scanners {
		wait.Go(func() { p.scan(i, inOrder, each) })
	}
	wait.Wait()
}

// scan is the work of one scanner.
func (p *csvPass) scan(scanner int, inOrder func([]*builder), each func(part) error) {
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
	for buf := []byte(nil); ; buf = s.buf {
		w, piece, ok := p.pieces.next(buf)
		if !ok {
			return
		}
		s.window = w
		for last := false; !last; {
			s.problems = problems{part: true}
			s.records(b.columns, most)
			last = s.row < most
			if b.first, ok = p.commit(piece, s, last, func() { inOrder(b.columns) }); !ok {
				return
			}
			if each != nil && s.row > 0 {
				if err := each(b); err != nil {
					p.refuse(err)
					return
				}
			}
			for _, c := range b.columns {
				c.clear()
			}
		}
	}
}

// commit waits for the batch's turn and adds it to what was read; last says that the piece has no other. It returns how many rows came
// before, and whether to go on.
func (p *csvPass) commit(piece int, s *csvScanner, last bool, add func()) (before int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.turn != piece && p.err == nil {
		p.next.Wait()
	}
	if p.err != nil {
		return 0, false
	}
	limit := p.options.Limits.Rows
	before = p.rows
	p.merge(&s.problems, before, limit, p.told)
	switch {
	case before+s.row > limit:
		p.err = fault.Invalidf("more than %d rows", limit).WithCode(fault.CodeTooLarge)
	case s.err != nil:
		p.err = s.err
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
	return before, p.err == nil
}

// refuse ends the reading because a taker failed.
func (p *csvPass) refuse(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err, p.refused = err, err
		p.next.Broadcast()
	}
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
