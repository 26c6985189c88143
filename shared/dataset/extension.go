package dataset

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// formats are the extensions by which a table is read.
var formats = []string{".csv", ".jsonl", ".ndjson", ".json", ".parquet"}

// Extension is a file's extension with its compression, such as .csv.gz, or, where its name has none, the one of what its first bytes look like.
func Extension(name string, head []byte) string {
	name = strings.ToLower(path.Base(name))
	for _, format := range formats {
		if i := strings.LastIndex(name, format); i >= 0 && slices.Contains([]string{"", ".gz", ".zst"}, name[i+len(format):]) {
			return name[i:]
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		return ".parquet"
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return ".csv.gz"
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return ".csv.zst"
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")):
		return ".jsonl"
	}
	return ".csv"
}
