// Package door is what every HTTP door of a function does the same way: read a bounded body, read JSON strictly, answer, and turn an
// error into the shape of the surface it happened on.
package door

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"sort"
	"strings"
	"unicode/utf8"

	"mlops/shared/fault"
)

// MaxDepth bounds the nesting of a JSON body; no shape here needs more than six.
const MaxDepth = 32

// Body reads at most limit bytes. A longer body is Invalid with CodeTooLarge, which is answered 413.
func Body(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, fault.Invalidf("read the request body: it ended early").Because(err)
	}
	if int64(len(b)) > limit {
		return nil, tooLarge(limit)
	}
	return b, nil
}

func tooLarge(limit int64) error {
	return fault.Invalidf("the body is larger than %d bytes: send it in parts, or upload a file by POST /datasets/{name}/upload-url", limit).WithCode(fault.CodeTooLarge)
}

// Decode reads JSON strictly into a struct: no unknown, duplicate or case-variant keys, no trailing data, no deep nesting, valid UTF-8.
// encoding/json alone would let {"decision":"Rejected","DECISION":"Approved"} decide for the second. The keys of a map inside are data, and
// may differ in case only.
func Decode(b []byte, into any) error {
	if err := check(b, reflect.TypeOf(into)); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(into); err != nil {
		return explain(b, err, into)
	}
	return nil
}

// Value reads JSON strictly into maps, slices, strings, bools, nil and json.Number.
func Value(b []byte) (any, error) {
	if err := Check(b); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, explain(b, err, nil)
	}
	return v, nil
}

// Object is Value for a body that must be an object.
func Object(b []byte) (map[string]any, error) {
	v, err := Value(b)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fault.Invalidf("the body must be a JSON object").With(fault.Detail{Code: "wrong_type", Got: kindOf(v), Expected: "an object"})
	}
	return m, nil
}

// Check walks a JSON text and names what strict reading refuses.
func Check(b []byte) error {
	if len(bytes.TrimSpace(b)) == 0 {
		return fault.Invalidf("the body is empty: JSON was expected")
	}
	if !utf8.Valid(b) {
		return fault.Invalidf("the body is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	w := walker{}
	if err := w.value(d, "", 0); err != nil {
		var f *fault.Error
		if errors.As(err, &f) {
			return err
		}
		return explain(b, err, nil)
	}
	if _, err := d.Token(); err != io.EOF {
		return fault.Invalidf("there is more after the JSON value, at byte %d", d.InputOffset())
	}
	if len(w.problems) > 0 {
		return fault.Invalidf("the JSON has keys that stand twice: which one counts would be a guess").With(w.problems...)
	}
	return nil
}

type walker struct{ problems []fault.Detail }

func (w *walker) value(d *json.Decoder, path string, depth int) error {
	if depth > MaxDepth {
		return fault.Invalidf("the JSON is nested deeper than %d levels", MaxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return err
			}
			key := k.(string)
			if fold := strings.ToLower(key); seen[fold] {
				if len(w.problems) < 20 {
					w.problems = append(w.problems, fault.Detail{Field: path + key, Code: "duplicate_key", Expected: "each key once, whatever its case"})
				}
			} else {
				seen[fold] = true
			}
			if err := w.value(d, path+key+".", depth+1); err != nil {
				return err
			}
		}
		_, err = d.Token()
	case json.Delim('['):
		for i := 0; d.More(); i++ {
			if err := w.value(d, path, depth+1); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

// explain turns an error of encoding/json into one that says where and what to do.
func explain(b []byte, err error, into any) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return fault.Invalidf("the JSON has a value of the wrong type").With(fault.Detail{Field: kind.Field, Code: "wrong_type", Got: kind.Value, Expected: kind.Type.String()})
	case errors.As(err, &syntax):
		offset := syntax.Offset
		if at, word := nonFinite(b); word != "" {
			return fault.Invalidf("%s at byte %d is not JSON", word, at).With(fault.Detail{Code: "non_finite", Got: word, Expected: "a finite number, or null for a missing value"})
		}
		return fault.Invalidf("the body is not JSON: %s at byte %d", syntax.Error(), offset)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault.Invalidf("the JSON ends early, after %d bytes", len(b))
	case strings.Contains(err.Error(), "unknown field"):
		name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return fault.Invalidf("the JSON has a key that is not known here").With(fault.Detail{Field: name, Code: "unknown_field", Expected: keysOf(into)})
	}
	return fault.Invalidf("the body is not JSON: %v", err)
}

// nonFinite finds the first word outside of strings that other languages write for a number that is none, as Python's json does.
func nonFinite(b []byte) (at int, word string) {
	for inside := false; at < len(b); at++ {
		switch {
		case b[at] == '\\' && inside:
			at++
		case b[at] == '"':
			inside = !inside
		case !inside:
			for _, w := range []string{"NaN", "nan", "-Infinity", "Infinity", "-inf", "inf"} {
				if bytes.HasPrefix(b[at:], []byte(w)) {
					return at, w
				}
			}
		}
	}
	return 0, ""
}

// keysOf lists the keys that a struct reads, so that a misspelt one can be mended at once.
func keysOf(into any) string {
	t := reflect.TypeOf(into)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return ""
	}
	var keys []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			keys = append(keys, name)
		}
	}
	sort.Strings(keys)
	return "one of " + strings.Join(keys, ", ")
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	}
	return "a number"
}
