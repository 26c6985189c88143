package dataset

import (
	"path"
	"slices"
	"strings"
)

// formats are the extensions by which a table is read.
var formats = []string{".csv", ".jsonl", ".ndjson", ".json", ".parquet"}

// ExtensionOf is a file's extension with its compression, such as .csv.gz, or, where its name has none, the one of what its first bytes look like.
func ExtensionOf(name string, head []byte) string {
	name = strings.ToLower(path.Base(name))
	for _, format := range formats {
		if i := strings.LastIndex(name, format); i >= 0 && slices.Contains([]string{"", ".gz", ".zst"}, name[i+len(format):]) {
			return name[i:]
		}
	}
	return Extension(head)
}
