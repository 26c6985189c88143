package drift

import (
	"fmt"
	"strconv"
)

// Persistence is how often a thing must be seen before it is an alarm: in Bad of the last Of windows that had enough rows to say anything.
// One window in a hundred alarms by chance; of independent windows, two in three do so three times in ten thousand: C(n,k) p^k, p = 0.01.
type Persistence struct {
	Bad, Of int
}

// Sighting is what one window said.
type Sighting struct {
	Known bool // it had rows enough to say anything
	Bad   bool // it showed the thing
}

// Sighted is a window's verdict as a sighting of drift.
func Sighted(verdict string, datasetDrift bool) Sighting {
	return Sighting{Known: verdict != Insufficient && verdict != "", Bad: datasetDrift}
}

// Count is in how many of the last Of windows that said anything the thing was seen; the newest comes last.
func (p Persistence) Count(history []Sighting) (bad, of int) {
	for i := len(history) - 1; i >= 0 && of < p.Of; i-- {
		if !history[i].Known {
			continue
		}
		if of++; history[i].Bad {
			bad++
		}
	}
	return bad, of
}

// Alarm reports whether it was seen often enough, and says how often, and what it takes.
func (p Persistence) Alarm(history []Sighting) (alarm bool, why string) {
	bad, of := p.Count(history)
	if bad >= p.Bad {
		return true, fmt.Sprintf("seen in %d of the last %s: %d of %d make an alarm", bad, counted(of, "window"), p.Bad, p.Of)
	}
	windows := "the last " + counted(of, "window")
	if of == 0 {
		windows = "no window that says anything"
	}
	return false, "seen in " + strconv.Itoa(bad) + " of " + windows + fmt.Sprintf(": no alarm yet, it takes %d of %d", p.Bad, p.Of)
}
