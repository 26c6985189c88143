package awstest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Report says how the stack came into being, and where the emulator does not hold what the template says.
type Report struct {
	Ours             []string // types that are run by the test instead
	ByCloudFormation []string // types, once for each resource
	BySDK            []string // type and reason, once for each resource
	Named            []string // types of which the emulator has nothing but a name
	Set              []string // type and property that CloudFormation left out
	Changed          []string // what was made otherwise than the template says, and why
	Gaps             []Gap
	Lacks            []string // what the emulator answered 501 to
	Held             []string // type and property that the emulator holds as the template says it, once for each resource
}

// Gap is one property that the emulator does not hold.
type Gap struct {
	Type, Name, Property string
	Want, Got            any
	Reason               string // "" = nobody knows
}

// reasons say why an emulator may not hold a property. A gap that is not among them is a fault of ours, or of the emulator's.
var reasons = map[string]string{
	"AWS::ApiGateway::RestApi.BinaryMediaTypes":      "moto's CloudFormation leaves it out, and its UpdateRestApi cannot add one",
	"AWS::ApiGateway::RestApi.EndpointConfiguration": "moto's CloudFormation keeps it under another name than its API reads it by",
	"AWS::S3::Bucket.NotificationConfiguration":      "moto takes it and acts by it, and does not tell it: that uploads are told is seen by what arrives",
}

func (r *Report) lacks(what string) {
	if !slices.Contains(r.Lacks, what) {
		r.Lacks = append(r.Lacks, what)
	}
}

// String is the report for people.
func (r *Report) String() string {
	var out strings.Builder
	section := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(&out, "%s (%d):\n", title, len(lines))
		count := map[string]int{}
		for _, l := range lines {
			count[l]++
		}
		for _, l := range slices.Sorted(maps.Keys(count)) {
			fmt.Fprintf(&out, "  %3d  %s\n", count[l], l)
		}
	}
	section("run by the test instead", r.Ours)
	section("made by CloudFormation", r.ByCloudFormation)
	section("made through the SDK", r.BySDK)
	section("named only: nothing here uses them", r.Named)
	section("set through the SDK, since CloudFormation left it out", r.Set)
	section("made otherwise", r.Changed)
	var gaps []string
	for _, g := range r.Gaps {
		gaps = append(gaps, fmt.Sprintf("%s.%s: %s", g.Type, g.Property, orElse(g.Reason, "NO REASON IS KNOWN")))
	}
	section("not held by this emulator", gaps)
	section("this emulator lacks", r.Lacks)
	section("held by this emulator as the template says it", r.Held)
	return out.String()
}

// settle looks at a resource, sets what is not as the template says, and notes what still is not.
func (s *Stack) settle(ctx context.Context, id string) error {
	r := s.Resources[id]
	k := kinds[r.Type]
	if k.look == nil || s.names[id] == "" {
		return nil
	}
	p, err := s.Resolved(id)
	if err == nil {
		err = s.unlock(ctx, p)
	}
	if err != nil {
		if len(s.Lacks) > 0 {
			return nil // it refers to something that is lacked
		}
		return err
	}
	look := func() (Properties, error) {
		got, err := k.look(ctx, s.clients, s.names[id], p)
		for _, name := range k.by {
			if err == nil {
				got[name] = p[name]
			}
		}
		return got, err
	}
	got, err := look()
	again := false
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if err != nil || within(p[name], got[name]) || k.set[name] == nil {
			continue
		}
		failed := k.set[name](ctx, s.clients, s.names[id], p)
		if what, lacked := lacking(failed); lacked {
			s.lacks(what)
			continue
		}
		if failed != nil {
			return fmt.Errorf("set %s: %w", name, failed)
		}
		again = true
		if k.first == "" {
			s.Set = append(s.Set, r.Type+"."+name)
		}
	}
	if again {
		got, err = look()
	}
	if what, lacked := lacking(err); lacked {
		s.lacks(what)
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at it: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if within(p[name], got[name]) {
			s.Held = append(s.Held, r.Type+"."+name)
			continue
		}
		s.Gaps = append(s.Gaps, Gap{r.Type, s.template.names[id], name, p[name], got[name], reasons[r.Type+"."+name]})
	}
	return nil
}

// String says what was wanted and what is there.
func (g Gap) String() string {
	want, _ := json.Marshal(g.Want)
	got, _ := json.Marshal(g.Got)
	return fmt.Sprintf("%s %s: %s is %.300s; the template says %.300s", g.Type, g.Name, g.Property, got, want)
}
