package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mlops/shared/fault"
)

// required as a default says that there is none.
const required = "\x00required"

// binder reads variables into fields, or writes fields into variables, by the same calls.
type binder struct {
	getenv   func(string) string // reading
	problems []fault.Detail
	environ  map[string]string // writing
}

// value binds one variable by its text form; read gives the problem with a text, "" when there is none.
func (b *binder) value(name, otherwise string, write func() string, read func(text string) (want string)) {
	if b.environ != nil {
		if text := write(); text != "" {
			b.environ[name] = text
		}
		return
	}
	text := b.getenv(name)
	if text == "" {
		text = otherwise
	}
	if text == required {
		b.problems = append(b.problems, fault.Detail{Field: name, Code: "missing", Expected: read("")})
		return
	}
	if want := read(text); want != "" {
		b.problems = append(b.problems, fault.Detail{Field: name, Code: "wrong_value", Got: shorten(text), Expected: want})
	}
}

func (b *binder) text(name string, into *string, otherwise string, f form) {
	b.value(name, otherwise, func() string { return *into }, func(text string) string {
		*into = text
		return f.check(text)
	})
}

func (b *binder) number(name string, into *int, otherwise, low, high int) {
	b.value(name, strconv.Itoa(otherwise), func() string { return strconv.Itoa(*into) }, func(text string) string {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return fmt.Sprintf("a whole number from %d to %d", low, high)
		}
		*into = n
		return ""
	})
}

func (b *binder) duration(name string, into *time.Duration, otherwise, low, high time.Duration) {
	b.value(name, otherwise.String(), func() string { return into.String() }, func(text string) string {
		d, err := time.ParseDuration(text)
		if err != nil || d < low || d > high {
			return fmt.Sprintf("a duration from %s to %s, such as 30s or 24h", low, high)
		}
		*into = d
		return ""
	})
}

func (b *binder) flag(name string, into *bool, otherwise bool) {
	b.value(name, strconv.FormatBool(otherwise), func() string { return strconv.FormatBool(*into) }, func(text string) string {
		v, err := strconv.ParseBool(text)
		if err != nil {
			return "true or false"
		}
		*into = v
		return ""
	})
}

// list binds values parted by commas; none is an empty variable.
func (b *binder) list(name string, into *[]string, f form) {
	b.value(name, "", func() string { return strings.Join(*into, ",") }, func(text string) string {
		if text == "" {
			return ""
		}
		var all []string
		for one := range strings.SplitSeq(text, ",") {
			one = strings.TrimSpace(one)
			if want := f.check(one); want != "" {
				return "a list, parted by commas, of " + want
			}
			all = append(all, one)
		}
		*into = all
		return ""
	})
}

// form is what a text must look like.
type form struct {
	pattern *regexp.Regexp
	want    string
	empty   bool // "" is fine
}

func (f form) check(text string) string {
	if text == "" && f.empty || f.pattern.MatchString(text) {
		return ""
	}
	return f.want
}

func optional(f form) form {
	f.empty = true
	return f
}

// The forms, as AWS states them for names of its resources.
var (
	name      = form{pattern: regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`), want: "a name of a-z 0-9 . _ -, at most 64 characters"}
	bucket    = form{pattern: regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`), want: "a bucket's name"}
	table     = form{pattern: regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`), want: "a table's name"}
	bus       = form{pattern: regexp.MustCompile(`^[A-Za-z0-9/_.:-]+$`), want: "an event bus's name or ARN"}
	topic     = form{pattern: regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$`), want: "a topic's ARN, arn:aws:sns:<region>:<account>:<name>"}
	key       = form{pattern: regexp.MustCompile(`^(arn:aws[a-z-]*:kms:|alias/)?[A-Za-z0-9:/_-]+$`), want: "a KMS key's id, alias or ARN"}
	keyID     = form{pattern: regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`), want: "an API key's id"}
	parameter = form{pattern: regexp.MustCompile(`^[A-Za-z0-9/._-]+$`), want: "a parameter's name"}
	address   = form{pattern: regexp.MustCompile(`^https?://[^\s?#]+$`), want: "an address that begins with https:// and has no query"}
	mail      = form{pattern: regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,253}$`), want: "a plain mail address, name@domain"}
)

func shorten(text string) string {
	if r := []rune(text); len(r) > 80 {
		return string(r[:80]) + ".."
	}
	return text
}
