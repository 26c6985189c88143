package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/platform/start"
)

// ApprovalKID names the approval key in tokens.
const ApprovalKID = "k1"

// MaxUpload is the largest object that is taken in, bytes: what validate holds in memory several times over.
const MaxUpload = 256 << 20

// Uploads makes the door for objects that somebody laid into the data bucket: each takes the way of POST /datasets/{name}. Its metadata
// (x-amz-meta-target, -positive, -task, -model, -ignore, -segment) says what the request's parameters say. The job is named by the object,
// so that a notification which comes twice starts one.
func Uploads(accept func(ctx context.Context, u event.Upload, ext string, body []byte) (string, error)) func(context.Context, start.Object, []byte, map[string]string) error {
	return func(ctx context.Context, o start.Object, body []byte, metadata map[string]string) error {
		sum := sha256.Sum256([]byte(o.Bucket + "\n" + o.Key + "\n" + o.Version + "\n" + o.ETag))
		words := func(name string) []string {
			if metadata[name] == "" {
				return nil
			}
			return strings.Split(metadata[name], ",")
		}
		u := event.Upload{Job: "object-" + hex.EncodeToString(sum[:13]), Dataset: strings.Split(o.Key, "/")[1], Target: metadata["target"], Positive: metadata["positive"], Task: metadata["task"],
			Model: metadata["model"], Ignore: words("ignore"), Segment: words("segment"), Actor: "s3"}
		_, err := accept(ctx, u, extension(o.Key, body), body)
		if fault.Is(err, fault.Conflict) {
			return nil // the job is there: this notification came before
		}
		return err
	}
}

// formats are the extensions by which a table is read.
var formats = []string{".csv", ".jsonl", ".ndjson", ".json", ".parquet"}

// extension is a file's, or, where its name has none, what its first bytes look like.
func extension(key string, body []byte) string {
	name := strings.ToLower(path.Base(key))
	for _, format := range formats {
		if i := strings.LastIndex(name, format); i >= 0 && slices.Contains([]string{"", ".gz", ".zst"}, name[i+len(format):]) {
			return name[i:]
		}
	}
	return dataset.Extension(body)
}
