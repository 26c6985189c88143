package expect

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// matchTimeout bounds the search in one text. Python has no such bound; a pattern that needs it takes exponential time.
const matchTimeout = time.Second

// compileBacktracking compiles a pattern of Python's re that needs look-around, back-references, atomic or conditional groups, or verbose
// syntax. A search that takes longer than matchTimeout, or more than the library's stack, is an error.
func compileBacktracking(pattern string) (func(string) (bool, error), error) {
	translated, err := translateBacktracking(pattern)
	if err != nil {
		return nil, err
	}
	// Python numbers named groups together with the others.
	r, err := regexp2.Compile(translated, regexp2.OptionMaintainCaptureOrder())
	if err != nil {
		return nil, err
	}
	r.MatchTimeout = matchTimeout
	return func(v string) (bool, error) {
		found, err := r.MatchString(v)
		if err != nil {
			return false, fmt.Errorf("regex %q: the search in %q was given up, it takes exponential time: %v", brief(pattern), brief(v), err)
		}
		return found, nil
	}, nil
}

// translateBacktracking writes a pattern of Python's re in .NET's syntax, from which it differs in little.
func translateBacktracking(p string) (string, error) {
	var out strings.Builder
	class := false
	for i := 0; i < len(p); {
		rest := p[i:]
		write, used := rest[:1], 1
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			write, used = rest[:2], 2
			if rest[1] == 'Z' {
				write = `\z`
			}
			if rest[1] == 'U' && len(rest) >= 10 {
				n, err := strconv.ParseInt(rest[2:10], 16, 32)
				if err != nil {
					return "", fmt.Errorf("the escape %s is no character", rest[:10])
				}
				write, used = regexp2.Escape(string(rune(n))), 10
			}
		case class && rest[0] == '[': // in .NET a class may be subtracted from a class
			write = `\[`
		case class && rest[0] == ']':
			class = false
		case class:
		case strings.HasPrefix(rest, "[^]"):
			class, write, used = true, `[^\]`, 3
		case strings.HasPrefix(rest, "[]"):
			class, write, used = true, `[\]`, 2
		case rest[0] == '[':
			class = true
		case strings.HasPrefix(rest, "(?P<"):
			write, used = "(?<", 4
		case strings.HasPrefix(rest, "(?P="):
			end := strings.IndexByte(rest, ')')
			if end < 0 {
				return "", fmt.Errorf("a back-reference is not closed")
			}
			write, used = `\k<`+rest[4:end]+">", end+1
		case strings.HasPrefix(rest, "{,"):
			write, used = "{0,", 2
		}
		out.WriteString(write)
		i += used
	}
	return out.String(), nil
}
