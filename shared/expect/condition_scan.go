package expect

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// token is a word, a symbol, a quoted text or a number of a condition.
type token struct {
	kind  byte // 'w' word, '`' quoted name, 's' symbol, 't' text, 'n' number, 0 end
	text  string
	value float64
}

// symbols, the longer ones first.
var symbols = []string{"==", "!=", "<=", ">=", "**", "//", "<", ">", "&", "|", "~", "(", ")", "[", "]", ",", ".", "-", "+", "*", "/", "%", "="}

func (p *conditionParser) scan(s string) {
	for s = strings.TrimSpace(s); s != "" && p.err == nil; s = strings.TrimLeft(s, " \t\r\n") {
		rest := strings.TrimLeftFunc(s, func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) })
		switch c := s[0]; {
		case '0' <= c && c <= '9':
			n := len(s) - len(strings.TrimLeft(s, "0123456789."))
			if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
				m := n + 1
				for m < len(s) && strings.IndexByte("+-0123456789", s[m]) >= 0 {
					m++
				}
				n = m
			}
			v, err := strconv.ParseFloat(s[:n], 64)
			if err != nil {
				p.fail("%q is not a number", s[:n])
			}
			p.tokens, s = append(p.tokens, token{'n', s[:n], v}), s[n:]
		case c == '"' || c == '\'' || c == '`':
			text, after, ok := quoted(s)
			if !ok {
				p.fail("a quotation is not closed: %s", brief(s))
				return
			}
			kind := byte('t')
			if c == '`' {
				kind = '`'
			}
			p.tokens, s = append(p.tokens, token{kind: kind, text: text}), after
		case len(rest) < len(s):
			p.tokens, s = append(p.tokens, token{kind: 'w', text: s[:len(s)-len(rest)]}), rest
		default:
			i := slices.IndexFunc(symbols, func(sym string) bool { return strings.HasPrefix(s, sym) })
			if i < 0 {
				p.fail("%q is not understood", brief(s))
				return
			}
			p.tokens, s = append(p.tokens, token{kind: 's', text: symbols[i]}), s[len(symbols[i]):]
		}
	}
}

// quoted is the text between the first character and its next occurrence that no backslash precedes.
func quoted(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return b.String(), s[i+1:], true
		case s[i] == '\\' && s[0] != '`' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
