package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

type object map[string]any

// suite writes four expectations for each of n columns, of the kinds that read every value.
func suite(out io.Writer, n int) error {
	words := make([]string, 50)
	for i := range words {
		words[i] = fmt.Sprintf("v%02d", i)
	}
	var all []object
	for i := range n {
		name, _ := column(i, n, rand.New(rand.NewPCG(1, 1)), 0)
		add := func(kind string, kwargs object) {
			kwargs["column"] = name
			all = append(all, object{"type": "expect_column_" + kind, "kwargs": kwargs, "meta": object{}})
		}
		if strings.HasPrefix(name, "category") {
			add("values_to_not_be_null", object{})
			add("values_to_be_in_set", object{"value_set": words})
			add("values_to_match_regex", object{"regex": `^v\d\d$`})
			add("value_lengths_to_equal", object{"value": 3})
			continue
		}
		add("values_to_not_be_null", object{"mostly": 0.5})
		add("values_to_be_between", object{"min_value": -1000, "max_value": 1000})
		add("mean_to_be_between", object{"min_value": -100, "max_value": 100})
		add("quantile_values_to_be_between", object{"quantile_ranges": object{"quantiles": []float64{0.05, 0.5, 0.95}, "value_ranges": [][]float64{{-100, 100}, {-100, 100}, {-100, 100}}}})
	}
	return json.NewEncoder(out).Encode(object{"name": "bench", "expectations": all, "meta": object{"great_expectations_version": "1.2.0"}})
}
