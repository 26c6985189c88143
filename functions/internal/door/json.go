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
	"mlops/shared/topology"
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

// Read reads a body of one small object strictly, see Decode.
func Read(r *http.Request, into any) error {
	b, err := Body(r, topology.SmallBody)
	if err != nil {
		return err
	}
	return Decode(b, into)
}

func tooLarge(limit int64) error {
	return fault.Invalidf("the body is larger than %d bytes: send it in parts, or upload a file by POST /datasets/{name}/upload-url", limit).WithCode(fault.CodeTooLarge)
}

// Decode reads JSON strictly into a struct: no unknown, duplicate or case-variant keys, no trailing data, no deep nesting, valid UTF-8.
// encoding/json alone would let {"decision":"Rejected","DECISION":"Approved"} decide for the second. The keys of a map inside are data, and
// may differ in case only.
func Decode(b []byte, into any) error {
	if err := check(b, reflect.TypeOf(into), true); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(into); err != nil {
		return explain(b, err)
	}
	return nil
}

// Value reads JSON strictly into maps, slices, strings, bools, nil and json.Number.
func Value(b []byte) (any, error) {
	if err := Check(b, nil); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, explain(b, err)
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

// Check walks a JSON text that is to be read into `into` (nil: into maps) and names what strict reading refuses. Unknown keys pass: protocols
// that allow them use it before a lenient Decode.
func Check(b []byte, into any) error { return check(b, reflect.TypeOf(into), false) }

func check(b []byte, into reflect.Type, strict bool) error {
	if len(bytes.TrimSpace(b)) == 0 {
		return fault.Invalidf("the body is empty: JSON was expected")
	}
	if !utf8.Valid(b) {
		return fault.Invalidf("the body is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	w := walker{strict: strict}
	if err := w.value(d, "", 0, into); err != nil {
		var f *fault.Error
		if errors.As(err, &f) {
			return err
		}
		return explain(b, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fault.Invalidf("there is more after the JSON value, at byte %d", d.InputOffset())
	}
	if len(w.problems) > 0 {
		return fault.Invalidf("the JSON has keys that cannot be taken: a key stands once, and is spelt as it is known here").With(w.problems...)
	}
	return nil
}

// walker goes through a JSON text beside the type it will be read into.
type walker struct {
	strict   bool // a key that the struct does not know is a problem
	problems []fault.Detail
}

func (w *walker) note(d fault.Detail) {
	if len(w.problems) < 20 {
		w.problems = append(w.problems, d)
	}
}

func (w *walker) value(d *json.Decoder, path string, depth int, into reflect.Type) error {
	if depth > MaxDepth {
		return fault.Invalidf("the JSON is nested deeper than %d levels", MaxDepth)
	}
	for into != nil && into.Kind() == reflect.Pointer {
		into = into.Elem()
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
			if seen[key] {
				w.note(fault.Detail{Field: path + key, Code: "duplicate_key", Expected: "each key once"})
			}
			seen[key] = true
			if err := w.value(d, path+key+".", depth+1, w.member(into, path, key)); err != nil {
				return err
			}
		}
		_, err = d.Token()
	case json.Delim('['):
		var element reflect.Type
		if into != nil && into.Kind() == reflect.Slice {
			element = into.Elem()
		}
		for i := 0; d.More(); i++ {
			if err := w.value(d, path, depth+1, element); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

// member is the type of a key's value; nil = anything. Keys of a struct are spelt exactly, though encoding/json would take them in any case.
func (w *walker) member(into reflect.Type, path, key string) reflect.Type {
	if into == nil || into.Kind() != reflect.Struct {
		return nil
	}
	near := ""
	for _, f := range reflect.VisibleFields(into) { // those of embedded structs too, as encoding/json reads them
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == key {
			return f.Type
		}
		if strings.EqualFold(name, key) {
			near = name
		}
	}
	if near != "" {
		w.note(fault.Detail{Field: path + key, Code: "unknown_field", Expected: near})
	} else if w.strict {
		w.note(fault.Detail{Field: path + key, Code: "unknown_field", Expected: keysOf(into)})
	}
	return nil
}

// explain turns an error of encoding/json into one that says where and what to do.
func explain(b []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return fault.Invalidf("the JSON has a value of the wrong type").With(fault.Detail{Field: kind.Field, Code: "wrong_type", Got: kind.Value, Expected: nameOf(kind.Type)})
	case errors.As(err, &syntax):
		offset := syntax.Offset
		if at, word := nonFinite(b); word != "" {
			return fault.Invalidf("%s at byte %d is not JSON", word, at).With(fault.Detail{Code: "non_finite", Got: word, Expected: "a finite number, or null for a missing value"})
		}
		return fault.Invalidf("the body is not JSON: %s at byte %d", syntax.Error(), offset)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault.Invalidf("the JSON ends early, after %d bytes", len(b))
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
func keysOf(t reflect.Type) string {
	var keys []string
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			keys = append(keys, name)
		}
	}
	sort.Strings(keys)
	return "one of " + strings.Join(keys, ", ")
}

// nameOf is what JSON calls a type of ours.
func nameOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return nameOf(t.Elem())
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Uint, reflect.Uint64:
		return "a whole number from 0 to 18446744073709551615"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	}
	return "a number"
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
