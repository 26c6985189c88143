package driftcheck

import (
	"math"
	"slices"
	"time"

	"mlops/shared/drift"
)

// past is what is remembered of a model's traffic beyond its kept hours: a document of bounded size, and the profiles that its periods name.
//
// The period is the UTC day. Checks look at windows that overlap, so those would count most rows many times; an hour is a season of its own (the night is not the
// day), and there are 8,760 of them in a year; a week as a whole is lost by one bad day in it. Seasons are looked up by ISO week, so the days of a
// week that is over are added up, without those that were alerts.
type past struct {
	Days    []day        `json:"days"`    // by date, the newest usualDays
	Periods []drift.Past `json:"periods"` // by start: weeks, then the days of the newest week; the newest maxPeriods
}

// day is how many predictions each hour of a day answered, whichever version did.
type day struct {
	Date  time.Time `json:"date"`
	Hours []int     `json:"hours,omitempty"` // 24, -1 = not known; none where the day could not be counted
}

// What a past keeps.
const (
	usualDays  = 70  // with traffic: ten weeks, of which five must be known before a number of rows is called unusual
	maxPeriods = 180 // three years of weeks, which is as far back as a season is looked for, and the days of one more
	oneDay     = 24 * time.Hour
	oneWeek    = 7 * oneDay
)

func (p *past) at(date time.Time) (int, bool) {
	return slices.BinarySearchFunc(p.Days, date, func(d day, t time.Time) int { return d.Date.Compare(t) })
}

// add remembers a day, in its place whenever it comes; one that is known already changes nothing.
func (p *past) add(d day) {
	i, known := p.at(d.Date)
	if known {
		return
	}
	if i == 0 && len(d.Hours) > 0 { // before the first traffic that is known of, nobody knows
		for h := 0; h < len(d.Hours) && d.Hours[h] == 0; h++ {
			d.Hours[h] = -1
		}
	}
	p.Days = slices.Insert(p.Days, i, d)
	p.Days = p.Days[max(0, len(p.Days)-usualDays):]
}

// join puts a period in its place.
func (p *past) join(x drift.Past) {
	i, known := slices.BinarySearchFunc(p.Periods, x.Start, func(o drift.Past, t time.Time) int { return o.Start.Compare(t) })
	if !known {
		p.Periods = slices.Insert(p.Periods, i, x)
	}
}

// rows are the predictions from start to end: hours that are cut count by their share. False where an hour is not known.
func (p *past) rows(start, end time.Time) (n float64, known bool) {
	for hour := start.Truncate(time.Hour); hour.Before(end); hour = hour.Add(time.Hour) {
		i, found := p.at(hour.Truncate(oneDay))
		if !found || len(p.Days[i].Hours) != 24 || p.Days[i].Hours[hour.Hour()] < 0 {
			return 0, false
		}
		inside := min(time.Hour, end.Sub(hour)) - max(0, start.Sub(hour))
		n += float64(float64(p.Days[i].Hours[hour.Hour()]) * inside.Hours())
	}
	return n, true
}

// usual are the rows of the weeks before in the same hours of the same days of the week, oldest first, as many as are known: a Sunday is no sudden fall, and a night
// none. A window longer than a week is held against those that end whole weeks before and do not overlap. Of less than an hour nothing is known.
func (p *past) usual(start, end time.Time) (rows []int) {
	start, end = start.UTC(), end.UTC()
	if end.Sub(start) < time.Hour || len(p.Days) == 0 {
		return nil
	}
	step := (end.Sub(start) + oneWeek - 1) / oneWeek * oneWeek
	for back := step; !start.Add(-back).Before(p.Days[0].Date); back += step {
		if n, known := p.rows(start.Add(-back), end.Add(-back)); known {
			rows = append(rows, int(math.Round(n)))
		}
	}
	slices.Reverse(rows)
	return rows
}
