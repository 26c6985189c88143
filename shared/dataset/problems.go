package dataset

import (
	"fmt"
	"slices"
	"strings"

	"mlops/shared/fault"
)

// maxNamed is how many problems an error names one by one; the rest is counted. A broken file of a million rows must not become an
// error of a million lines.
const maxNamed = 20

// problems collects what is wrong with one input, so that it is all said at once.
type problems struct {
	what    string // the attempt: "read CSV"
	code    string // refines the kind: fault.CodeTooLarge
	found   []fault.Detail
	unnamed int // beyond maxNamed

	part  bool      // these are a part's problems: merge will count them, with the rows before it
	texts []badText // of a part

	alike map[string]*alike // by column: texts where a number must be, which are one problem however many there are
}

// alike is a problem that came in several rows of a column: in found with the first.
type alike struct {
	at    int      // in found; -1: it is not named
	rows  int      // that have it
	texts []string // the first different ones
}

// mostAlike is how many texts are shown of those that are one problem.
const mostAlike = 3

func (a *alike) note(rows int, texts ...string) {
	a.rows += rows
	for _, t := range texts {
		if len(a.texts) < mostAlike && !slices.Contains(a.texts, t) {
			a.texts = append(a.texts, t)
		}
	}
}

// addAlike adds a problem with text in so many rows of the column d.Field, of which the first is d's.
func (p *problems) addAlike(d fault.Detail, rows int, texts ...string) {
	if a := p.alike[d.Field]; a != nil {
		a.note(rows, texts...)
		return
	}
	a := &alike{at: -1}
	a.note(rows, texts...)
	if p.alike == nil {
		p.alike = map[string]*alike{}
	}
	if p.alike[d.Field] = a; len(p.found) < maxNamed {
		a.at = len(p.found)
	}
	p.add(d)
}

// badText is a text that is none, which is told once a column however often it comes.
type badText struct {
	fault.Detail
	text  string
	after int // how many problems of the part came before
}

func (p *problems) add(d fault.Detail) {
	if len(p.found) < maxNamed {
		p.found = append(p.found, d)
	} else {
		p.unnamed++
	}
}

// addText adds a problem with a text of the column d.Field.
func (p *problems) addText(text string, d fault.Detail) {
	if p.part {
		p.texts = append(p.texts, badText{d, text, len(p.found) + p.unnamed})
	} else {
		p.add(d)
	}
}

// merge adds the problems of a part that comes after rows rows, as they would have come without parts: told are the texts at fault by
// column. Rows beyond last do not count.
func (p *problems) merge(part *problems, rows, last int, told map[[2]string]bool) {
	at := make(map[int]*alike, len(part.alike))
	for _, a := range part.alike {
		at[a.at] = a
	}
	add := func(d fault.Detail, a *alike) {
		if d.Row != nil {
			d.Row = fault.Row(*d.Row + rows)
		}
		switch {
		case d.Row != nil && *d.Row > last:
		case a != nil:
			p.addAlike(d, a.rows, a.texts...)
		default:
			p.add(d)
		}
	}
	texts := part.texts
	for i := 0; i <= len(part.found); i++ {
		for ; len(texts) > 0 && (i == len(part.found) || texts[0].after <= i); texts = texts[1:] {
			if key := [2]string{texts[0].Field, texts[0].text}; !told[key] {
				told[key] = true
				add(texts[0].Detail, nil)
			}
		}
		if i < len(part.found) {
			add(part.found[i], at[i])
		}
	}
	p.unnamed += part.unnamed
}

func (p *problems) none() bool { return len(p.found) == 0 }

// fault is everything that was found as one error; nil when there is nothing.
func (p *problems) fault() error {
	if p.none() {
		return nil
	}
	n, s := len(p.found)+p.unnamed, "s"
	if n == 1 {
		s = ""
	}
	for _, a := range p.alike {
		if a.at >= 0 && a.rows > 1 {
			p.found[a.at].Got = fmt.Sprintf("%s in %d rows", strings.Join(a.texts, ", "), a.rows)
		}
	}
	e := fault.Invalidf("%s: %d problem%s", p.what, n, s).WithCode(p.code).With(p.found...)
	if p.unnamed > 0 {
		e.With(fault.Detail{Code: "more", Got: p.unnamed, Expected: "none; only the first " + fmt.Sprint(maxNamed) + " are named"})
	}
	return e
}

// shortList names the first things of a list that may be long.
func shortList(names []string) string {
	if len(names) > maxNamed {
		return strings.Join(names[:maxNamed], ", ") + fmt.Sprintf(" and %d more", len(names)-maxNamed)
	}
	return strings.Join(names, ", ")
}

// shorten cuts a value for an error's text.
func shorten(b []byte) string {
	if len(b) > 40 {
		return strings.ToValidUTF8(string(b[:40]), "\uFFFD") + ".."
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}
