package drift

import (
	"fmt"
	"math"
	"slices"
	"time"

	"mlops/shared/fault"
)

// Season is how the same time of an earlier year looked: a second reference beside the training data. What differs from training as it
// did then is drift from training, and no news: it neither warns nor alerts.
type Season struct {
	Name    string    // for people: "2024, ISO weeks 22 to 24"
	From    time.Time // when it began; may be zero
	Profile *Profile  // of that time's windows: Tally.Profile, and MergeProfiles where there are several
}

// Past is a window of the past, as it lies in a store's index.
type Past struct {
	Key     string    `json:"key"` // where its profile lies
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	Version int       `json:"version"` // whose bins it is counted on: only profiles of one version can be merged
	Rows    int       `json:"rows"`
	Verdict string    `json:"verdict"`
}

// How a season is looked for.
const (
	seasonYears = 3                // years looked back
	seasonReach = 1                // ISO weeks before and after the window's own
	longWindow  = 21 * 24          // hours from which a window is compared with its calendar month instead
	maxSeason   = 200              // windows that make a season, the newest
	weeksOfYear = 52               // of which a 53rd is neighbour to the first
	halfWindow  = time.Duration(2) // a window is where its middle is
)

// FindSeason picks, among past windows, those of the same season of the most recent earlier year that has any: whose middle lies in the
// same ISO week, the one before or the one after; for windows of three weeks and more, in the same calendar month. Windows that were
// alerts or had too few rows are no reference. Of several versions the one with the most rows counts, ties to the greater number, since
// their bins differ. name is "" and the list empty where there is none. The windows come in order of time, at most 200.
func FindSeason(at Span, past []Past) (name string, windows []Past) {
	if at.Start.IsZero() || at.End.IsZero() {
		return "", nil
	}
	middle := at.Start.Add(at.End.Sub(at.Start) / halfWindow).UTC()
	monthly := at.End.Sub(at.Start).Hours() >= longWindow
	year, week := middle.ISOWeek()
	if monthly {
		year = middle.Year()
	}
	for back := 1; back <= seasonYears; back++ {
		var found []Past
		for _, w := range past {
			if w.Verdict == Alert || w.Verdict == Insufficient || w.Rows == 0 || !w.End.Before(at.Start) {
				continue
			}
			m := w.Start.Add(w.End.Sub(w.Start) / halfWindow).UTC()
			if monthly && m.Year() == year-back && m.Month() == middle.Month() || !monthly && weeksApart(m, year-back, week) <= seasonReach {
				found = append(found, w)
			}
		}
		if len(found) == 0 {
			continue
		}
		found = oneVersion(found)
		slices.SortStableFunc(found, func(a, b Past) int { return a.Start.Compare(b.Start) })
		if name = fmt.Sprintf("%d, ISO week %d and its neighbours", year-back, week); monthly {
			name = fmt.Sprintf("%s %d", middle.Month(), year-back)
		}
		return name, found[max(0, len(found)-maxSeason):]
	}
	return "", nil
}

// weeksApart is the distance in ISO weeks between t and a week of a year, over the turn of the year as well.
func weeksApart(t time.Time, year, week int) int {
	y, w := t.ISOWeek()
	switch y - year {
	case 0:
	case 1:
		w += weeksOfYear
	case -1:
		w -= weeksOfYear
	default:
		return math.MaxInt
	}
	return max(w-week, week-w)
}

func oneVersion(found []Past) []Past {
	rows, best := map[int]int{}, 0
	for _, w := range found {
		rows[w.Version] += w.Rows
	}
	for version, n := range rows {
		if n > rows[best] || n == rows[best] && version > best {
			best = version
		}
	}
	return slices.DeleteFunc(found, func(w Past) bool { return w.Version != best })
}

// Seasonality is what the comparison with the season said.
type Seasonality struct {
	Name         string    `json:"name"`
	From         time.Time `json:"from,omitzero"`       // when it began
	Rows         int       `json:"rows"`                // of the season
	Columns      int       `json:"columns"`             // compared
	DatasetDrift bool      `json:"dataset_drift"`       // against the season
	Different    []string  `json:"different,omitempty"` // columns that are not as they were then, or drifted and cannot be compared with it
	Excused      int       `json:"excused"`             // findings that are no news: the season had the same
}

// seasonal are the kinds of finding that a season can excuse. What cannot be right (a missing column, text among numbers, another unit) is
// wrong in every season, and a level that training never saw is as unknown to the model as it was then.
var seasonalKinds = []string{Covariate, Prediction, MissingRate, VanishedCategory, SegmentDrift}

