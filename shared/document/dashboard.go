package document

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mlops/shared/approval"
	"mlops/shared/audit"
	"mlops/shared/document/figure"
	"mlops/shared/explain"
	"mlops/shared/registry"
	"mlops/shared/remedy"
)

// IncidentLine is one incident in a list.
type IncidentLine struct {
	ID       string    `json:"id"`
	Model    string    `json:"model"`
	Kind     string    `json:"kind"`
	Severity string    `json:"severity"`
	Stage    string    `json:"stage"`
	Cause    string    `json:"cause"`
	Opened   time.Time `json:"opened_at"`
	Resolved time.Time `json:"resolved_at,omitzero"`
	Action   string    `json:"action"`
	Folded   int       `json:"folded"` // further alerts of the same condition, which told nobody again
	Summary  string    `json:"summary"`
}

// Ended reports whether nothing more will happen to it by itself.
func (i IncidentLine) Ended() bool {
	return slices.Contains([]string{remedy.StageResolved, remedy.StageUndone, remedy.StageFailed}, i.Stage)
}

// HomeModel is one model on the first page.
type HomeModel struct {
	State   registry.State       `json:"state"`
	Windows []remedy.WindowFacts `json:"windows"` // newest last
	Head    audit.Head           `json:"head"`    // of its ledger
}

// ReportLine is one written report in a list.
type ReportLine struct {
	ID    string    `json:"id"`
	Kind  string    `json:"kind"`
	Model string    `json:"model"`
	Title string    `json:"title"`
	At    time.Time `json:"at"`
}

