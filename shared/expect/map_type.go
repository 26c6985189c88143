package expect

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// typeMaps are about the types that pandas would give.
var typeMaps = []record{
	{"expect_column_values_to_be_of_type", "column! type_", columnType},
	{"expect_column_values_to_be_in_type_list", "column! type_list", columnTypeList},
	{"expect_column_type_to_be", "column! type_", columnIsType},
}

// columnIsType compares the dtype alone, also of a column of objects; a column of texts is of type str as well.
func columnIsType(c *check) (outcome, error) {
	name := c.text("type_")
	return c.dtypeIs(func(t dtype) bool {
		return name == "" || scalarTypes[name] == string(t) || name == string(t) || t == objectType && scalarTypes[name] == "str_"
	})
}

// columnType compares the dtype; of a column of objects it asks every value, unless objects are what is expected.
func columnType(c *check) (outcome, error) {
	name := c.text("type_")
	if slices.Contains([]string{"", "object", "object_", "O"}, name) {
		return c.dtypeIs(func(t dtype) bool { return name == "" || t == objectType })
	}
	return c.hasType([]string{name})
}

// columnTypeList is columnType for any of several types; null expects nothing.
func columnTypeList(c *check) (outcome, error) {
	names, there := c.texts("type_list")
	if err := c.err(); err != nil {
		return outcome{}, err
	}
	if !there {
		return c.dtypeIs(func(dtype) bool { return true })
	}
	return c.hasType(names)
}

func (c *check) dtypeIs(ok func(dtype) bool) (outcome, error) {
	s, err := c.series(c.text("column"))
	if err != nil {
		return outcome{}, err
	}
	return outcome{success: ok(s.dtype), detail: map[string]any{"observed_value": string(s.dtype)}}, c.err()
}

// hasType judges values one by one in an object column, else the dtype.
func (c *check) hasType(names []string) (outcome, error) {
	s, err := c.series(c.text("column"))
	if err != nil {
		return outcome{}, err
	}
	var scalars, natives []string
	for _, name := range names {
		if t, ok := scalarTypes[name]; ok {
			scalars = append(scalars, t)
		}
		if t, ok := nativeTypes[strings.ToLower(name)]; ok {
			natives = append(natives, t)
		}
	}
	if s.dtype != objectType {
		return c.dtypeIs(func(t dtype) bool { return slices.Contains(scalars, string(t)) })
	}
	if len(scalars)+len(natives) == 0 {
		return outcome{}, fmt.Errorf("No recognized numpy/python type in list: %v", brief(names))
	}
	holds := "str"
	if s.truth != nil {
		holds = "bool"
	}
	is := func(holds string) bool {
		return slices.Contains(natives, holds) || holds == "bool" && slices.Contains(natives, "int") // a Python bool is an int
	}
	expected := is(holds)
	d := &domain{names: []string{s.Name}, cells: []*series{s}, shape: single, skip: s.Missing}
	if s.typed != nil {
		return c.judge(d, s.testValue(func(v any) bool { return is(pythonType(v)) }))
	}
	return c.judge(d, func(int) bool { return expected })
}

// pythonType names the type that a value of a column of objects has in Python.
func pythonType(v any) string {
	switch x := v.(type) {
	case bool:
		return "bool"
	case float64:
		if x == math.Trunc(x) {
			return "int"
		}
		return "float"
	case time.Time:
		return "Timestamp"
	}
	return "str"
}

// scalarTypes are the names by which numpy knows a type, with the name of its scalar. A name that is here and that no column can have
// is recognised and never matches.
var scalarTypes = map[string]string{
	"int": "int64", "int_": "int64", "int64": "int64", "long": "int64", "i8": "int64", "<i8": "int64", "l": "int64", "q": "int64", "intp": "int64",
	"float": "float64", "float_": "float64", "float64": "float64", "double": "float64", "f8": "float64", "<f8": "float64", "d": "float64",
	"bool": "bool_", "bool_": "bool_", "bool8": "bool_", "?": "bool_",
	"object": "object_", "object_": "object_", "O": "object_",
	"str": "str_", "str_": "str_", "unicode": "str_", "U": "str_",
	"int8": "int8", "int16": "int16", "int32": "int32", "i4": "int32", "uint": "uint64", "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64",
	"float16": "float16", "half": "float16", "float32": "float32", "single": "float32", "f4": "float32", "complex": "complex128", "complex64": "complex64", "complex128": "complex128",
	"bytes": "bytes_", "S": "bytes_", "void": "void", "V": "void", "datetime64": "datetime64", "datetime64[ns]": "datetime64", "timedelta64": "timedelta64", "timedelta64[ns]": "timedelta64",
	"Timestamp": "Timestamp", "Timedelta": "Timedelta", "Period": "Period", "Interval": "Interval", "CategoricalDtype": "CategoricalDtypeType", "StringDtype": "StringDtype",
	"Int8Dtype": "Int8Dtype", "Int16Dtype": "Int16Dtype", "Int32Dtype": "Int32Dtype", "Int64Dtype": "Int64Dtype", "Float32Dtype": "Float32Dtype", "Float64Dtype": "Float64Dtype", "BooleanDtype": "BooleanDtype", "DatetimeTZDtype": "DatetimeTZDtype",
}

// nativeTypes are the names of Python's own types, in lower case.
var nativeTypes = map[string]string{
	"none": "NoneType", "bool": "bool", "int": "int", "long": "int", "float": "float", "bytes": "bytes", "complex": "complex",
	"str": "str", "string_types": "str", "unicode": "str", "list": "list", "dict": "dict",
}
