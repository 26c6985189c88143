package expect

import (
	"fmt"
	"regexp"
	"strings"
)

// Python's classes reach beyond ASCII where Go's do not.
const (
	pyDigit = `\p{Nd}`
	pyWord  = `\p{L}\p{N}_`
	pySpace = `\s\v\x1c-\x1f\x{85}\p{Z}`
)

// compileRegex compiles a pattern of Python's re for searching. It runs in linear time where Go's regexp can express it; look-around,
// back-references and what else regexp refuses run by backtracking, see compileBacktracking. Where regexp runs, inside a class \W and \S,
// and everywhere \b and \B, are about ASCII. See https://docs.python.org/3/library/re.html and https://github.com/google/re2/wiki/Syntax.
func compileRegex(pattern string) (func(string) (bool, error), error) {
	pattern = unicodeFlags.ReplaceAllString(pattern, "")
	translated, beyond := translateRegex(pattern)
	r, err := regexp.Compile(translated)
	if beyond == nil && err == nil {
		return func(v string) (bool, error) { return r.MatchString(v), nil }, nil
	}
	search, slower := compileBacktracking(pattern)
	if beyond != nil { // what regexp said is about no pattern at all
		err = slower
	}
	if slower != nil {
		return nil, fmt.Errorf("regex %q: %w", brief(pattern), err)
	}
	return search, nil
}

// unicodeFlags say what is so anyway.
var unicodeFlags = regexp.MustCompile(`^\(\?u\)`)

// unsupported are the openings of groups that regexp lacks and backtracking has.
var unsupported = []struct{ open, what string }{
	{"(?=", "a look-ahead"}, {"(?!", "a negative look-ahead"}, {"(?<=", "a look-behind"}, {"(?<!", "a negative look-behind"},
	{"(?P=", "a back-reference"}, {"(?>", "an atomic group"}, {"(?(", "a conditional group"},
}

var multilineFlag = regexp.MustCompile(`\(\?[a-z]*m`)

// translateRegex writes a pattern of Python's re in Go's syntax.
func translateRegex(p string) (string, error) {
	var out strings.Builder
	class := false // inside [..]
	multiline := multilineFlag.MatchString(p)
	for i := 0; i < len(p); {
		rest := p[i:]
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			text, used, err := translateEscape(rest, class)
			if err != nil {
				return "", err
			}
			out.WriteString(text)
			i += used
			continue
		case class && rest[0] == '[':
			out.WriteString(`\[`) // in Python a bracket in a class is only itself
		case class && rest[0] == ']':
			class = false
			out.WriteByte(']')
		case class:
			out.WriteByte(rest[0])
		case rest[0] == '[':
			class = true
			open := "["
			if strings.HasPrefix(rest, "[^") {
				open = "[^"
			}
			out.WriteString(open)
			i += len(open)
			if strings.HasPrefix(p[i:], "]") { // the first bracket of a class is only itself
				out.WriteString(`\]`)
				i++
			}
			continue
		case strings.HasPrefix(rest, "(?#"):
			end := strings.IndexByte(rest, ')')
			if end < 0 {
				return "", fmt.Errorf("a comment is not closed")
			}
			i += end + 1
			continue
		case strings.HasPrefix(rest, "(?"):
			for _, u := range unsupported {
				if strings.HasPrefix(rest, u.open) {
					return "", fmt.Errorf("%s, %s, is not supported", u.what, u.open)
				}
			}
			out.WriteByte('(')
		case rest[0] == '$' && !multiline:
			out.WriteString(`(?:\n?\z)`) // in Python also before a last line feed
		case strings.HasPrefix(rest, "{,"):
			out.WriteString("{0")
		default:
			out.WriteByte(rest[0])
		}
		i++
	}
	return out.String(), nil
}

// translateEscape is the escape at the start of p in Go's syntax, and how many bytes of p it was.
func translateEscape(p string, class bool) (string, int, error) {
	set := func(inner string, negated bool) string {
		switch {
		case class:
			return inner
		case negated:
			return "[^" + inner + "]"
		}
		return "[" + inner + "]"
	}
	hex := func(digits int) (string, int, error) {
		if len(p) < 2+digits {
			return "", 0, fmt.Errorf("the escape %s is incomplete", p)
		}
		return `\x{` + p[2:2+digits] + "}", 2 + digits, nil
	}
	switch c := p[1]; {
	case c == 'd':
		return set(pyDigit, false), 2, nil
	case c == 'D':
		return `\P{Nd}`, 2, nil
	case c == 'w':
		return set(pyWord, false), 2, nil
	case c == 's':
		return set(pySpace, false), 2, nil
	case c == 'W' && !class:
		return set(pyWord, true), 2, nil
	case c == 'S' && !class:
		return set(pySpace, true), 2, nil
	case c == 'Z':
		return `\z`, 2, nil
	case c == 'b' && class:
		return `\x08`, 2, nil
	case c == 'u':
		return hex(4)
	case c == 'U':
		return hex(8)
	case '1' <= c && c <= '9' && !class:
		return "", 0, fmt.Errorf("a back-reference, \\%c, is not supported", c)
	}
	return p[:2], 2, nil
}
