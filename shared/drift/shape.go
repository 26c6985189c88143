package drift

import (
	"fmt"
	"maps"
	"slices"

	"mlops/shared/dataset"
	"mlops/shared/number"
)

// shape is how a window's table differs from the reference's beside its values: columns that the profile does not know, and the order of those it does. It is
// no drift, since columns go by their names: it informs.
type shape struct {
	extra map[string]dataset.Kind
	order []string // the profile's columns as the window has them; nil before any rows came
}

// maxExtra is how many extra columns are kept, the first by name, and maxInformed of how many of them, and of how many that stand elsewhere, there are findings.
const (
	maxExtra    = maxFeatures
	maxInformed = 50
)

// add looks at the columns of a part. Parts of one window have one order, or that of the first by text.
func (s *shape) add(p *Profile, names []string, kinds func(i int) dataset.Kind) {
	known := make(map[string]bool, len(p.Features))
	for i := range p.Features {
		known[p.Features[i].Name] = true
	}
	var order []string
	extra := map[string]dataset.Kind{}
	for i, name := range names {
		if known[name] {
			order = append(order, name)
		} else {
			extra[name] = kinds(i)
		}
	}
	s.merge(&shape{extra, order})
}

// merge adds what another part of the window has. A column that is text in any part is text.
func (s *shape) merge(o *shape) {
	if s.extra == nil && len(o.extra) > 0 {
		s.extra = map[string]dataset.Kind{}
	}
	for name, kind := range o.extra {
		if _, known := s.extra[name]; !known || kind == dataset.Categorical {
			s.extra[name] = kind
		}
	}
	if over := len(s.extra) - maxExtra; over > 0 {
		for _, name := range sortedKeys(s.extra)[maxExtra:] {
			delete(s.extra, name)
		}
	}
	if s.order == nil || o.order != nil && slices.Compare(o.order, s.order) < 0 {
		s.order = o.order
	}
}

// findings name every extra column, and every column of the profile that stands elsewhere among those that both have.
func (t *Tally) shapeFindings() (findings []Finding) {
	inform := func(kind, feature, text string) {
		findings = append(findings, Finding{Kind: kind, Severity: SeverityInfo, Feature: feature, Effect: 1, Unit: "columns", N: t.rows, Text: text})
	}
	rest := func(kind string, all int, text string) {
		if more := all - maxInformed; more > 0 {
			findings = append(findings, Finding{Kind: kind, Severity: SeverityInfo, Effect: number.Float(more), Unit: "columns", N: t.rows, Text: fmt.Sprintf("%s more %s", counted(more, "column"), text)})
		}
	}
	extra := sortedKeys(t.shape.extra)
	for _, name := range extra[:min(len(extra), maxInformed)] {
		inform(ExtraColumn, name, fmt.Sprintf("%s is not of the reference: a %s column that is not compared", shortened(name), t.shape.extra[name]))
	}
	rest(ExtraColumn, len(extra), "that are not of the reference")
	moved, at, was := t.elsewhere()
	for _, name := range moved[:min(len(moved), maxInformed)] {
		inform(ColumnOrder, name, fmt.Sprintf("%s stands at place %d of the columns that both have, in the reference at %d", shortened(name), at[name], was[name]))
	}
	rest(ColumnOrder, len(moved), "that stand elsewhere")
	return findings
}

// elsewhere are the fewest columns that would have to move for the window's order to be the reference's, and the places of all, from 1: those not in a longest
// ascending run of places. Schensted, Canadian Journal of Mathematics 13 (1961).
func (t *Tally) elsewhere() (moved []string, at, was map[string]int) {
	at, was = map[string]int{}, map[string]int{}
	for i, name := range t.shape.order {
		at[name] = i + 1
	}
	var places []int // in the window, in the reference's order
	var names []string
	for i := range t.profile.Features {
		if name := t.profile.Features[i].Name; at[name] > 0 {
			names, places = append(names, name), append(places, at[name])
			was[name] = len(names)
		}
	}
	var tails []int // index of the least place that ends an ascending run, by its length less one
	before := make([]int, len(places))
	for i, place := range places {
		k, _ := slices.BinarySearchFunc(tails, place, func(j, place int) int { return places[j] - place })
		if before[i] = -1; k > 0 {
			before[i] = tails[k-1]
		}
		tails = append(tails[:k], append([]int{i}, tails[min(k+1, len(tails)):]...)...)
	}
	stays := map[string]bool{}
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = before[i] {
			stays[names[i]] = true
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return stays[name] }), at, was
}

// columnsOfFrame adds a frame's columns to the shape.
func (t *Tally) addShape(f *dataset.Frame) {
	if f != nil && len(f.Columns) > 0 {
		t.shape.add(t.profile, f.Names(), func(i int) dataset.Kind { return f.Columns[i].Kind })
	}
}

// storedShape is a shape as JSON.
type storedShape struct {
	Extra map[string]dataset.Kind `json:"extra,omitempty"`
	Order []string                `json:"order,omitempty"`
}

func (s *shape) stored() storedShape { return storedShape{s.extra, s.order} }

func (s storedShape) shape() shape { return shape{maps.Clone(s.Extra), s.Order} }
