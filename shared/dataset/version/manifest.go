// Package version is what a data version is: the manifest that ties its parts to where they came from, the names by which people refer to
// one, its rows put together again and proved, and what changed from one table to another.
package version

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"time"

	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/number"
)

// Format is the version of the manifest's JSON that is written and read here.
const Format = 1

// CodeDamaged marks what is stored otherwise than its manifest says.
const CodeDamaged = "damaged"

// Parts of a data version, in the order in which they are put together.
var Parts = []string{"train", "val", "test"}

// Order is the file that says, for each row of the content in its order, which part has it; Profile the one that sums up the features.
const (
	Order   = "split.txt"
	Profile = "profile.json"
)

// Manifest is a data version: what it is, where it came from, how it was split and found worth training on, and how to make it again. Version,
// Content and the digests of Files prove the rows; everything else is told by who made it. It is written once, beside the parts: the same
// content from other bytes leaves it as it is.
type Manifest struct {
	Format     int            `json:"format"`
	Dataset    string         `json:"dataset"`
	Version    string         `json:"version"`           // Name: the digest of content and meaning
	Content    string         `json:"content"`           // dataset.Digest of all rows, in their order
	Created    time.Time      `json:"created"`           // of the upload that first brought it
	Code       string         `json:"code"`              // release of the program that made it
	Parents    []string       `json:"parents,omitempty"` // what a retraining made it of: dataset@version
	Source     string         `json:"source"`            // key of the raw object
	Digest     string         `json:"digest"`            // SHA-256 of its bytes
	Target     string         `json:"target"`
	Positive   string         `json:"positive,omitempty"`
	Task       dataset.Task   `json:"task"`
	Ignore     []string       `json:"ignore,omitempty"`
	Segment    []string       `json:"segment,omitempty"`
	Group      string         `json:"group,omitempty"`  // column whose equal values are in one part
	Time       string         `json:"time,omitempty"`   // column that the parts follow each other by
	Weight     string         `json:"weight,omitempty"` // column that says how much a row counts
	Seed       uint64         `json:"seed"`
	Split      Split          `json:"split"`
	Rows       map[string]int `json:"rows"`              // train, val, test, rejected
	Classes    map[string]int `json:"classes,omitempty"` // rows of each class; none for regression
	Files      Files          `json:"files"`             // by name below Dir
	Suite      string         `json:"suite"`             // key of the suite it was checked against
	SuiteSHA   string         `json:"suite_sha256"`      // of that suite, written compactly
	Validation Validation     `json:"validation"`
	Quick      *Quick         `json:"quick,omitempty"` // nil: it is too small for one, or it failed
	Schema     dataset.Schema `json:"schema"`
	Fresh      int            `json:"fresh,omitempty"`     // rows of newly labelled traffic among them
	Selection  *event.Choice  `json:"selection,omitempty"` // why a retraining began with its parent; nil where nothing was chosen
}

// Split is how rows were parted.
type Split struct {
	Rule  string  `json:"rule"` // "stratified": dataset.Split by the target and Seed; "group": whole groups; "time": the latest rows last
	Train float64 `json:"train"`
	Val   float64 `json:"val"`
	Test  float64 `json:"test"`
}

// Files are stored objects by name.
type Files map[string]File

// File is one stored object.
type File struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// FileOf describes bytes.
func FileOf(b []byte) File { return File{hash(b), int64(len(b))} }

// Validation is what the suite said.
type Validation struct {
	Passed       bool   `json:"passed"`       // nothing of severity critical failed
	Expectations int    `json:"expectations"` // of the suite
	Critical     int    `json:"critical"`     // failed ones of severity critical
	Warnings     int    `json:"warnings"`     // failed ones of less
	Report       string `json:"report"`       // key of the result
}

// Quick is the cross-validated score of a linear model on at most a sample of the train and val rows: what the columns are worth, cheaply.
type Quick struct {
	Algorithm string       `json:"algorithm"`
	Metric    string       `json:"metric"`  // auc, accuracy, rmse ..
	Greater   bool         `json:"greater"` // a greater value is better
	Mean      number.Float `json:"mean"`    // over the folds
	SE        number.Float `json:"se"`      // of Mean, from the folds' spread
	Rows      int          `json:"rows"`
	Folds     int          `json:"folds"`
}

// Dir is where a data version lies.
func Dir(name, version string) string { return path.Join("processed", name, version) }

// Name is the version that m's content and meaning have: SHA-256 of the JSON array [content, target, task, positive, ignore, segment, seed].
// Where a group, a time or a weight is declared, these three follow. The same table with another task, positive class or set of features is split and trained on otherwise, so it is another version.
func (m Manifest) Name() string {
	meaning := []any{m.Content, m.Target, m.Task, m.Positive, m.Ignore, m.Segment, m.Seed}
	if m.Group+m.Time+m.Weight != "" {
		meaning = append(meaning, m.Group, m.Time, m.Weight)
	}
	b, err := json.Marshal(meaning)
	if err != nil { // texts and a number always have JSON
		return ""
	}
	return hash(b)
}

