// Package document is everything that is written for people: mails, the approval page, reports and the dashboard. Each document is a pure
// function of the values it shows: it derives no figure that a decision or a report does not carry, escapes and shortens whatever text
// comes from outside, and shows what is not known as such. A page is one self-contained file without script: style and charts stand in it.
package document

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"mlops/shared/audit"
	"mlops/shared/document/figure"
	"mlops/shared/fault"
)

//go:embed templates/*.html
var files embed.FS

//go:embed style.css
var style string

// StyleHash is the base64 SHA-256 of the content of the one style element that every page has: the approval pages are served under a
// Content-Security-Policy that allows this style and nothing else (style-src 'sha256-..', W3C CSP level 3, 2.3.1).
var StyleHash = func() string {
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

// templates are parsed when the first page is drawn: a function that only mails never pays for them.
var templates = sync.OnceValue(func() *template.Template {
	t := template.New("").Funcs(template.FuncMap{
		"num": figure.Number, "int": figure.Grouped, "signed": figure.Signed, "percent": figure.Percent, "p": figure.PValue, "finite": figure.Finite,
		"dollars": figure.Dollars, "duration": figure.Duration, "counted": figure.Counted, "stamp": figure.Stamp, "day": figure.Day,
		"digest": figure.Digest, "metric": figure.Metric, "sentence": figure.Sentence, "version": figure.Version, "question": question, "quorum": quorum, "tone": tone, "cause": causeName, "action": actionName,
		"name": func(s string) string { return figure.Line(s, figure.MaxName) },
		"text": func(s string) string {
			return figure.Line(longDigest.ReplaceAllString(s[:min(len(s), 8*figure.MaxText)], "$1"), figure.MaxText)
		},
		"happened": func(e audit.Entry) string {
			switch e.Kind {
			case audit.AliasPromoted:
				return "promoted"
			case audit.AliasRolledBack:
				return "rolled back"
			}
			return figure.Words(string(e.Kind))
		},
		"head": func(r []ReportLine) []ReportLine { return r[:min(len(r), 10)] },
		"tail": func(r []ReportLine) []ReportLine { return r[min(len(r), 10):] },
		"noun": func(n int, one string) string { _, noun, _ := strings.Cut(figure.Counted(n, one), " "); return noun },
		"kind": func(v any) string { return figure.Words(fmt.Sprint(v)) },
		"path": func(s string) string { return url.PathEscape(s[:min(len(s), 400)]) },
		"verdict": func(passed bool) string {
			if passed {
				return "passed"
			}
			return "failed"
		},
		"list": func(names []string) string { return figure.Listed(names, 8) },
	})
	template.Must(t.New("style").Parse(style))
	return template.Must(t.ParseFS(files, "templates/*.html"))
})

// longDigest is a whole digest within a text: people compare twelve characters of it.
var longDigest = regexp.MustCompile(`\b([0-9a-f]{12})[0-9a-f]{52}\b`)

// page is what every page has around its content.
type page struct {
	Title string // of the window
	Home  bool   // whether a link leads back to the dashboard
	Body  any
}

// draw fills the template name. An error is a defect of the template: no data that its types allow leads there.
func draw(name string, p page) ([]byte, error) {
	p.Title = figure.Line(p.Title, figure.MaxText)
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, p); err != nil {
		return nil, fault.New(fault.Internal, "draw the page %s", name).Because(err)
	}
	return figure.Visible(b.Bytes()), nil
}

// mustDraw is draw for the pages whose callers have nothing to say about a defect: the reader is told instead.
func mustDraw(name string, p page) []byte {
	b, err := draw(name, p)
	if err != nil {
		return []byte("<!doctype html><html lang=\"en\"><title>mlops</title><p>This page could not be drawn. Nothing was changed.</p></html>")
	}
	return b
}

// read decodes the JSON a report is made from.
func read(what string, b []byte, into any) error {
	if err := json.Unmarshal(b, into); err != nil {
		return fault.New(fault.Internal, "read the JSON of the %s report", what).Because(err)
	}
	return nil
}

// tone is the colour of a word: what is well, what to watch, what is wrong; "" for the rest. The word itself is always shown.
func tone(word any) string {
	switch fmt.Sprint(word) {
	case "ok", "passed", "resolved", "Approved", "verified", "champion", "success":
		return "good"
	case "warn", "warning", "medium", "proposed", "awaiting_approval", "approved", "executing", "verifying", "open", "Pending", "candidate", "insufficient_data", "dry run":
		return "watch"
	case "alert", "failed", "critical", "high", "escalated", "undone", "rejected", "Rejected", "refused", "kill switch":
		return "bad"
	}
	return ""
}