// MailLine is one mail in a list, where mails are written to a folder.
type MailLine struct {
	ID      string    `json:"id"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	At      time.Time `json:"at"`
}

// Home is what the first page of the dashboard shows. Lists are newest first.
type Home struct {
	At        time.Time          `json:"at"`
	Models    []HomeModel        `json:"models"`
	Incidents []IncidentLine     `json:"incidents"`
	Approvals []approval.Request `json:"approvals"`
	Reports   []ReportLine       `json:"reports"`
	Mails     []MailLine         `json:"mails"`
}

// ModelDetail is everything kept about one model.
type ModelDetail struct {
	State    registry.State       `json:"state"`
	Windows  []remedy.WindowFacts `json:"windows"`            // newest last
	Readings []figure.Reading     `json:"readings,omitempty"` // performance of the windows, where known
	Entries  []audit.Entry        `json:"entries"`            // of its ledger, oldest first

	Explanation explain.Explanation `json:"explanation"` // of the champion
}

const maxListed = 100 // lines of a list on the first page

// modelCard is a model on the first page.
type modelCard struct {
	HomeModel
	Champion registry.Version
	Serves   bool
	Since    time.Time
	Forced   bool
	Metrics  string
	Timeline *figure.Timeline
}

// HomePage is the first page of the dashboard: what waits for a person, then the models with what serves and how the last windows were, then
// what happened.
func HomePage(h Home) []byte {
	view := struct {
		Home
		Lead         string
		Cards        []modelCard
		Open, Closed []IncidentLine
		Pending      []approval.Request
		Decided      []approval.Request
	}{Home: h, Lead: "Nothing waits for a person"}
	for _, m := range h.Models {
		c := modelCard{HomeModel: m, Timeline: figure.NewTimeline(m.Windows)}
		var p registry.Pointer
		if c.Champion, p, c.Serves = m.State.At(registry.Champion); c.Serves {
			c.Since, c.Forced, c.Metrics = p.Since, p.Forced, metrics(c.Champion)
		}
		view.Cards = append(view.Cards, c)
	}
	for _, i := range h.Incidents {
		if i.Ended() {
			view.Closed = append(view.Closed, i)
		} else {
			view.Open = append(view.Open, i)
		}
	}
	for _, a := range h.Approvals {
		if a.Status == approval.Pending {
			view.Pending = append(view.Pending, a)
		} else {
			view.Decided = append(view.Decided, a)
		}
	}
	var waits []string
	if n := len(view.Pending); n > 0 {
		waits = append(waits, figure.Counted(n, "approval")+" to decide")
	}
	if n := len(view.Open); n > 0 {
		waits = append(waits, figure.Counted(n, "open incident"))
	}
	if waits != nil {
		view.Lead = strings.Join(waits, ", ")
	}
	view.Closed = view.Closed[:min(len(view.Closed), maxListed)]
	view.Decided = view.Decided[:min(len(view.Decided), maxListed)]
	view.Reports = view.Reports[:min(len(view.Reports), maxListed)]
	view.Mails = view.Mails[:min(len(view.Mails), maxListed)]
	return mustDraw("home", page{Title: "mlops", Body: view})
}

// metrics are a version's cross-validated figures, by key.
func metrics(v registry.Version) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(v.Metrics)) {
		if len(out) == 8 {
			break
		}
		out = append(out, figure.Metric(k)+" "+figure.Number(v.Metrics[k]))
	}
	return strings.Join(out, ", ")
}

// IncidentPage tells one incident: where it stands, and every decision about it with the evidence on both sides, oldest first.
func IncidentPage(i IncidentLine, decisions []remedy.Decision) []byte {
	type told struct {
		First, Last, Of int // of the decisions, one or a run of the same
		remedy.Decision
		Argument []section
		Expected string
	}
	view := struct {
		IncidentLine
		Decisions []told
		Earlier   int
	}{IncidentLine: i}
	const most = 50
	view.Earlier = max(0, len(decisions)-most)
	for n, d := range decisions[view.Earlier:] {
		number := view.Earlier + n + 1
		t := told{First: number, Last: number, Of: len(decisions), Decision: d, Argument: argument(d, nil)}
		if last := len(view.Decisions) - 1; last >= 0 && d.Action == remedy.Fold && view.Decisions[last].Action == remedy.Fold {
			t.First, view.Decisions = view.Decisions[last].First, view.Decisions[:last] // a storm of alerts is one paragraph
		}
		if d.Expected.Metric != "" && figure.Finite(d.Expected.Value) {
			t.Expected = expected(d.Expected)
		}
		view.Decisions = append(view.Decisions, t)
	}
	return mustDraw("incident", page{Title: figure.Line(i.ID, figure.MaxName) + " of " + figure.Line(i.Model, figure.MaxName), Home: true, Body: view})
}

// versionRow is one version of a model.
type versionRow struct {
	registry.Version
	Aliases []string
	Figures string
}

// ModelPage shows one model: its versions and which serves, how its windows were, what served when, and its ledger.
func ModelPage(m ModelDetail) []byte {
	view := struct {
		ModelDetail
		Versions []versionRow
		Moves    []audit.Entry
		Newest   []audit.Entry
		Course   *figure.Course
		Timeline *figure.Timeline
		Lead     string

		Explained *explanation
		Serving   int
	}{ModelDetail: m, Course: figure.NewCourse(m.Readings), Timeline: figure.NewTimeline(m.Windows), Lead: "Nothing serves yet."}
	for _, v := range slices.Backward(m.State.Versions) {
		row := versionRow{Version: v, Figures: metrics(v)}
		for _, alias := range slices.Sorted(maps.Keys(m.State.Aliases)) {
			if m.State.Aliases[alias].Version == v.Number {
				row.Aliases = append(row.Aliases, string(alias))
			}
		}
		view.Versions = append(view.Versions, row)
	}
	view.Versions = view.Versions[:min(len(view.Versions), maxRows)]
	for _, e := range slices.Backward(m.Entries) {
		if e.Kind == audit.AliasPromoted || e.Kind == audit.AliasRolledBack {
			view.Moves = append(view.Moves, e)
		}
		view.Newest = append(view.Newest, e)
	}
	if v, p, ok := m.State.At(registry.Champion); ok {
		view.Lead = fmt.Sprintf("%s serves since %s.", figure.Version(v.Number), figure.Stamp(p.Since))
		view.Explained, view.Serving = newExplanation(m.Explanation), v.Number
	}
	return mustDraw("model", page{Title: figure.Line(m.State.Model, figure.MaxName), Home: true, Body: view})
}

// MailPage shows one mail as it was written.
func MailPage(m MailLine, body string) []byte {
	return mustDraw("mailpage", page{Title: figure.Line(m.Subject, figure.MaxName), Home: true, Body: struct {
		Mail MailLine
		Text string
	}{m, body[:min(len(body), 64<<10)]}})
}

// ProblemPage says why a page of the dashboard cannot be shown.
func ProblemPage(status int, text string) []byte {
	return mustDraw("problem", page{Title: heading(status), Home: status != 401, Body: struct {
		Status      int
		Title, Text string
	}{status, heading(status), figure.Sentence(text)}})
}
