package expect

import (
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaMaps hold the one expectation that needs a JSON Schema validator.
var schemaMaps = []record{
	{"expect_column_values_to_match_json_schema", "column! json_schema!", columnMap(matchJSONSchema)},
}

// nowhere refuses to load a schema from elsewhere: a suite must not make its reader open files or connections.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("a schema refers to %s, and only references within it are followed", url)
}

// matchJSONSchema expects a JSON text that satisfies json_schema (draft 2020-12 unless it names another). A text that is not JSON is an
// error of the whole expectation, as in Great Expectations.
func matchJSONSchema(s *series, k *kwargs) (func(int) bool, error) {
	doc := k.object("json_schema")
	if err := k.err(); err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nowhere{})
	if err := c.AddResource("suite:json_schema", any(doc)); err != nil {
		return nil, fmt.Errorf("json_schema: %w", err)
	}
	schema, err := c.Compile("suite:json_schema")
	if err != nil {
		return nil, fmt.Errorf("json_schema: %w", err)
	}
	if err := onlyTexts(s, "expect_column_values_to_match_json_schema"); err != nil {
		return nil, err
	}
	var failed error
	expected := s.testText(func(v string) bool {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(v))
		if err != nil {
			if failed == nil {
				failed = fmt.Errorf("a value of column %q is not JSON: %v", s.Name, brief(v))
			}
			return false
		}
		return schema.Validate(value) == nil
	})
	return expected, failed
}
