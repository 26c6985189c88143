package evidently

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"mlops/shared/fault"
	"mlops/shared/model"
)

// Config is what a user of Evidently can choose. The zero value chooses nothing: Evidently's defaults, but for DriftShare, see DefaultConfig.
// For each column the test is that of the column, else of its type, else of all, else Evidently's default; thresholds likewise, else the test's.
type Config struct {
	DriftShare float64 // share of drifted columns from which the dataset has drifted

	Method       string            // by name, "" = not chosen
	TypeMethod   map[Type]string   //
	ColumnMethod map[string]string //

	Threshold       *float64
	TypeThreshold   map[Type]float64
	ColumnThreshold map[string]float64

	Columns     []string // to compare, in this order; nil = all
	Numerical   []string // all columns of that type; nil = by the file, see Config.plan
	Categorical []string //
	Text        []string //

	Target     *string // before 0.7 only: nil = "target" if there is such a column
	Prediction *string // likewise "prediction"
	Task       string  // likewise: classification, regression, "" = by the target
}

// DefaultConfig is Evidently's.
func DefaultConfig() Config { return Config{DriftShare: 0.5} }

// setting is a key of the JSON, with the spelling of 0.7 first, and how it is read.
type setting struct {
	names []string
	read  func(*Config, json.RawMessage) error
}

// settings are all keys. The first spellings are of Evidently 0.7's DataDriftPreset and DataDefinition, the others of its legacy presets,
// DataDriftOptions and ColumnMapping.
var settings = []setting{
	{[]string{"drift_share"}, into(func(c *Config) *float64 { return &c.DriftShare })},
	{[]string{"method", "stattest", "all_features_stattest"}, into(func(c *Config) *string { return &c.Method })},
	{[]string{"num_method", "num_stattest", "num_features_stattest"}, ofType(Numerical, (*Config).typeMethods)},
	{[]string{"cat_method", "cat_stattest", "cat_features_stattest"}, ofType(Categorical, (*Config).typeMethods)},
	{[]string{"text_method", "text_stattest", "text_features_stattest"}, ofType(FreeText, (*Config).typeMethods)},
	{[]string{"per_column_method", "per_column_stattest", "per_feature_stattest"}, into(func(c *Config) *map[string]string { return &c.ColumnMethod })},
	{[]string{"threshold", "stattest_threshold", "all_features_threshold"}, into(func(c *Config) **float64 { return &c.Threshold })},
	{[]string{"num_threshold", "num_stattest_threshold", "num_features_threshold"}, ofType(Numerical, (*Config).typeThresholds)},
	{[]string{"cat_threshold", "cat_stattest_threshold", "cat_features_threshold"}, ofType(Categorical, (*Config).typeThresholds)},
	{[]string{"text_threshold", "text_stattest_threshold", "text_features_threshold"}, ofType(FreeText, (*Config).typeThresholds)},
	{[]string{"per_column_threshold", "per_column_stattest_threshold", "per_feature_threshold"}, into(func(c *Config) *map[string]float64 { return &c.ColumnThreshold })},
	{[]string{"columns"}, into(func(c *Config) *[]string { return &c.Columns })},
	{[]string{"numerical_columns", "numerical_features"}, into(func(c *Config) *[]string { return &c.Numerical })},
	{[]string{"categorical_columns", "categorical_features"}, into(func(c *Config) *[]string { return &c.Categorical })},
	{[]string{"text_columns", "text_features"}, into(func(c *Config) *[]string { return &c.Text })},
	{[]string{"target"}, into(func(c *Config) **string { return &c.Target })},
	{[]string{"prediction"}, into(func(c *Config) **string { return &c.Prediction })},
	{[]string{"task"}, into(func(c *Config) *string { return &c.Task })},
}

// into reads a value into a field.
func into[T any](field func(*Config) *T) func(*Config, json.RawMessage) error {
	return func(c *Config, b json.RawMessage) error { return json.Unmarshal(b, field(c)) }
}

