// Package reference names what is kept in the data bucket beside each version of a model: what it is judged, watched and explained by.
package reference

import (
	"path"
	"strconv"
)

// Explanation is the file that holds a version's explain.Explanation.
const Explanation = "explanation.json"

// Dir is where the reference of a version lies.
func Dir(model string, version int) string {
	return path.Join("reference", model, strconv.Itoa(version))
}
