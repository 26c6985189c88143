package expect

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	monthNames   = "january|february|march|april|may|june|july|august|september|october|november|december"
	weekdayNames = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
)

// directives are the patterns of CPython's _strptime in the C locale.
var directives = map[byte]string{
	'd': `3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9]`, 'f': `[0-9]{1,6}`, 'H': `2[0-3]|[0-1]\d|\d`, 'I': `1[0-2]|0[1-9]|[1-9]`,
	'j': `36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]`, 'm': `1[0-2]|0[1-9]|[1-9]`, 'M': `[0-5]\d|\d`, 'S': `6[0-1]|[0-5]\d|\d`,
	'U': `5[0-3]|[0-4]\d|\d`, 'W': `5[0-3]|[0-4]\d|\d`, 'w': `[0-6]`, 'y': `\d\d`, 'Y': `\d\d\d\d`,
	'z': `[+-]\d\d:?[0-5]\d(?::?[0-5]\d(?:\.\d{1,6})?)?|(?-i:Z)`, 'Z': `utc|gmt`, 'p': `am|pm`,
	'A': weekdayNames, 'a': `mon|tue|wed|thu|fri|sat|sun`, 'B': monthNames, 'b': `jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec`,
}

// compound are the directives that stand for several.
var compound = strings.NewReplacer("%c", "%a %b %d %H:%M:%S %Y", "%x", "%m/%d/%y", "%X", "%H:%M:%S", "%%", "%%")

// strptime is a compiled format of Python's datetime.strptime.
type strptime struct{ pattern *regexp.Regexp }

// compileStrptime refuses directives that format and do not parse, ISO weeks, and a directive given twice, as Python does.
func compileStrptime(format string) (*strptime, error) {
	refuse := func(why string) (*strptime, error) {
		return nil, fmt.Errorf("Unable to use provided strftime_format %q: %s", brief(format), why)
	}
	var p strings.Builder
	p.WriteString(`(?i)\A`)
	seen := map[byte]bool{}
	f := compound.Replace(format)
	for i := 0; i < len(f); i++ {
		c := f[i]
		switch {
		case c == '%' && i+1 == len(f):
			return refuse("it ends in a stray %")
		case c == '%' && f[i+1] == '%':
			p.WriteByte('%')
			i++
		case c == '%':
			i++
			d, ok := directives[f[i]]
			if !ok {
				return refuse(fmt.Sprintf("%%%c does not parse", f[i]))
			}
			if seen[f[i]] {
				return refuse(fmt.Sprintf("%%%c comes twice", f[i]))
			}
			seen[f[i]] = true
			fmt.Fprintf(&p, "(?P<%c>%s)", f[i], d)
		case strings.IndexByte(" \t\n\r\f\v", c) >= 0:
			for i+1 < len(f) && strings.IndexByte(" \t\n\r\f\v", f[i+1]) >= 0 {
				i++
			}
			p.WriteString(`\s+`)
		default:
			p.WriteString(regexp.QuoteMeta(f[i : i+1]))
		}
	}
	r, err := regexp.Compile(p.String())
	if err != nil {
		return refuse("it is not text in UTF-8")
	}
	return &strptime{r}, nil
}

// parses reports whether the whole text follows the format and is a date of the calendar; without a year the year is 1900.
func (s *strptime) parses(v string) bool {
	m := s.pattern.FindStringSubmatch(v)
	if m == nil || len(m[0]) != len(v) {
		return false
	}
	year, month, day := 1900, 1, 1
	for i, name := range s.pattern.SubexpNames() {
		n, _ := strconv.Atoi(strings.TrimSpace(m[i]))
		switch name {
		case "Y":
			year = n
		case "y":
			year = 2000 + n // a leap year either way: 19yy and 20yy differ only in 1900
			if n >= 69 {
				year = 1900 + n
			}
		case "m":
			month = n
		case "b", "B":
			month = monthOf(m[i])
		case "d":
			day = n
		case "S":
			if n > 59 {
				return false
			}
		}
	}
	return inCalendar(year, month, day)
}

func inCalendar(year, month, day int) bool {
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return 1 <= year && year <= 9999 && 1 <= month && month <= 12 && 1 <= day && t.Day() == day
}

// monthOf is the number of a month by its name or the first three letters of it, or 0.
func monthOf(word string) int { return nameOf(word, monthNames) }

func nameOf(word, names string) int {
	w := strings.ToLower(word)
	if w == "sept" {
		w = "sep"
	}
	for i, n := range strings.Split(names, "|") {
		if w == n || len(w) == 3 && w == n[:3] {
			return i + 1
		}
	}
	return 0
}

var dateTokens = regexp.MustCompile(`[0-9]+(?:[.,][0-9]+)*|\p{L}+|\s+|.`)

// dateutilParseable reports whether dateutil.parser.parse reads the text, by the rules of its documentation: years, months and days in
// the orders it knows, month and weekday names, clock times, am and pm, time zones. It is a reading of the rules, not a port: texts at
// their edge may differ. See https://dateutil.readthedocs.io/en/stable/parser.html.
func dateutilParseable(v string) bool {
	if len(v) > 200 {
		return false
	}
	p := dateParser{tokens: dateTokens.FindAllString(v, -1), month: -1, year: -1}
	for p.at < len(p.tokens) {
		if !p.step() {
			return false
		}
	}
	return p.resolved()
}

type dateParser struct {
	tokens      []string
	at          int
	ymd         []int
	month, year int // positions in ymd known to be the month or the year, -1 = not known
	clock, zone bool
	weekday     bool
}

func (p *dateParser) peek(n int) string {
	if p.at+n < len(p.tokens) {
		return strings.ToLower(p.tokens[p.at+n])
	}
	return ""
}

