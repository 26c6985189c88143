package intake

import (
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// spoken are the content types that a table may come under: those of tables, what programs call them that know no better (a browser under Windows
// calls a CSV file an Excel workbook), and those that say nothing, such as curl's default.
var spoken = []string{"", "text/csv", "application/csv", "text/tab-separated-values", "text/plain", "application/vnd.ms-excel",
	"application/jsonl", "application/x-ndjson", "application/ndjson", "application/json", "application/vnd.apache.parquet", "application/x-parquet", "application/parquet",
	"application/octet-stream", "application/x-www-form-urlencoded", "application/gzip", "application/x-gzip", "application/zstd"}

// Extension is what the name of a request's body ends in as a file, such as .csv.gz: what its bytes look like, whatever content type and name it came
// under. Unless format says csv or jsonl, which then are read so. Invalid: there is no such format, or it is parquet and the bytes are not.
// With CodeUnsupported: a content type, and no file name, that a table comes under.
func Extension(r *http.Request, body []byte) (string, error) {
	name := filename(r)
	looks := dataset.ExtensionOf(name, body)
	switch format := r.URL.Query().Get("format"); format {
	case "":
	case "csv", "jsonl":
		_, compression, _ := strings.Cut(looks[1:], ".")
		return strings.TrimSuffix("."+format+"."+compression, "."), nil
	case "parquet":
		if !strings.HasPrefix(looks, ".parquet") {
			return "", fault.Invalidf("the body is no Parquet file: it does not begin with PAR1").With(fault.Detail{Field: "format", Code: "wrong_type", Got: format, Expected: "no parameter: the bytes tell"})
		}
		return looks, nil
	default:
		return "", fault.Invalidf("there is no format %.40q", format).With(fault.Detail{Field: "format", Code: "unknown_value", Got: format, Expected: "csv, jsonl or parquet"})
	}
	kind := r.Header.Get("Content-Type")
	media, _, _ := strings.Cut(strings.ToLower(kind), ";")
	named := strings.HasSuffix(strings.ToLower(name), dataset.ExtensionOf(name, nil))
	if !named && !slices.Contains(spoken, strings.TrimSpace(media)) {
		return "", fault.Invalidf("content type %.60q is not read here: send text/csv, application/x-ndjson or application/vnd.apache.parquet, each also compressed by gzip or zstd; or the file's name in Content-Disposition", kind).
			WithCode(fault.CodeUnsupported)
	}
	return looks, nil
}

// filename is the name that a body was given as a file: Content-Disposition: attachment; filename="f.csv.gz" (RFC 6266); "" when it has none.
func filename(r *http.Request) string {
	_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Disposition"))
	if err != nil {
		return ""
	}
	return path.Base(parameters["filename"])
}
