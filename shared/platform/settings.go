// Package platform is what a function needs to start: settings from YAML, and later traces and metrics. Its sub-packages hold the effects.
package platform

import (
	"bytes"

	"github.com/goccy/go-yaml"

	"mlops/shared/fault"
)

// maxSettings is the largest settings file, bytes.
const maxSettings = 1 << 20

// Settings reads YAML over the defaults that into holds: what the file leaves out keeps its default, a key that is not known is an error,
// and so is whatever Validate finds. It is all or nothing: a policy that is half read would decide half.
func Settings[T interface{ Validate() error }](name string, b []byte, defaults T) (T, error) {
	if len(b) > maxSettings {
		return defaults, fault.Invalidf("read %s: it has %d bytes, more than %d", name, len(b), maxSettings)
	}
	out := defaults
	if len(bytes.TrimSpace(b)) > 0 {
		if err := yaml.UnmarshalWithOptions(b, &out, yaml.DisallowUnknownField()); err != nil {
			return defaults, fault.Invalidf("read %s: %s", name, yaml.FormatError(err, false, true))
		}
	}
	if err := out.Validate(); err != nil {
		return defaults, fault.Wrap(err, "read %s", name)
	}
	return out, nil
}
