package dataset

import (
	"path"
	"slices"
	"strings"
)

// formats are the extensions by which a table is read.
var formats = []string{".csv", ".jsonl", ".ndjson", ".json", ".parquet"}

// ExtensionOf is a file's extension with its compression, such as .csv.gz, by what its first bytes look like: a wrong name misleads nobody. The name tells what kind
// of JSON it is, and what bytes are that cannot be made out.
func ExtensionOf(name string, head []byte) string {
	looks := Extension(head)
	name = strings.ToLower(path.Base(name))
	for _, format := range formats {
		i := strings.LastIndex(name, format)
		if i < 0 || !slices.Contains([]string{"", ".gz", ".zst"}, name[i+len(format):]) {
			continue
		}
		kind, compression, _ := strings.Cut(strings.TrimPrefix(looks, "."), ".")
		same := format == "."+kind || slices.Contains(jsonExtensions, format) && slices.Contains(jsonExtensions, "."+kind)
		if !same && len(head) > 0 && !(compression != "" && kind == "csv") {
			continue
		}
		if compression != "" {
			return format + "." + compression
		}
		return format
	}
	return looks
}