// news reports whether the column drifted in a way that its season does not know.
func (col *column) news(pol Policy) bool {
	all := col.findings
	defer func() { col.findings = all }()
	col.findings = slices.DeleteFunc(slices.Clone(all), func(f Finding) bool { return f.Seasonal })
	return col.drifted(pol)
}

// excuse compares the columns with the season and marks the findings that the season had, too: those of a column that was tested against
// the season and shows nothing. The tests against the season are a family of their own; a finding must hold against both references, so
// they can take alarms away and never add one. A season of fewer than MinRows rows excuses nothing.
func (t *Tally) excuse(columns []column, pol Policy) *Seasonality {
	if t.season == nil || t.season.profile.Rows < pol.MinRows {
		return nil
	}
	s := &Seasonality{Name: t.then.Name, From: t.then.From, Rows: t.season.profile.Rows}
	then := t.season.columns()
	judgeAll(then, pol, 0)
	fits, compared := map[string]bool{}, map[string]bool{}
	for i := range then {
		col := &then[i]
		col.conclude(pol)
		tested := slices.ContainsFunc(col.evidence, func(e evidence) bool { return !math.IsNaN(e.p) })
		if compared[col.key], fits[col.key] = tested, tested && len(col.findings) == 0; tested {
			s.Columns++
		}
		if col.drifted(pol) {
			s.Different = append(s.Different, col.key)
		}
	}
	for i := range columns {
		if key := columns[i].key; columns[i].as != SegmentShare && !compared[key] && !slices.Contains(s.Different, key) && columns[i].drifted(pol) {
			s.Different = append(s.Different, key)
		}
		for k := range columns[i].findings {
			f := &columns[i].findings[k]
			if fits[columns[i].key] && slices.Contains(seasonalKinds, f.Kind) {
				f.Seasonal, f.Severity, f.Text = true, SeverityWarn, f.Text+"; as in "+s.Name
				s.Excused++
			}
		}
	}
	return s
}

// together concludes: it excuses a change of columns together where the season excuses each column that carries it, since a shift of them moves what they make
// together, too, and no season knows how they went together; and says whether the window differs from the season.
func (s *Seasonality) together(r *Report, changes []Finding) {
	if s == nil {
		return
	}
	news := map[string]bool{}
	for _, f := range r.Findings {
		news[f.Feature] = news[f.Feature] || !f.Seasonal
	}
	apart := len(s.Different)
	for i := range changes {
		f := &changes[i]
		if len(f.Features) == 0 || slices.ContainsFunc(f.Features, func(name string) bool { fresh, found := news[name]; return fresh || !found }) {
			apart = max(apart, 1)
			continue
		}
		f.Seasonal, f.Text = true, f.Text+"; as in "+s.Name
		s.Excused++
	}
	s.DatasetDrift = apart > 0 && share(len(s.Different), r.NumberOfColumns) >= r.Policy.DriftShare
}

// addSeason counts a part of a window on the season's bins, too: its features, and its predictions if they mean the same.
func (t *Tally) addSeason(w Window, rows int) error {
	p := t.profile
	switch {
	case w.Season == nil && (t.season == nil || rows == 0):
		return nil
	case w.Season == nil || t.season == nil && t.rows > 0:
		return fault.Invalidf("add rows with a season to a window of %q without, or the other way round", p.Model)
	case w.Season.Profile == nil:
		return fault.Invalidf("measure a window of %q against the season %q: it has no profile", p.Model, w.Season.Name)
	case t.season != nil && t.season.profile != w.Season.Profile:
		return fault.Invalidf("add rows with the season %q to a window of %q with another: %q", w.Season.Name, p.Model, t.then.Name)
	}
	season := t.season
	if season == nil {
		var err error
		if season, err = w.Season.Profile.NewTally(); err != nil {
			return fault.Wrap(err, "measure a window against the season %q", w.Season.Name)
		}
	}
	then := Window{Start: w.Start, End: w.End, Frame: w.Frame}
	if s := w.Season.Profile; s.Task == p.Task && slices.Equal(s.Classes, p.Classes) {
		then.Predictions = w.Predictions
	}
	if err := season.Add(then); err != nil {
		return fault.Wrap(err, "measure a window against the season %q", w.Season.Name)
	}
	t.season, t.then = season, w.Season
	return nil
}

// mergeSeason adds what another part says on the season's bins.
func (t *Tally) mergeSeason(o *Tally) error {
	switch {
	case o.season == nil && (t.season == nil || o.rows == 0):
		return nil
	case o.season == nil || t.season == nil && t.rows > 0:
		return fault.Invalidf("merge a tally with a season and one without")
	case t.season == nil:
		t.season, t.then = o.season.profile.newTally(), o.then
	}
	return t.season.Merge(o.season)
}
