package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"mlops/functions/internal/intake"
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
// so that a notification which comes twice starts one, or by the address that was signed for it, which so works once.
func Uploads(accept func(ctx context.Context, u event.Upload, ext string, body []byte) (string, error)) func(context.Context, start.Object, []byte, map[string]string) error {
	return func(ctx context.Context, o start.Object, body []byte, metadata map[string]string) error {
		word := func(name string) string { return metadata[name] }
		u, err := intake.Upload(strings.Split(o.Key, "/")[1], word)
		if err != nil {
			return err
		}
		if u.Job == "" {
			sum := sha256.Sum256([]byte(o.Bucket + "\n" + o.Key + "\n" + o.Version + "\n" + o.ETag))
			u.Job = "object-" + hex.EncodeToString(sum[:13])
		}
		u.Actor = "s3"
		_, err = accept(ctx, u, dataset.ExtensionOf(o.Key, body), body)
		if fault.Is(err, fault.Conflict) {
			return nil // the job is there: this notification came before
		}
		return err
	}
}
