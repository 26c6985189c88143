package document

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mlops/shared/audit"
	"mlops/shared/document/figure"
	"mlops/shared/registry"
	"mlops/shared/remedy"
)

// Weekly is a week of one model.
type Weekly struct {
	Model         string               `json:"model"`
	Start         time.Time            `json:"start"`
	End           time.Time            `json:"end"`
	State         registry.State       `json:"state"` // at the end
	Predictions   int                  `json:"predictions"`
	Labels        int                  `json:"labels"`
	ByVersion     map[int]int          `json:"by_version"` // predictions
	CostUSD       float64              `json:"cost_usd"`
	Incidents     []IncidentLine       `json:"incidents"`
	Windows       []remedy.WindowFacts `json:"windows"`            // newest last
	Readings      []figure.Reading     `json:"readings,omitempty"` // performance of the windows, where known
	Entries       []audit.Entry        `json:"entries"`            // of the week
	LedgerEntries int                  `json:"ledger_entries"`     // of the whole chain
	LedgerProblem string               `json:"ledger_problem,omitempty"`
}

// versionShare is how much of the week's traffic one version answered.
type versionShare struct {
	Version, Predictions int
	Share                float64
}

// WeeklyReport shows the week: what was answered and by which versions, what went wrong, what the agent did, what people decided, how the
// model did, and whether the ledger still proves it. The title is that in one line.
func WeeklyReport(w Weekly) (title string, html []byte, err error) {
	var actions, people []audit.Entry
	for _, e := range w.Entries {
		switch e.Kind {
		case audit.AliasPromoted, audit.AliasRolledBack, audit.RetrainIntended:
			if e.Actor.Type == audit.Agent {
				actions = append(actions, e)
			}
		case audit.ApprovalVoted, audit.OverrideForced:
			people = append(people, e)
		}
	}
	ledger := fmt.Sprintf("ledger of %s verified", figure.Counted(w.LedgerEntries, "entry"))
	if w.LedgerProblem != "" {
		ledger = "ledger NOT verified: " + strings.TrimSuffix(figure.Line(w.LedgerProblem, figure.MaxText), ".")
	}
	title = figure.Line(fmt.Sprintf("weekly: %s, %s, %s, %s, %s; %s", figure.Counted(len(w.Incidents), "incident"), figure.Counted(len(actions), "action"),
		figure.Counted(len(people), "human decision"), figure.Counted(w.Predictions, "prediction"), figure.Dollars(w.CostUSD), ledger), 300)
	view := struct {
		Weekly
		Title           string
		Actions, People []audit.Entry
		Versions        []versionShare
		Champion        int
		Course          *figure.Course
		Timeline        *figure.Timeline
	}{Weekly: w, Title: title, Actions: actions, People: people, Course: figure.NewCourse(w.Readings), Timeline: figure.NewTimeline(w.Windows)}
	for _, v := range slices.Sorted(maps.Keys(w.ByVersion)) {
		share := versionShare{v, w.ByVersion[v], 0}
		if w.Predictions > 0 {
			share.Share = float64(share.Predictions) / float64(w.Predictions)
		}
		view.Versions = append(view.Versions, share)
	}
	view.Champion = w.State.Aliases[registry.Champion].Version
	html, err = draw("weekly", page{Title: figure.Line(w.Model, figure.MaxName) + " " + title, Body: view})
	return title, html, err
}
