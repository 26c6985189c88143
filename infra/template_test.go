package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"mlops/shared/topology"
)

// workshop is where stacks are made.
var workshop string

func TestMain(m *testing.M) {
	var err error
	if workshop, err = os.MkdirTemp("", "stack"); err != nil {
		panic(err)
	}
	code := m.Run()
	jsii.Close()
	os.RemoveAll(workshop)
	os.Exit(code)
}

// resource is one resource of a template.
type resource struct {
	Type           string
	Properties     map[string]any
	Metadata       map[string]any
	DeletionPolicy string
}

// template is a stack as it was synthesised.
type template struct {
	Resources map[string]resource
	Outputs   map[string]any
	file      string
	text      []byte
	stack     awscdk.Stack
}

// synth makes the stack of a project whose functions are built, with args on top of the project's own context. The CDK checks the template
// against its rules if asked to: that takes most of the time, so once is enough.
func synth(checked bool, args ...string) (template, error) {
	context, err := contextOf("..", args)
	if err != nil {
		return template{}, err
	}
	if !checked {
		context["@aws-cdk/core:validateAgainstDefaultRules"] = false
	}
	dir, err := os.MkdirTemp(workshop, "")
	if err != nil {
		return template{}, err
	}
	out := filepath.Join(dir, "out")
	app := newApp(context, &out)
	s, err := load(app)
	if err != nil {
		return template{}, err
	}
	s.dist = filepath.Join(dir, "dist")
	if err := errors.Join(bootstraps(s.dist, s.arch), s.built()); err != nil {
		return template{}, err
	}
	tpl := template{stack: build(app, s), file: filepath.Join(out, "mlops-"+s.env+".template.json")}
	app.Synth(nil)
	if tpl.text, err = os.ReadFile(tpl.file); err != nil {
		return template{}, err
	}
	return tpl, json.Unmarshal(tpl.text, &tpl)
}

// stack is one of two that the tests look at: the usual one, without settings, and one for which everything was chosen.
type stack func() (template, error)

var (
	usual  stack = sync.OnceValues(func() (template, error) { return synth(true) })
	chosen stack = sync.OnceValues(func() (template, error) { return synth(false, choices...) })
)

func (s stack) of(t *testing.T) template {
	t.Helper()
	tpl, err := s()
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

var choices = []string{"-c", "env=prod", "-c", "arch=x86_64", "-c", "owners=owner@example.com", "-c", "approvers=anna@example.com,ben@example.com",
	"-c", "publicUrl=https://approve.example.com/", "-c", "schedule.drift=rate(30 minutes)", "-c", "schedule.weekly=off", "-c", "account=123456789012", "-c", "region=eu-central-1", "-c", "rate=7"}

// bootstraps lays out what `make build` would: for each function a file that says for which machine it is.
func bootstraps(dist, arch string) error {
	for i, f := range topology.Functions {
		header := make([]byte, 64, 65)
		copy(header, "\x7fELF\x02\x01\x01")
		binary.LittleEndian.PutUint16(header[16:], 2) // executable
		binary.LittleEndian.PutUint16(header[18:], uint16(architectures[arch]))
		binary.LittleEndian.PutUint32(header[20:], 1)
		binary.LittleEndian.PutUint16(header[52:], 64)
		dir := filepath.Join(dist, string(f.Name))
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "bootstrap"), append(header, byte(i)), 0o755)); err != nil {
			return err
		}
	}
	return nil
}

// of are the resources of a type, by logical id.
func (t template) of(kind string) map[string]resource {
	out := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			out[id] = r
		}
	}
	return out
}

// name is the construct's path of a resource within the stack: what it is called in the program.
func (t template) name(id string) string {
	path, _ := t.Resources[id].Metadata["aws:cdk:path"].(string)
	_, path, _ = strings.Cut(path, "/")
	return strings.TrimSuffix(path, "/Resource")
}

// text writes a value with its intrinsic functions as a person would say it: resources by name, the account's own parts in angle brackets.
func (t template) say(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = t.say(v[i])
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		for f, arg := range v {
			switch f {
			case "Ref":
				if id := arg.(string); !strings.HasPrefix(id, "AWS::") {
					return t.name(id)
				} else {
					return "<" + strings.ToLower(strings.TrimPrefix(id, "AWS::")) + ">"
				}
			case "Fn::GetAtt":
				return t.name(arg.([]any)[0].(string))
			case "Fn::Join":
				var parts []string
				for _, part := range arg.([]any)[1].([]any) {
					parts = append(parts, t.say(part))
				}
				return strings.Join(parts, arg.([]any)[0].(string))
			}
		}
	}
	return fmt.Sprint(v)
}

// find goes down a resource's properties.
func find(v any, path ...string) any {
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

func list(v any) []any {
	if one, ok := v.([]any); ok {
		return one
	}
	if v == nil {
		return nil
	}
	return []any{v}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
