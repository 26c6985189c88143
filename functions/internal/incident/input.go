package incident

import (
	"fmt"
	"slices"

	"mlops/functions/internal/capture"
)

// MaxNamed is how many examples a window names of each thing that was wrong with what was read.
const MaxNamed = 10

// Input is what was wrong with what a window was read from. Nothing of it stops a check: the lines that can be read are measured, the others are
// counted and named.
type Input struct {
	Lines         int              `json:"lines"`                    // capture lines read
	Broken        int              `json:"broken,omitempty"`         // capture and label lines that could not be read
	BrokenAt      []capture.Broken `json:"broken_at,omitempty"`      // the first of them
	Repeated      int              `json:"repeated,omitempty"`       // lines with an id that another line had: counted once
	Clock         int              `json:"clock,omitempty"`          // lines whose time is not of the hour they lie in
	ClockAt       []string         `json:"clock_at,omitempty"`       //
	Ahead         int              `json:"ahead,omitempty"`          // objects in hours that are still to come
	UnknownLabels int              `json:"unknown_labels,omitempty"` // labels for ids that no line of the window has
	UnknownLabel  string           `json:"unknown_label,omitempty"`  //
	BadLabels     int              `json:"bad_labels,omitempty"`     // labels that are no answer of the task
	BadLabel      string           `json:"bad_label,omitempty"`      //
	Early         int              `json:"early,omitempty"`          // labels learned before their prediction was made
	Unanswered    int              `json:"unanswered,omitempty"`     // rows whose prediction is missing or no probability
	Columns       []string         `json:"extra_columns,omitempty"`  // columns that the model does not know
	Notes         []Note           `json:"notes,omitempty"`          // all of it in sentences
}

// Note is one thing that was wrong, for people.
type Note struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
	Text  string `json:"text"`
}

// Break adds a line that could not be read.
func (i *Input) Break(b capture.Broken) {
	i.Broken++
	if len(i.BrokenAt) < MaxNamed {
		b.Problem = b.Problem[:min(len(b.Problem), 200)]
		i.BrokenAt = append(i.BrokenAt, b)
	}
}

// Extra adds a column that the model does not know.
func (i *Input) Extra(name string) {
	if len(i.Columns) < MaxNamed && !slices.Contains(i.Columns, name) {
		i.Columns = append(i.Columns, name)
		slices.Sort(i.Columns)
	}
}

// Add adds what was noticed in another part of the window.
func (i *Input) Add(o Input) {
	i.Lines += o.Lines
	i.Broken += o.Broken
	i.Repeated += o.Repeated
	i.Clock += o.Clock
	i.BadLabels += o.BadLabels
	i.Early += o.Early
	i.BrokenAt = slices.Concat(i.BrokenAt, o.BrokenAt)
	i.BrokenAt = i.BrokenAt[:min(len(i.BrokenAt), MaxNamed)]
	i.ClockAt = slices.Concat(i.ClockAt, o.ClockAt)
	i.ClockAt = i.ClockAt[:min(len(i.ClockAt), MaxNamed)]
	if i.BadLabel == "" {
		i.BadLabel = o.BadLabel
	}
	for _, name := range o.Columns {
		i.Extra(name)
	}
}

// Note writes down in sentences what was wrong with the window m.
func (i *Input) Note(m *Measured) {
	add := func(kind string, n int, format string, args ...any) {
		if n > 0 {
			i.Notes = append(i.Notes, Note{kind, n, fmt.Sprintf(format, args...)})
		}
	}
	if m.Rows == 0 {
		i.Notes = append(i.Notes, Note{"empty_window", 0, fmt.Sprintf("no row was answered by version %d in the window: nothing is measured, and nothing is wrong with the model", m.Version)})
	}
	if len(i.BrokenAt) > 0 {
		b := i.BrokenAt[0]
		add("broken_lines", i.Broken, "%d lines cannot be read and are not measured; the first is line %d of %s: %s", i.Broken, b.Line, b.Key, b.Problem)
	}
	add("repeated_ids", i.Repeated, "%d lines carry an id that another line has: each id counts once", i.Repeated)
	if len(i.ClockAt) > 0 {
		add("clock", i.Clock, "%d lines say a time that is not of the hour they lie in: a clock went wrong (%s)", i.Clock, i.ClockAt[0])
	}
	add("ahead", i.Ahead, "%d objects lie in hours that are still to come: a clock runs ahead; they are measured when their hour comes", i.Ahead)
	add("unknown_labels", i.UnknownLabels, "%d labels are for predictions that nothing recorded, the first for %.40q: they are not used", i.UnknownLabels, i.UnknownLabel)
	add("bad_labels", i.BadLabels, "%d labels are no answer of this model, the first is %s: they are not used", i.BadLabels, i.BadLabel)
	add("early_labels", i.Early, "%d labels were learned before their prediction was made: a clock went wrong, or the answer was known", i.Early)
	add("unanswered", i.Unanswered, "%d rows have no valid prediction (none, or probabilities outside 0 to 1): their features are measured, their answers are not", i.Unanswered)
	if len(i.Columns) > 0 {
		add("extra_columns", len(i.Columns), "columns that the model does not know are sent: %q", i.Columns)
	}
}
