package platform

import (
	"strings"
	"testing"

	"mlops/shared/fault"
)

type Inner struct {
	Limit int               `yaml:"limit"`
	Rules map[string]string `yaml:"rules"`
}

type outer struct {
	Inner `yaml:",inline"`
	Name  string            `yaml:"name"`
	List  []Inner           `yaml:"list"`
	Named map[string]*Inner `yaml:"named"`
	Free  map[string]any    `yaml:"free"`
}

func (o outer) Validate() error {
	if o.Limit < 0 {
		return fault.Invalidf("the settings are wrong").With(fault.Detail{Field: "limit", Code: "out_of_range"})
	}
	return nil
}

// TestSettings names every key that is not known, with its nearest, and whatever else is wrong, at once.
func TestSettings(t *testing.T) {
	defaults := outer{Name: "as it was"}
	good, err := Settings("x.yaml", []byte("limit: 3\nlist: [{limit: 1}]\nnamed: {a: {rules: {any: thing}}}\nfree: {what: {ever: 1}}\n"), defaults)
	if err != nil || good.Limit != 3 || good.Name != "as it was" || good.Named["a"].Rules["any"] != "thing" {
		t.Fatalf("%v %v", good, err)
	}
	got, err := Settings("x.yaml", []byte("limit: -1\nnmae: b\nlist: [{limit: 1}, {limti: 2}]\nnamed: {a: {rulse: {}}}\nzzzzzzzzzz: 1\n"), defaults)
	if got.Name != defaults.Name || got.Limit != 0 || !fault.Is(err, fault.Invalid) {
		t.Errorf("half of it was read: %v, %v", got, err)
	}
	for _, want := range []string{"list[1].limti: unknown_key, expected perhaps limit", "named.a.rulse: unknown_key, expected perhaps rules", "nmae: unknown_key, expected perhaps name",
		"zzzzzzzzzz: unknown_key, expected one of free, limit, list, name, named, rules", "limit: out_of_range"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	for _, bad := range []string{"limit: [", "limit: many", "- 1", "limit: 1\nlimit: 2"} {
		if _, err := Settings("x.yaml", []byte(bad), defaults); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "x.yaml") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
