package document

import (
	"slices"
	"time"

	"mlops/shared/document/figure"
	"mlops/shared/drift/alert"
	"mlops/shared/quality"
	"mlops/shared/remedy"
)

// Trends are a model's windows over time, newest last, with how its alert rules stand and what changed.
type Trends struct {
	Model      string
	Windows    []remedy.WindowFacts
	Readings   []figure.Reading
	Firing     []alert.Standing
	Changes    []alert.Transition // newest last
	LeastDrift float64            // the distance from which a change counts
	Quality    []quality.History  // of its traffic, its batches and its datasets
}

// firing is one rule that fires.
type firing struct {
	Severity, Text string
	Since          time.Time
}

// TrendsPage is the page Historical trends of the dashboard: performance, drift and verdicts over time, and which rules fired when,
// and how the data was.
func TrendsPage(t Trends) []byte {
	view := struct {
		Trends
		Course   *figure.Course
		Movement *figure.Movement
		Timeline *figure.Timeline
		Now      []firing
		Newest   []alert.Transition
		Rows     []figure.Reading
		Data     []qualityTable
	}{Trends: t, Data: newQuality(t.Quality), Course: figure.NewCourse(t.Readings), Movement: figure.NewMovement(t.Readings, t.LeastDrift), Timeline: figure.NewTimeline(t.Windows)}
	for _, s := range t.Firing {
		view.Now = append(view.Now, firing{s.Rule.Severity, s.Text(), s.Since})
	}
	view.Newest = slices.Clone(t.Changes)
	slices.Reverse(view.Newest)
	view.Rows = slices.Clone(t.Readings)
	slices.Reverse(view.Rows)
	view.Rows = view.Rows[:min(len(view.Rows), maxListed)]
	return mustDraw("trends", page{Title: "Historical trends of " + figure.Line(t.Model, figure.MaxName), Home: true, Body: view})
}