// ofType reads a value into the entry of a type.
func ofType[T any](kind Type, field func(*Config) map[Type]T) func(*Config, json.RawMessage) error {
	return func(c *Config, b json.RawMessage) error {
		var v T
		err := json.Unmarshal(b, &v)
		field(c)[kind] = v
		return err
	}
}

func (o *Config) typeMethods() map[Type]string {
	if o.TypeMethod == nil {
		o.TypeMethod = map[Type]string{}
	}
	return o.TypeMethod
}

func (o *Config) typeThresholds() map[Type]float64 {
	if o.TypeThreshold == nil {
		o.TypeThreshold = map[Type]float64{}
	}
	return o.TypeThreshold
}

// ReadConfig reads the JSON object of a configuration; null is as if the key were not there. The error, Invalid, names every key that is unknown,
// doubled under two spellings, or of the wrong type, and every value that Validate refuses, with the nearest name that is known.
func ReadConfig(b []byte) (Config, error) {
	c := DefaultConfig()
	var keys map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&keys); err != nil || keys == nil {
		return c, fault.Invalidf("read the configuration: it is not one JSON object").Because(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return c, fault.Invalidf("read the configuration: something follows the JSON object")
	}
	var problems []fault.Detail
	for _, s := range settings {
		var given []string
		for _, name := range s.names {
			if v, is := keys[name]; is && string(v) != "null" {
				given = append(given, name)
			}
		}
		if len(given) > 1 {
			problems = append(problems, fault.Detail{Field: given[1], Code: "duplicate_name", Expected: "one of the spellings " + list(given)})
		} else if len(given) == 1 {
			if err := s.read(&c, keys[given[0]]); err != nil {
				problems = append(problems, fault.Detail{Field: given[0], Code: "wrong_type", Got: shorten(keys[given[0]]), Expected: wanted(s.names[0])})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(settingNames(), name) {
			problems = append(problems, fault.Detail{Field: name, Code: "unknown", Expected: nearest(name, settingNames())})
		}
	}
	problems = append(problems, c.problems()...)
	if problems != nil {
		return c, fault.Invalidf("read the configuration: it has %s", counted(len(problems), "problem", "problems")).With(problems...)
	}
	return c, nil
}

func settingNames() (names []string) {
	for _, s := range settings {
		names = append(names, s.names...)
	}
	return names
}

// wanted says what a key takes.
func wanted(name string) string {
	switch name {
	case "drift_share", "threshold", "num_threshold", "cat_threshold", "text_threshold":
		return "a number"
	case "per_column_method":
		return "an object of column: name of a test"
	case "per_column_threshold":
		return "an object of column: number"
	case "columns", "numerical_columns", "categorical_columns", "text_columns":
		return "a list of column names"
	}
	return "a text"
}

// Validate names every choice that is none: unknown tests, thresholds that are no finite number, a share outside [0, 1], columns of two types.
func (o *Config) Validate() error {
	if problems := o.problems(); problems != nil {
		return fault.Invalidf("the configuration has %s", counted(len(problems), "problem", "problems")).With(problems...)
	}
	return nil
}

func (o *Config) problems() (problems []fault.Detail) {
	add := func(field, code string, got any, expected string) {
		problems = append(problems, fault.Detail{Field: field, Code: code, Got: got, Expected: expected})
	}
	test := func(field, name string) {
		if methods[name] == nil {
			add(field, "unknown", name, nearest(name, Methods()))
		}
	}
	limit := func(field string, v float64) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			add(field, "out_of_range", fmt.Sprint(v), "a finite number")
		}
	}
	if !(o.DriftShare >= 0 && o.DriftShare <= 1) {
		add("drift_share", "out_of_range", o.DriftShare, "0 to 1")
	}
	if o.Method != "" {
		test("method", o.Method)
	}
	if o.Threshold != nil {
		limit("threshold", *o.Threshold)
	}
	for _, kind := range slices.Sorted(maps.Keys(o.TypeMethod)) {
		test(string(kind)+"_method", o.TypeMethod[kind])
	}
	for _, kind := range slices.Sorted(maps.Keys(o.TypeThreshold)) {
		limit(string(kind)+"_threshold", o.TypeThreshold[kind])
	}
	for _, column := range slices.Sorted(maps.Keys(o.ColumnMethod)) {
		test("per_column_method."+column, o.ColumnMethod[column])
	}
	for _, column := range slices.Sorted(maps.Keys(o.ColumnThreshold)) {
		limit("per_column_threshold."+column, o.ColumnThreshold[column])
	}
	if o.Task != "" && o.Task != "classification" && o.Task != "regression" {
		add("task", "unknown", o.Task, "classification or regression")
	}
	return append(problems, o.doubled()...)
}

