package remedy

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"mlops/shared/evaluate"
	"mlops/shared/fault"
	"mlops/shared/number"
)

func numberOf(v float64) number.Float { return number.Float(v) }

func TestDefaultPolicyIsValid(t *testing.T) {
	p := DefaultPolicy()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	if !p.DryRun {
		t.Error("a new installation must not act")
	}
	for cause := range kindByCause {
		if p.Severity[cause] == "" {
			t.Errorf("cause %s has no severity", cause)
		}
	}
}

// Fewer labels than the gate needs would train what cannot be promoted.
func TestRetrainingHasLabelsEnoughForTheGate(t *testing.T) {
	r, g := DefaultPolicy().Retrain, evaluate.DefaultPolicy()
	if r.MinLabels < g.MinRows || r.MinRarer < g.MinRarerClass {
		t.Errorf("retraining from %d labels (%d of the rarer class), the gate needs %d (%d)", r.MinLabels, r.MinRarer, g.MinRows, g.MinRarerClass)
	}
}

// Every fault is named, all at once, by the path it has in policy.yaml.
func TestValidateNamesEveryFault(t *testing.T) {
	p := DefaultPolicy()
	p.Name = ""
	p.Evidence.MinLoss = math.NaN()
	p.Evidence.BadWindows = 4
	p.Retrain.MinLabels = 0
	p.Verify.MaxWindows = 1
	p.Alerts.Kinds = append(p.Alerts.Kinds, AlertKind{"", "weather"})
	p.Limits.CooldownMinutes["reboot"] = -1
	p.Approval.Needed[Retrain] = "maybe"
	p.Approval.Approvers = []string{"anna@example.org", "not an address", "Anna@Example.org", "b@x\ny"}
	p.Approval.Quorum = 5
	p.Severity["sunspots"] = "grave"
	p.Cost.GBSecondUSD = -1
	err := p.Validate()
	if !fault.Is(err, fault.Invalid) {
		t.Fatalf("%v", err)
	}
	named := map[string]int{}
	for _, d := range fault.Details(err) {
		named[d.Field]++
	}
	n := len(p.Alerts.Kinds) - 1
	want := map[string]int{"name": 1, "evidence.min_loss": 1, "evidence.bad_windows": 1, "retrain.min_labels": 1, "verify.max_windows": 1, "limits.cooldown_minutes": 1, "limits.cooldown_minutes.reboot": 1,
		"approval.needed.retrain": 1, "approval.approvers[1]": 1, "approval.approvers[2]": 1, "approval.approvers[3]": 1, "approval.quorum": 1, "severity.sunspots": 2, "cost.gb_second_usd": 1}
	want["alerts.kinds["+itoa(n)+"].contains"], want["alerts.kinds["+itoa(n)+"].kind"] = 1, 1
	if !reflect.DeepEqual(named, want) {
		t.Errorf("named %v\nwant  %v", named, want)
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

// The policy is data: what is written is what is read, JSON and YAML have the same keys, and a digest names its content.
func TestPolicyIsData(t *testing.T) {
	p := DefaultPolicy()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again Policy
	if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(p, again) {
		t.Errorf("round trip: %v\n%+v", err, again)
	}
	if p.Digest() != again.Digest() {
		t.Error("equal policies have different digests")
	}
	again.Evidence.MinLoss = 0.04
	if p.Digest() == again.Digest() {
		t.Error("different policies have one digest")
	}
	var walk func(reflect.Type)
	walk = func(rt reflect.Type) {
		switch rt.Kind() {
		case reflect.Slice, reflect.Map:
			walk(rt.Elem())
		case reflect.Struct:
			for i := range rt.NumField() {
				f := rt.Field(i)
				if j, y := f.Tag.Get("json"), f.Tag.Get("yaml"); j == "" || j != y || strings.ToLower(j) != j {
					t.Errorf("%s.%s: json %q, yaml %q", rt.Name(), f.Name, j, y)
				}
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeFor[Policy]())
}

func TestText(t *testing.T) {
	for v, want := range map[float64]string{0.83: "0.830", 0: "0.000", 2410: "2,410", 1234567: "1,234,567", -60: "-60", 12.5: "12.50", 40: "40", 0.00002: "2e-05", math.Inf(1): "unknown", 100: "100", -1500: "-1,500"} {
		if got := figure(v); got != want {
			t.Errorf("figure(%v) = %q, want %q", v, got, want)
		}
	}
	if got := counted(2, "category"); got != "2 categories" {
		t.Error(got)
	}
	if got := oneLine("a\r\nb\u2028c\xff"); got != "a b c?" {
		t.Errorf("%q", got)
	}
	if got := []rune(oneLine(strings.Repeat("é", 1000))); len(got) != maxText {
		t.Errorf("%d runes", len(got))
	}
	if got := listed([]string{"a", "b", "c", "d", "e", "f", "g"}); got != "a, b, c, d, e and 2 more" {
		t.Error(got)
	}
}
