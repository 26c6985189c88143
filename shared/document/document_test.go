package document

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPagesAreWholeAndWithoutScript(t *testing.T) {
	for name, html := range pages(t, nil) {
		t.Run(name, func(t *testing.T) {
			wellFormed(t, html)
			s := string(html)
			for _, must := range []string{`<html lang="en">`, `name="viewport" content="width=device-width, initial-scale=1"`, "<h1>", "<main>", "</head>", `name="color-scheme"`} {
				if strings.Count(s, must) != 1 {
					t.Errorf("%q stands %d times", must, strings.Count(s, must))
				}
			}
			for _, never := range []string{"<script", "javascript:", " style=", "could not be drawn", "NaN", "ZgotmplZ", "%!", "<no value>", "Inf", "0001", "http://", "https://"} {
				if strings.Contains(s, never) {
					t.Errorf("%q stands there: %s", never, around(s, never))
				}
			}
			if strings.Count(s, "<table") != strings.Count(s, "<caption>") {
				t.Error("a table has no caption")
			}
			if strings.Count(s, "<svg") > strings.Count(s, `role="img" aria-label="`) {
				t.Error("a chart has no label")
			}
		})
	}
}

// wellFormed reads the page with a strict reader of tags: each is closed, in order, and text holds no stray bracket.
func wellFormed(t *testing.T, html []byte) {
	t.Helper()
	if !utf8.Valid(html) {
		t.Error("the page is not UTF-8")
	}
	html = regexp.MustCompile(` required([ >])`).ReplaceAll(html, []byte(` required=""$1`)) // without a value: HTML, and not XML
	html = regexp.MustCompile(`<(meta|input|br)\b([^>]*)>`).ReplaceAll(html, []byte(`<$1$2/>`))
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(string(html), "<!doctype html>")))
	d.Entity = xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("the page is not well-formed: %v, near %s", err, html[max(0, d.InputOffset()-200):d.InputOffset()])
		}
	}
}

func around(s, what string) string {
	i := strings.Index(s, what)
	return s[max(0, i-80):min(len(s), i+len(what)+80)]
}

func TestStyleHashIsThatOfThePage(t *testing.T) {
	for name, html := range pages(t, nil) {
		m := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllSubmatch(html, -1)
		if len(m) != 1 {
			t.Fatalf("%s has %d style elements", name, len(m))
		}
		sum := sha256.Sum256(m[0][1])
		if got := base64.StdEncoding.EncodeToString(sum[:]); got != StyleHash {
			t.Errorf("%s: its style has hash %s, the header says %s", name, got, StyleHash)
		}
	}
}

func ExampleStyleHash() {
	fmt.Println(len(StyleHash))
	// Output: 44
}