// step reads the next token, and those that belong to it.
func (p *dateParser) step() bool {
	t := p.peek(0)
	switch {
	case '0' <= t[0] && t[0] <= '9':
		return p.digits(t)
	case monthOf(t) > 0:
		p.at++
		if p.month >= 0 {
			return false
		}
		p.month = len(p.ymd)
		p.ymd = append(p.ymd, monthOf(t))
	case nameOf(t, weekdayNames) > 0:
		p.at++
		p.weekday = true
	case t == "am" || t == "pm" || t == "a" || t == "p":
		p.at++
		return p.clock
	case (t == "+" || t == "-") && p.clock && !p.zone && p.peek(1) != "" && '0' <= p.peek(1)[0] && p.peek(1)[0] <= '9':
		p.zone = true
		p.at += 2
		if p.peek(0) == ":" {
			p.at += 2
		}
	case strings.Contains(" .,;-/' at on and ad m t of st nd rd th ", " "+t+" ") || strings.TrimSpace(t) == "" || strings.Contains(".,;-/'", t):
		p.at++
	case p.clock && !p.zone && len(t) <= 5 && (strings.ToUpper(t) == p.tokens[p.at] || t == "z" || t == "utc"):
		p.zone = true
		p.at++
	default:
		return false
	}
	return true
}

// digits reads a number: a clock time, a compact date, or a part of a date.
func (p *dateParser) digits(t string) bool {
	p.at++
	whole, _, fraction := strings.Cut(strings.ReplaceAll(t, ",", "."), ".")
	n, err := strconv.Atoi(whole)
	if err != nil {
		return false
	}
	part := func(from, to int) int { k, _ := strconv.Atoi(whole[from:to]); return k }
	switch next := p.peek(0); {
	case next == ":":
		ok := n < 24
		for i := 0; p.peek(0) == ":" && i < 2; i++ {
			second, _, _ := strings.Cut(p.peek(1), ".")
			k, err := strconv.Atoi(second)
			ok = ok && err == nil && k < 60
			p.at += 2
		}
		p.clock = true
		return ok
	case next == "h" || next == "hour" || next == "hours" || next == "min" || next == "minute" || next == "minutes" || next == "s" || next == "sec" || next == "second" || next == "seconds":
		p.at++
		p.clock = true
		return n < 60
	case next == "am" || next == "pm" || strings.TrimSpace(next) == "" && next != "" && (p.peek(1) == "am" || p.peek(1) == "pm"):
		p.clock = true
		return 0 < n && n <= 12
	case fraction && strings.Count(t, ".") == 2: // 13.01.2024
		for _, f := range strings.Split(t, ".") {
			p.add(f)
		}
		return true
	case len(p.ymd) == 3 && !p.clock && (len(whole) == 2 || len(whole) == 4 || len(whole) == 6):
		p.clock = true // 20240131T1530
		return part(0, 2) < 24 && (len(whole) < 4 || part(2, 4) < 60) && (len(whole) < 6 || part(4, 6) < 60)
	case len(p.ymd) == 0 && (len(whole) == 8 || len(whole) == 12 || len(whole) == 14):
		p.year = 0
		p.ymd = []int{part(0, 4), part(4, 6), part(6, 8)}
		p.clock = len(whole) > 8
		return len(whole) == 8 || part(8, 10) < 24 && part(10, 12) < 60
	case len(p.ymd) == 0 && len(whole) == 6 && !fraction:
		p.ymd = []int{part(0, 2), part(2, 4), part(4, 6)}
		return true
	case len(whole) > 4 || fraction:
		return false
	}
	p.add(whole)
	return len(p.ymd) <= 3
}

func (p *dateParser) add(digits string) {
	n, _ := strconv.Atoi(digits)
	if len(digits) > 2 && p.year < 0 {
		p.year = len(p.ymd)
	}
	p.ymd = append(p.ymd, n)
}

// resolved assigns the numbers to year, month and day as dateutil does without dayfirst and yearfirst, and checks the calendar.
func (p *dateParser) resolved() bool {
	year, month, day := 2000, 1, 1 // a leap year: what is not told comes from today, clipped to the month
	n := p.ymd
	large := func(i int) bool { return n[i] > 31 || p.year == i }
	switch {
	case len(n) == 0:
		return p.clock || p.weekday
	case len(n) > 3:
		return false
	case len(n) == 1 && p.month == 0:
		month = n[0]
	case len(n) == 1 && large(0):
		year = n[0]
	case len(n) == 1:
		day = n[0]
	case len(n) == 2 && p.month >= 0:
		month = n[p.month]
		if large(1 - p.month) {
			year = n[1-p.month]
		} else {
			day = n[1-p.month]
		}
	case len(n) == 2 && large(0):
		year, month = n[0], n[1]
	case len(n) == 2 && large(1):
		month, year = n[0], n[1]
	case len(n) == 2:
		month, day = n[0], n[1]
	case p.month == 0 && large(1):
		month, year, day = n[0], n[1], n[2]
	case p.month == 1 && large(0):
		year, month, day = n[0], n[1], n[2]
	case p.month == 2 && large(1):
		day, year, month = n[0], n[1], n[2]
	case p.month == 2:
		year, day, month = n[0], n[1], n[2]
	case p.month == 1:
		day, month, year = n[0], n[1], n[2]
	case p.month < 0 && large(0):
		year, month, day = n[0], n[1], n[2]
	case p.month < 0 && n[0] > 12:
		day, month, year = n[0], n[1], n[2]
	default:
		month, day, year = n[0], n[1], n[2]
	}
	if year < 100 {
		year += 2000
	}
	return inCalendar(year, month, day)
}
