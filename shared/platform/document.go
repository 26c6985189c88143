package platform

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"mlops/shared/fault"
)

// Document is one YAML text as plain maps, lists and values.
type Document struct {
	Name  string // for errors
	Value any
	lines map[string]int // of each key and item, by its path
}

// ReadDocument reads one YAML document; an empty one has the value nil. The error is Invalid and shows the place.
func ReadDocument(name string, b []byte) (Document, error) {
	d := Document{Name: name, lines: map[string]int{}}
	if len(b) > maxSettings {
		return d, fault.Invalidf("read %s: it has %d bytes, more than %d", name, len(b), maxSettings)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return d, nil
	}
	file, err := parser.ParseBytes(b, 0)
	if err == nil {
		err = yaml.Unmarshal(b, &d.Value)
	}
	if err != nil {
		return d, fault.Invalidf("read %s: %s", name, yaml.FormatError(err, false, true))
	}
	for _, doc := range file.Docs {
		d.walk("", doc.Body)
	}
	return d, nil
}

// walk notes the line of everything below a node.
func (d Document) walk(path string, n ast.Node) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			d.walk(path, v)
		}
	case *ast.MappingValueNode:
		key := n.Key.GetToken().Value
		if path != "" {
			key = path + "." + key
		}
		d.lines[key] = n.Key.GetToken().Position.Line
		d.walk(key, n.Value)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			at := fmt.Sprintf("%s[%d]", path, i)
			d.lines[at] = v.GetToken().Position.Line
			d.walk(at, v)
		}
	case *ast.AnchorNode:
		d.walk(path, n.Value)
	case *ast.TagNode:
		d.walk(path, n.Value)
	}
}

// Locate says in err, whose problems are named by paths in the document, in which line each stands: that of the path, or of the nearest thing
// above it. A problem of something that stands nowhere is left as it is.
func (d Document) Locate(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	for i := range f.Detail {
		for path := f.Detail[i].Field; path != ""; path = above(path) {
			if line, ok := d.lines[path]; ok {
				f.Detail[i].Field = fmt.Sprintf("line %d, %s", line, f.Detail[i].Field)
				break
			}
		}
	}
	return fault.Wrap(f, "read %s", d.Name)
}

// above is the path without its last part.
func above(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}
