package document

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"mlops/shared/approval"
	"mlops/shared/event"
	"mlops/shared/remedy"
)

// hostile is text that wants out: of its attribute, its line, its direction, and of any reasonable length.
const marker = "EVIL"

var hostile = `"'><script>alert(1)</script>` + "\r\nBcc: x@y.z\u202e\u2066\u200b\x00\x1b[31m{{.}}javascript:" + marker + strings.Repeat("A", 10_000)

// poison sets every text in v to hostile, and every number to what is not finite where its type has such.
func poison(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() {
			e := reflect.New(v.Elem().Type()).Elem()
			e.Set(v.Elem())
			poison(e)
			v.Set(e)
		}
	case reflect.String:
		v.SetString(hostile)
	case reflect.Float64:
		v.SetFloat(math.Inf(-1))
	case reflect.Struct:
		if _, isTime := v.Interface().(time.Time); isTime {
			return
		}
		for i := range v.NumField() {
			poison(v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			poison(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(v.MapIndex(k))
			poison(e)
			v.SetMapIndex(k, e)
			if k.Kind() == reflect.String {
				v.SetMapIndex(k, reflect.Value{})
				v.SetMapIndex(reflect.ValueOf(hostile).Convert(k.Type()), e)
			}
		}
	}
}

func TestHostileTextStaysText(t *testing.T) {
	everywhere := pages(t, func(v any) { poison(reflect.ValueOf(v)) })
	var m map[string]any
	for name, raw := range map[string][]byte{"drift": driftJSON(t), "gate": gateJSON(t)} {
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		spoiled := asJSON(t, spoilJSON(m))
		f := map[string]func([]byte) (string, []byte, error){"drift": DriftReport, "gate": GateReport}[name]
		title, html, err := f(spoiled)
		if err != nil || len(title) > 1200 {
			t.Fatalf("%s: %v, %d bytes of title", name, err, len(title))
		}
		everywhere[name] = html
	}
	for name, html := range everywhere {
		t.Run(name, func(t *testing.T) {
			wellFormed(t, html)
			s := string(html)
			for _, never := range []string{"<script", "\r", "\u202e", "\u2066", "\u200b", "\x00", "\x1b", "could not be drawn", "NaN", "Inf", "href=\"javascript"} {
				if strings.Contains(s, never) {
					t.Errorf("%q stands there: %s", never, around(s, never))
				}
			}
			if run := strings.Repeat("A", approval.MaxReason+1); strings.Contains(s, run) && name != "approval" || len(html) > 200_000 {
				t.Errorf("a text was not shortened (%d bytes)", len(html))
			}
		})
	}
}

// spoilJSON puts hostile text wherever text stands that no figure or time is read from.
func spoilJSON(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			if out[k] = spoilJSON(e); k == "at" || k == "start" || k == "end" {
				out[k] = e
			}
		}
		if c, ok := out["drift_by_columns"].(map[string]any); ok {
			c[hostile] = c["thalach"]
		}
		return out
	case []any:
		for i := range x {
			x[i] = spoilJSON(x[i])
		}
	case string:
		if x != "NaN" {
			return hostile
		}
	}
	return v
}

func TestNothingIsAPage(t *testing.T) {
	for name, html := range map[string][]byte{
		"approval": ApprovalPage(Approval{}), "outcome": ApprovalOutcome(approval.Request{}, ""), "problem": ApprovalProblem(0, "", nil), "home": HomePage(Home{}),
		"incident": IncidentPage(IncidentLine{}, nil), "decision": IncidentPage(IncidentLine{}, []remedy.Decision{{}}), "model": ModelPage(ModelDetail{}), "mail": MailPage(MailLine{}, ""),
	} {
		wellFormed(t, html)
		if strings.Contains(string(html), "could not be drawn") {
			t.Errorf("%s could not be drawn", name)
		}
	}
	if title, html, err := WeeklyReport(Weekly{}); err != nil || title == "" || len(html) == 0 {
		t.Errorf("weekly: %q %v", title, err)
	}
	for name, in := range map[string]string{"empty": "", "null": "null", "text": "x", "no report": "{}", "null report": `{"report":null}`} {
		if _, _, err := DriftReport([]byte(in)); err == nil {
			t.Errorf("drift: %s passed", name)
		}
		if _, _, err := GateReport([]byte(in)); err == nil {
			t.Errorf("gate: %s passed", name)
		}
	}
	for _, in := range []string{`{"report":{}}`, `{"report":{"drift_by_columns":{"x":null,"y":{"histogram":{"reference":[1],"current":[]}},"z":{"drift_detected":true,"histogram":{"reference":[0],"current":[0]}}},"realised":{},"estimated":{}}}`} {
		if _, html, err := DriftReport([]byte(in)); err != nil {
			t.Errorf("drift: %v", err)
		} else {
			wellFormed(t, html)
		}
	}
	if _, html, err := GateReport([]byte(`{"report":{"checks":[{}]}}`)); err != nil {
		t.Errorf("gate: %v", err)
	} else {
		wellFormed(t, html)
	}
}

// The reports are made from JSON that other functions stored: whatever it is, the answer is a page or an error.
func FuzzReports(f *testing.F) {
	f.Add([]byte(validationJSON))
	f.Add(driftJSON(f))
	f.Add(gateJSON(f))
	f.Add([]byte(`{"report":{"checks":[{"ci95":["NaN",1]}],"drift_by_columns":{"x":{"drift_detected":true,"histogram":{"edges":[1,2,3,4],"labels":["a"],"reference":[1e308],"current":["NaN"]}}}}}`))
	f.Add([]byte(`{"results":[{"exception_info":[],"expectation_config":{"kwargs":{"column":{"a":[1]}}}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, report := range map[string]func([]byte) (string, []byte, error){"drift": DriftReport, "gate": GateReport,
			"validation": func(b []byte) (string, []byte, error) { return ValidationReport(event.Validated{}, b) }} {
			title, html, err := report(b)
			if err == nil && (title == "" || !strings.HasSuffix(string(html), "</html>\n")) {
				t.Errorf("%s: title %q, %d bytes", name, title, len(html))
			}
			if strings.Contains(string(html), "<script") {
				t.Errorf("%s: a script", name)
			}
		}
	})
}
