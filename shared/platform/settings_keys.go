package platform

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"mlops/shared/fault"
	"mlops/shared/model"
)

// unknownKeys names every key of a decoded document that its type has no field for, with the nearest field. What is of another shape than
// its type is left to the decoder.
func unknownKeys(doc any, t reflect.Type, path string) (unknown []fault.Detail) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	at := func(key string) string { return strings.TrimPrefix(path+"."+key, ".") }
	object, _ := doc.(map[string]any)
	items, _ := doc.([]any)
	switch t.Kind() {
	case reflect.Slice:
		for i, v := range items {
			unknown = append(unknown, unknownKeys(v, t.Elem(), path+"["+strconv.Itoa(i)+"]")...)
		}
	case reflect.Map:
		for _, k := range slices.Sorted(maps.Keys(object)) {
			unknown = append(unknown, unknownKeys(object[k], t.Elem(), at(k))...)
		}
	case reflect.Struct:
		fields := map[string]reflect.Type{}
		keysOf(t, fields)
		names := slices.Sorted(maps.Keys(fields))
		for _, k := range slices.Sorted(maps.Keys(object)) {
			if field, known := fields[k]; known {
				unknown = append(unknown, unknownKeys(object[k], field, at(k))...)
				continue
			}
			expected := "one of " + strings.Join(names, ", ")
			if near := model.Nearest(k, names); near != "" {
				expected = "perhaps " + near
			}
			unknown = append(unknown, fault.Detail{Field: at(k), Code: "unknown_key", Expected: expected})
		}
	}
	return unknown
}

// keysOf are the keys that a struct is read from, as the YAML library names them.
func keysOf(t reflect.Type, into map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() && !f.Anonymous || name == "-":
		case strings.Contains(options, "inline"):
			keysOf(f.Type, into)
		case name == "":
			into[strings.ToLower(f.Name)] = f.Type
		default:
			into[name] = f.Type
		}
	}
}
