package drift

import (
	"strings"
	"testing"
)

func TestPersistence(t *testing.T) {
	history := func(windows string) (h []Sighting) { // . calm, x drift, - too few rows
		for _, w := range windows {
			h = append(h, Sighted(map[rune]string{'.': OK, 'x': Warn, '-': Insufficient}[w], w == 'x'))
		}
		return h
	}
	twoOfThree := Persistence{Bad: 2, Of: 3}
	for windows, want := range map[string]bool{"": false, "x": false, "xx": true, "x.x": true, "x..x": false, "xx..": false, "x-x": true, "x---x": true, "-": false, "..x": false, "xx.": true} {
		alarm, why := twoOfThree.Alarm(history(windows))
		if alarm != want || alarm == strings.Contains(why, "no alarm yet") || !strings.Contains(why, "2 of 3") {
			t.Errorf("%q: %v, %s", windows, alarm, why)
		}
	}
}
