package awstest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// templateFile is the stack as `make synth` writes it, kept by infra's tests so that nothing here needs Node.
const templateFile = "infra/testdata/mlops-dev.template.json"

// Properties are what a template says of one resource, in CloudFormation's words.
type Properties = map[string]any

// Resource is one resource of a template.
type Resource struct {
	Type       string
	Properties Properties
	DependsOn  any `json:",omitempty"` // a logical id or several
}

// template is a CloudFormation template by logical ids.
type template struct {
	Resources map[string]*Resource
	Outputs   map[string]any    `json:",omitempty"`
	names     map[string]string // logical id to what the program calls it
}

// readTemplate reads the project's template as if it were that of an environment of another name: several may then share an emulator.
func readTemplate(env string) (*template, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for !exists(filepath.Join(dir, "cdk.json")) {
		if dir == filepath.Dir(dir) {
			return nil, fmt.Errorf("read the stack's template: there is no %s above the working directory", templateFile)
		}
		dir = filepath.Dir(dir)
	}
	b, err := os.ReadFile(filepath.Join(dir, templateFile))
	if err != nil {
		return nil, fmt.Errorf("read the stack's template (cd infra && go test -run TestTemplate -update . writes it): %w", err)
	}
	return parseTemplate([]byte(strings.ReplaceAll(string(b), "mlops-dev", "mlops-"+env)))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func parseTemplate(b []byte) (*template, error) {
	var paths struct {
		Resources map[string]struct {
			Metadata struct {
				Path string `json:"aws:cdk:path"`
			}
		}
	}
	t := &template{names: map[string]string{}}
	for _, into := range []any{t, &paths} {
		if err := json.Unmarshal(b, into); err != nil {
			return nil, fmt.Errorf("read the stack's template: %w", err)
		}
	}
	t.Outputs = nil
	for id, r := range paths.Resources {
		_, path, _ := strings.Cut(r.Metadata.Path, "/")
		t.names[id] = strings.TrimSuffix(path, "/Resource")
		if t.Resources[id].Properties == nil {
			t.Resources[id].Properties = Properties{}
		}
	}
	return t, nil
}

// of are the logical ids of the resources of a type, in order.
func (t *template) of(kind string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(t.Resources)), func(id string) bool { return t.Resources[id].Type != kind })
}

// id is the logical id of what the program calls name; "" when there is none.
func (t *template) id(name string) string {
	for id, n := range t.names {
		if n == name {
			return id
		}
	}
	return ""
}

// names are what references stand for: a logical id or pseudo parameter for Ref, "id.attribute" for Fn::GetAtt.
type names map[string]string

// fill puts text in place of every reference that is known, and of what is joined of nothing but text. Other functions stay: see unfilled.
func (n names) fill(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = n.fill(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = n.fill(x)
		}
		if len(out) == 1 {
			for function, argument := range out {
				if text, ok := n.call(function, argument); ok {
					return text
				}
			}
		}
		return out
	}
	return v
}

// call evaluates an intrinsic function (docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html).
func (n names) call(function string, argument any) (any, bool) {
	list, _ := argument.([]any)
	switch function {
	case "Ref":
		id, _ := argument.(string)
		text, ok := n[id]
		return text, ok
	case "Fn::GetAtt":
		text, ok := n[attribute(argument)]
		return text, ok
	case "Fn::Join":
		if len(list) != 2 {
			return nil, false
		}
		separator, _ := list[0].(string)
		parts, ok := texts(list[1])
		return strings.Join(parts, separator), ok
	case "Fn::Select":
		if len(list) != 2 {
			return nil, false
		}
		all, _ := list[1].([]any)
		var i int
		if _, err := fmt.Sscan(fmt.Sprint(list[0]), &i); err != nil || i < 0 || i >= len(all) {
			return nil, false
		}
		text, ok := all[i].(string)
		return text, ok
	case "Fn::Split":
		parts, ok := texts(argument)
		if !ok || len(parts) != 2 {
			return nil, false
		}
		var out []any
		for part := range strings.SplitSeq(parts[1], parts[0]) {
			out = append(out, part)
		}
		return out, true
	case "Fn::Sub":
		return n.sub(argument)
	}
	return nil, false
}

// sub replaces ${name} in a text; with a list, by the names of its second part too.
func (n names) sub(argument any) (any, bool) {
	known := maps.Clone(n)
	if list, ok := argument.([]any); ok && len(list) == 2 {
		more, _ := list[1].(map[string]any)
		for name, v := range more {
			text, ok := v.(string)
			if !ok {
				return nil, false
			}
			known[name] = text
		}
		argument = list[0]
	}
	text, ok := argument.(string)
	var out strings.Builder
	for ok {
		before, rest, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return out.String(), true
		}
		var name, value string
		name, text, ok = strings.Cut(rest, "}")
		if literal, isLiteral := strings.CutPrefix(name, "!"); ok && isLiteral {
			value = "${" + literal + "}"
		} else if ok {
			value, ok = known[name]
		}
		out.WriteString(value)
	}
	return nil, false
}

// attribute is the argument of Fn::GetAtt as one text, "id.attribute".
func attribute(argument any) string {
	if parts, ok := texts(argument); ok {
		return strings.Join(parts, ".")
	}
	text, _ := argument.(string)
	return text
}

func texts(v any) ([]string, bool) {
	list, ok := v.([]any)
	out := make([]string, len(list))
	for i := range list {
		text, isText := list[i].(string)
		out[i], ok = text, ok && isText
	}
	return out, ok
}

// unfilled names the intrinsic functions that are left in a value.
func unfilled(v any) []string {
	var out []string
	walk(v, func(function string, argument any) {
		b, _ := json.Marshal(argument)
		out = append(out, function+" "+string(b))
	})
	return out
}

// walk visits every intrinsic function of a value.
func walk(v any, visit func(function string, argument any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			walk(x, visit)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if len(v) == 1 && (k == "Ref" || strings.HasPrefix(k, "Fn::")) {
				visit(k, v[k])
			}
			walk(v[k], visit)
		}
	}
}