// doubled are the columns that stand in two lists of types, or twice in one list.
func (o *Config) doubled() (problems []fault.Detail) {
	seen := map[string]string{}
	for _, l := range []struct {
		key   string
		names []string
	}{{"numerical_columns", o.Numerical}, {"categorical_columns", o.Categorical}, {"text_columns", o.Text}} {
		for _, name := range l.names {
			if before, twice := seen[name]; twice {
				problems = append(problems, fault.Detail{Field: l.key, Code: "contradiction", Got: name, Expected: "a column that " + before + " does not name"})
			}
			seen[name] = l.key
		}
	}
	once := map[string]bool{}
	for _, name := range o.Columns {
		if once[name] {
			problems = append(problems, fault.Detail{Field: "columns", Code: "duplicate_name", Got: name, Expected: "each column once"})
		}
		once[name] = true
	}
	return problems
}

// against names every column that the configuration names and neither file has.
func (o *Config) against(ref, cur *Table) error {
	known := append(ref.names(), absent(cur.names(), ref)...)
	var problems []fault.Detail
	check := func(key string, names []string) {
		for _, name := range names {
			if !slices.Contains(known, name) {
				problems = append(problems, fault.Detail{Field: key, Code: "missing", Got: name, Expected: nearest(name, known)})
			}
		}
	}
	check("columns", o.Columns)
	check("numerical_columns", o.Numerical)
	check("categorical_columns", o.Categorical)
	check("text_columns", o.Text)
	check("per_column_method", slices.Sorted(maps.Keys(o.ColumnMethod)))
	check("per_column_threshold", slices.Sorted(maps.Keys(o.ColumnThreshold)))
	for _, role := range []struct {
		key  string
		name *string
	}{{"target", o.Target}, {"prediction", o.Prediction}} {
		if role.name != nil {
			check(role.key, []string{*role.name})
		}
	}
	if problems != nil {
		return fault.Invalidf("the configuration names columns that neither file has").With(problems...)
	}
	return nil
}

// method is the test chosen for a column, "" = Evidently's default.
func (o *Config) method(p planned) string {
	if name := o.ColumnMethod[p.name]; name != "" {
		return name
	}
	if name := o.TypeMethod[p.kind]; name != "" {
		return name
	}
	return o.Method
}

// threshold is the threshold chosen for a column, nil = the test's own.
func (o *Config) threshold(p planned) *float64 {
	if v, is := o.ColumnThreshold[p.name]; is {
		return &v
	}
	if v, is := o.TypeThreshold[p.kind]; is {
		return &v
	}
	return o.Threshold
}

// nearest says which known name was probably meant, or all of them.
func nearest(name string, known []string) string {
	if near := model.Nearest(name, known); near != "" {
		return fmt.Sprintf("%s, which is the nearest, or another of %s", near, list(known))
	}
	return "one of " + list(known)
}

const listed = 30

func list(names []string) string {
	if len(names) > listed {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:listed], ", "), len(names)-listed)
	}
	return strings.Join(names, ", ")
}

// counted is a number of things for people.
func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func shorten(b []byte) string {
	const longest = 60
	if len(b) > longest {
		return string(bytes.ToValidUTF8(b[:longest], nil)) + ".."
	}
	return string(b)
}