// Encode writes manifest.json.
func (m Manifest) Encode() ([]byte, error) {
	m.Format = Format
	if err := m.Validate(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(m, "", " ")
	return b, fault.Wrap(err, "write the manifest of %s", m.Dataset)
}

// Read reads what Encode writes. Fields that it does not know are refused, since a later program meant something by them. Invalid with
// CodeDamaged, naming every problem, when it is not whole: so is one whose version is not the Name of its content.
func Read(b []byte) (Manifest, error) {
	var m Manifest
	var format struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(b, &format); err != nil {
		return m, fault.Invalidf("the manifest is not JSON: %v", err).WithCode(CodeDamaged)
	}
	if format.Format == nil || *format.Format != Format {
		return m, fault.Invalidf("the manifest's format is not %d: upload the data again", Format).WithCode(CodeDamaged)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Manifest{}, fault.Invalidf("the manifest cannot be read: %v", err).WithCode(CodeDamaged)
	}
	return m, m.Validate()
}

// Validate names everything in m that contradicts itself.
func (m Manifest) Validate() error {
	var d []fault.Detail
	bad := func(field string, got any, expected string) {
		d = append(d, fault.Detail{Field: field, Code: CodeDamaged, Got: got, Expected: expected})
	}
	digest := func(field, s string) {
		if !IsDigest(s) {
			bad(field, fmt.Sprintf("%.70s", s), "64 lower-case hex digits")
		}
	}
	if m.Format != Format {
		bad("format", m.Format, fmt.Sprint(Format))
	}
	if m.Dataset == "" || m.Target == "" {
		bad("dataset, target", m.Dataset+", "+m.Target, "names")
	}
	digest("content", m.Content)
	digest("digest", m.Digest)
	digest("suite_sha256", m.SuiteSHA)
	if name := m.Name(); m.Version != name {
		bad("version", fmt.Sprintf("%.70s", m.Version), "the digest of its content and meaning, "+name)
	}
	if m.Task != dataset.Binary && m.Task != dataset.Multiclass && m.Task != dataset.Regression {
		bad("task", fmt.Sprintf("%.40s", m.Task), "binary, multiclass or regression")
	}
	for _, part := range Parts {
		if n, ok := m.Rows[part]; !ok || n < 0 {
			bad("rows."+part, n, "a count")
		}
		if _, ok := m.Files[part+".csv"]; !ok {
			bad("files", nil, part+".csv among them")
		}
	}
	if f, ok := m.Files[Order]; !ok || f.Bytes != int64(m.All()) {
		bad("files."+Order, f.Bytes, fmt.Sprintf("%d bytes, one a row", m.All()))
	}
	for name, f := range m.Files {
		digest("files."+name, f.SHA256)
		if f.Bytes < 0 || path.Base(name) != name {
			bad("files."+name, f.Bytes, "the size of a file in the version's folder")
		}
	}
	if len(m.Schema.Fields) == 0 {
		bad("schema", nil, "at least one column")
	}
	if d != nil {
		return fault.Invalidf("the manifest of %.64s contradicts itself", m.Dataset).WithCode(CodeDamaged).With(d...)
	}
	return nil
}

// All is how many rows the parts have together.
func (m Manifest) All() int {
	n := 0
	for _, part := range Parts {
		n += m.Rows[part]
	}
	return n
}

// Options reads a column the same way as the manifest's schema does, whatever values a part of the rows happens to have.
func (m Manifest) Options() dataset.Options {
	var o dataset.Options
	for _, f := range m.Schema.Fields {
		if f.Kind == dataset.Categorical {
			o.Categorical = append(o.Categorical, f.Name)
		} else {
			o.Numeric = append(o.Numeric, f.Name)
		}
	}
	return o
}

// Upload is the manifest as the event that would make it.
func (m Manifest) Upload() event.Upload {
	return event.Upload{Dataset: m.Dataset, Key: m.Source, Digest: m.Digest, Target: m.Target, Positive: m.Positive, Task: string(m.Task), Ignore: m.Ignore, Segment: m.Segment, Group: m.Group, Time: m.Time, Weight: m.Weight}
}

// Features drops from a frame what the model must not see: the target, the ignored and segment columns, and those of group, time and weight.
func (m Manifest) Features(f *dataset.Frame) *dataset.Frame {
	return f.Drop(slices.Concat([]string{m.Target, m.Group, m.Time, m.Weight}, m.Ignore, m.Segment)...)
}

// FeatureNames are the columns that a model may see.
func (m Manifest) FeatureNames() []string {
	var out []string
	for _, f := range m.Schema.Fields {
		if f.Role == dataset.RoleFeature {
			out = append(out, f.Name)
		}
	}
	return out
}

// IsDigest reports whether s is a whole SHA-256 in lower-case hex.
func IsDigest(s string) bool { return len(s) == 64 && isHex(s) }

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
