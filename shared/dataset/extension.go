package dataset

import (
	"path"
	"slices"
	"strings"
)

// formats are the extensions by which a table is read.
var formats = []string{".csv", ".jsonl", ".ndjson", ".json", ".parquet"}

// ExtensionOf is a file's extension with its compression, such as .csv.gz, by what its first bytes look like: a wrong name misleads nobody, and tells no more
// than which of the names of JSON it is. Without any bytes the name is all there is.
func ExtensionOf(name string, head []byte) string {
	looks := Extension(head)
	name = strings.ToLower(path.Base(name))
	for _, format := range formats {
		i := strings.LastIndex(name, format)
		if i < 0 || !slices.Contains([]string{"", ".gz", ".zst"}, name[i+len(format):]) {
			continue
		}
		if len(head) == 0 {
			return name[i:]
		}
		kind, _, _ := strings.Cut(looks[1:], ".")
		if kind = "." + kind; format != kind && !(slices.Contains(jsonExtensions, format) && slices.Contains(jsonExtensions, kind)) {
			return looks
		}
		return format + looks[len(kind):]
	}
	return looks
}
