package dataset

import (
	"bufio"
	"io"
	"strings"

	"mlops/shared/fault"
)

// ReadCSV reads a table of separated values with a header line, in one pass, on as many processors as there are.
//
// Syntax: RFC 4180. Fields may be quoted, and then hold separators, line breaks (kept as they are) and doubled quotes. Records end in
// LF, CRLF or a lone CR; empty lines do not count; the last record needs no end; a UTF-8 byte order mark is stepped over. The
// separator is guessed among , ; tab | by the header and the lines below it. Spaces belong to a text, but not to an unquoted
// column name, and they count neither for a number nor for "no value".
//
// A column is numeric if every present field is a finite decimal number, else categorical (see Options for exceptions); a column
// with no present field is numeric. "inf" or 1e999 among numbers is an error, among texts a text. Hexadecimal floats and digits
// grouped by underscores are texts.
//
// Numbers may also be written as people write them, where all of a column's fit one notation: with a decimal comma where the separator is no comma
// (1.234,5), and with a decimal point and groups (1,234.5, 1'234.5). A column that fits both, such as 1,234, is read as the file's other columns tell, or with groups
// where commas separate the values; digits in groups by spaces or apostrophes alone need another column that tells. Where nobody can
// know, the column is named (decimal_comma, ambiguous_number).
//
// The error is fault.Invalid and names the first 20 problems with their data rows (1-based, header and empty lines not counted), and
// counts the rest: no or an empty or doubled column name, too few or too many fields, a quote out of place or never closed, bytes that
// are no UTF-8 text, a number out of range; and, with fault.CodeTooLarge, a limit that was passed, where reading stops. A failure of
// r itself keeps its kind.
func ReadCSV(r io.Reader, o Options) (*Frame, error) { return readCSV(r, o, pieceBytes) }

func readCSV(r io.Reader, o Options, piece int) (*Frame, error) {
	p, err := newCSVPass(r, o, piece)
	if err != nil {
		return nil, err
	}
	columns := p.builders()
	for _, b := range columns {
		b.reserve(p.expected)
	}
	p.run(func(batch []*builder) {
		for i, b := range batch {
			columns[i].absorb(b)
		}
	}, nil)
	if err := p.failure(); err != nil {
		return nil, err
	}
	found := make([]evidence, len(columns))
	for i, b := range columns {
		found[i] = b.all()
	}
	verdicts := p.judge(found)
	f := &Frame{Columns: make([]Column, 0, len(columns))}
	for i, b := range columns {
		switch v := verdicts[i]; {
		case v.doubt:
			found[i].doubtful(b.name, &p.problems)
		case v.text && !b.text:
			b.toText()
		case !v.text && v.notation != b.notation:
			b.reread(v.notation)
		}
		if !b.unwanted {
			f.Columns = append(f.Columns, b.column(&p.problems))
		}
	}
	if !p.none() {
		return nil, p.fault()
	}
	return f, nil
}

// WriteCSV writes a header and the rows, comma separated, LF, quoting only where it must; ReadCSV with the Options that f was read with
// gives f back. Texts are written as they are, also those that a spreadsheet takes for a formula ("=1+1"): this is a format between
// programs. What ReadCSV cannot tell apart does not survive: a column of categories that all look like numbers, a level that means
// "no value", levels that no row has.
func WriteCSV(w io.Writer, f *Frame) error {
	out := bufio.NewWriterSize(w, 64<<10)
	var line []byte
	for i := range f.Columns {
		if i > 0 {
			line = append(line, ',')
		}
		name := f.Columns[i].Name
		line = appendField(line, name, strings.ContainsAny(name, separators) || strings.TrimSpace(name) != name)
	}
	for r := range f.Rows() {
		line = append(line, '\n')
		out.Write(line) // bufio keeps the first error for Flush
		line = line[:0]
		for i := range f.Columns {
			if i > 0 {
				line = append(line, ',')
			}
			c := &f.Columns[i]
			switch {
			case c.Missing(r):
				if len(f.Columns) == 1 {
					line = append(line, `""`...) // an empty line would not count
				}
			case c.Kind == Numeric:
				line = appendFloat(line, c.Float[r])
			default:
				line = appendField(line, c.Levels[c.Code[r]], false)
			}
		}
	}
	line = append(line, '\n')
	out.Write(line)
	if err := out.Flush(); err != nil {
		return fault.Wrap(err, "write CSV of %d rows", f.Rows())
	}
	return nil
}

// appendField writes a text, in quotes if it needs or wants them.
func appendField(line []byte, text string, quote bool) []byte {
	if !quote && !strings.ContainsAny(text, ",\"\r\n") {
		return append(line, text...)
	}
	line = append(line, '"')
	for i := range len(text) {
		if text[i] == '"' {
			line = append(line, '"')
		}
		line = append(line, text[i])
	}
	return append(line, '"')
}
