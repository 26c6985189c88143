package drift

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"mlops/shared/fault"
	"mlops/shared/model"
)

// ReadPolicy reads a policy's JSON object; what it does not name is as in base. The error, Invalid, names every key that is unknown, with the nearest that is
// known, every value of the wrong type, and every figure that Validate refuses.
func ReadPolicy(b []byte, base Policy) (Policy, error) {
	var given, known map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&given); err != nil || given == nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			err = nil // its text is of Go's types
		}
		return base, fault.Invalidf("read a drift policy: it is not one JSON object").Because(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return base, fault.Invalidf("read a drift policy: something follows the JSON object")
	}
	whole, err := json.Marshal(base)
	if err == nil {
		err = json.Unmarshal(whole, &known)
	}
	if err != nil {
		return base, err
	}
	names := slices.Sorted(maps.Keys(known))
	var problems []fault.Detail
	for _, key := range sortedKeys(given) {
		if known[key] == nil {
			expected := "one of " + strings.Join(names, ", ")
			if near := model.Nearest(key, names); near != "" {
				expected = near + ", which is the nearest"
			}
			problems = append(problems, fault.Detail{Field: key, Code: "unknown", Expected: expected})
			continue
		}
		one, err := json.Marshal(map[string]json.RawMessage{key: given[key]})
		if err == nil {
			err = json.Unmarshal(one, &base)
		}
		if err != nil {
			problems = append(problems, fault.Detail{Field: key, Code: "wrong_type", Got: shortened(string(given[key])), Expected: "the like of " + string(known[key])})
		}
	}
	problems = append(problems, base.problems()...)
	if problems != nil {
		return base, fault.Invalidf("the drift policy has %s", counted(len(problems), "fault")).With(problems...)
	}
	return base, nil
}
