package host

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"mlops/functions/internal/door"
	"mlops/functions/internal/intake"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// MaxUpload is the largest file that is taken in by a signed upload on one machine, bytes: it is read into memory when it is checked.
const MaxUpload = 1 << 30

// uploadTime is how long the bytes of one upload may take to come.
const uploadTime = 15 * time.Minute

// uploads takes files that are too large for a request, by an address that was signed: what a bucket does in the cloud.
type uploads struct {
	*Host
	key []byte // of the signatures
}

// sign makes an address for one upload, as a bucket would: whoever has it may PUT the object until it expires, with these headers. The job that
// the upload starts is its single use.
func (u *uploads) sign(key string, metadata map[string]string, expires time.Time) (intake.Signed, error) {
	until := strconv.FormatInt(expires.Unix(), 10)
	headers := map[string]string{}
	for name, value := range metadata {
		headers[metaPrefix+name] = value
	}
	q := url.Values{"expires": {until}, "signature": {hex.EncodeToString(u.mac(key, until, headers))}}
	return intake.Signed{URL: strings.TrimSuffix(u.options.PublicURL, "/") + "/" + key + "?" + q.Encode(), Headers: headers, MaxBytes: MaxUpload}, nil
}

const metaPrefix = "x-amz-meta-"

// mac binds the key, the time and every header of metadata.
func (u *uploads) mac(key, until string, headers map[string]string) []byte {
	m := hmac.New(sha256.New, u.key)
	fmt.Fprintf(m, "PUT\n%q\n%q\n", key, until)
	for _, name := range intake.Names {
		fmt.Fprintf(m, "%q=%q\n", name, headers[metaPrefix+name])
	}
	return m.Sum(nil)
}

// ServeHTTP answers PUT /uploads/{dataset}/{id}. It is streamed to the disk, and refused there where it is too large; 409 where the address was
// used, 410 where its time is over.
func (u *uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := u.put(w, r); err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (u *uploads) put(w http.ResponseWriter, r *http.Request) error {
	headers := map[string]string{}
	for name := range r.Header {
		if name := strings.ToLower(name); strings.HasPrefix(name, metaPrefix) {
			headers[name] = r.Header.Get(name)
		}
	}
	key, until := path.Join("uploads", r.PathValue("dataset"), r.PathValue("id")), r.URL.Query().Get("expires")
	signature, err := hex.DecodeString(r.URL.Query().Get("signature"))
	if err != nil || !hmac.Equal(signature, u.mac(key, until, headers)) {
		return fault.Deniedf("the address of this upload was not signed here, or its headers are not those that were signed: ask for one by POST /datasets/{name}/upload-url")
	}
	if end, err := strconv.ParseInt(until, 10, 64); err != nil || u.options.Now().Unix() >= end {
		return fault.Conflictf("the address of this upload has expired: ask for another by POST /datasets/{name}/upload-url").WithCode(fault.CodeExpired)
	}
	in, err := intake.Upload(r.PathValue("dataset"), func(name string) string { return headers[metaPrefix+name] })
	if err != nil {
		return err
	}
	if err := u.unused(r.Context(), in.Job); err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadTime)) // a large file takes longer than a request; a recorder has no deadline
	if r.ContentLength > MaxUpload {
		return door.TooLarge(r.ContentLength, MaxUpload)
	}
	s, err := u.State.Data.Spool(r.Context(), r.Body, MaxUpload)
	if err != nil {
		return err
	}
	if s.Size == 0 {
		s.Discard()
		return fault.Invalidf("the upload of %s is empty", in.Dataset)
	}
	in.Digest = s.Digest
	in.Key = path.Join("raw", in.Dataset, s.Digest+dataset.ExtensionOf(key, s.Head))
	if err := s.Keep(in.Key); err != nil {
		return err
	}
	_, err = u.Ingest.Begin(r.Context(), in)
	if fault.Is(err, fault.Conflict) {
		return used(in.Job)
	}
	return err
}

// unused refuses an address that was used before anything is written.
func (u *uploads) unused(ctx context.Context, id string) error {
	var j struct{}
	switch _, err := u.State.Store.Get(ctx, control.Job(id), &j); {
	case err == nil:
		return used(id)
	case fault.Is(err, fault.NotFound):
		return nil
	default:
		return err
	}
}

func used(id string) error {
	return fault.Conflictf("this address was used: its upload is job %s", id)
}
