package dataset

import (
	"fmt"
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
	add := func(d fault.Detail) {
		if d.Row != nil {
			d.Row = fault.Row(*d.Row + rows)
		}
		if d.Row == nil || *d.Row <= last {
			p.add(d)
		}
	}
	texts := part.texts
	for i := 0; i <= len(part.found); i++ {
		for ; len(texts) > 0 && (i == len(part.found) || texts[0].after <= i); texts = texts[1:] {
			if key := [2]string{texts[0].Field, texts[0].text}; !told[key] {
				told[key] = true
				add(texts[0].Detail)
			}
		}
		if i < len(part.found) {
			add(part.found[i])
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
