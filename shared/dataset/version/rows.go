package version

import (
	"bytes"
	"fmt"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// marks are the letters of Order, one for each of Parts.
const marks = "tvx"

// Marks writes Order: for each row of the content the letter of its part, t(rain), v(al) or x (test). The rows of a part are ascending.
func Marks(rows int, parts [3][]int) []byte {
	out := make([]byte, rows)
	for k, part := range parts {
		for _, i := range part {
			out[i] = marks[k]
		}
	}
	return out
}

// Check compares a stored file with what the manifest says of it. Invalid with CodeDamaged names the file.
func (m Manifest) Check(name string, body []byte) error {
	want, known := m.Files[name]
	if !known {
		return fault.Invalidf("data version %.12s of %s has no file %.40q", m.Version, m.Dataset, name)
	}
	if got := FileOf(body); got != want {
		return fault.Invalidf("%s of data version %.12s of %s is damaged: it has %d bytes of SHA-256 %.12s, its manifest says %d of %.12s", name, m.Version, m.Dataset,
			got.Bytes, got.SHA256, want.Bytes, want.SHA256).WithCode(CodeDamaged)
	}
	return nil
}

// Part reads the stored CSV of a part, after Check.
func (m Manifest) Part(part string, body []byte) (*dataset.Frame, error) {
	name := part + ".csv"
	if err := m.Check(name, body); err != nil {
		return nil, err
	}
	if m.Rows[part] == 0 {
		return m.empty()
	}
	f, err := dataset.ReadCSV(bytes.NewReader(body), m.Options())
	if err != nil {
		return nil, fault.Wrap(err, "read the %s part of %s", part, m.Dataset)
	}
	if f.Rows() != m.Rows[part] {
		return nil, fault.Invalidf("the %s part of data version %.12s has %d rows, its manifest says %d", part, m.Version, f.Rows(), m.Rows[part]).WithCode(CodeDamaged)
	}
	return f, nil
}

// empty is a table with the columns of the schema and no row.
func (m Manifest) empty() (*dataset.Frame, error) {
	columns := make([]dataset.Column, len(m.Schema.Fields))
	for i, f := range m.Schema.Fields {
		columns[i] = dataset.Column{Name: f.Name, Kind: f.Kind}
	}
	return dataset.NewFrame(columns...)
}

// Join puts the parts together again, each row where it was, and proves the whole by Content. files holds the stored bytes of the three
// parts and of Order. Invalid with CodeDamaged names what is not as it was stored.
func (m Manifest) Join(files map[string][]byte) (*dataset.Frame, error) {
	order := files[Order]
	if err := m.Check(Order, order); err != nil {
		return nil, err
	}
	var all *dataset.Frame
	var next [3]int // the row of all that comes next from each part
	for k, part := range Parts {
		f, err := m.Part(part, files[part+".csv"])
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = f
			continue
		}
		next[k] = all.Rows()
		if all, err = dataset.Concat(all, f); err != nil {
			return nil, err
		}
	}
	rows, start := make([]int, len(order)), next
	for i, mark := range order {
		k := bytes.IndexByte([]byte(marks), mark)
		if k < 0 || next[k]-start[k] == m.Rows[Parts[k]] {
			return nil, fault.Invalidf("%s of data version %.12s does not fit its parts at row %d", Order, m.Version, i+1).WithCode(CodeDamaged)
		}
		rows[i] = next[k]
		next[k]++
	}
	all = all.Take(rows)
	if got := dataset.Digest(all); got != m.Content {
		return nil, fault.Invalidf("the rows of data version %.12s of %s have the digest %.12s, not %s", m.Version, m.Dataset, got, fmt.Sprintf("%.12s", m.Content)).WithCode(CodeDamaged)
	}
	return all, nil
}
