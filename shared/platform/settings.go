// Package platform is what a function needs to start: settings from YAML, and later traces and metrics. Its sub-packages hold the effects.
package platform

import (
	"bytes"
	"errors"
	"reflect"

	"github.com/goccy/go-yaml"

	"mlops/shared/fault"
)

// maxSettings is the largest settings file, bytes.
const maxSettings = 1 << 20

// Settings reads YAML over the defaults that into holds: what the file leaves out keeps its default, a key that is not known is an error,
// and so is whatever Validate finds; all of it is told at once. It is all or nothing: a policy that is half read would decide half.
func Settings[T interface{ Validate() error }](name string, b []byte, defaults T) (T, error) {
	if len(b) > maxSettings {
		return defaults, fault.Invalidf("read %s: it has %d bytes, more than %d", name, len(b), maxSettings)
	}
	out := defaults
	var unknown []fault.Detail
	if len(bytes.TrimSpace(b)) > 0 {
		var doc any
		if err := yaml.Unmarshal(b, &doc); err == nil { // else the next line says why not
			unknown = unknownKeys(doc, reflect.TypeFor[T](), "")
		}
		if err := yaml.Unmarshal(b, &out); err != nil {
			return defaults, fault.Invalidf("read %s: %s", name, yaml.FormatError(err, false, true)).With(unknown...)
		}
	}
	err := out.Validate()
	if len(unknown) == 0 {
		if err != nil {
			return defaults, fault.Wrap(err, "read %s", name)
		}
		return out, nil
	}
	e := fault.Invalidf("read %s: it has keys that are not known", name).With(unknown...)
	if found := (*fault.Error)(nil); errors.As(err, &found) && len(found.Detail) > 0 {
		return defaults, e.With(found.Detail...)
	}
	return defaults, e.Because(err)
}
