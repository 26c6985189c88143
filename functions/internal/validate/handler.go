// Package validate is the handler of the validate function: what comes in is stored, checked against its suite, split, and versioned; what
// fails is kept with the reasons. It also assembles the data of a retraining, which then takes the same way as an upload.
package validate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"path"
	"time"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/door"
	"mlops/functions/internal/intake"
	"mlops/functions/internal/job"
	"mlops/functions/internal/table"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/dataset/parquet"
	"mlops/shared/drift"
	"mlops/shared/event"
	"mlops/shared/expect"
	"mlops/shared/fault"
	"mlops/shared/quality"
	"mlops/shared/topology"
	"mlops/shared/training/selection"
)

// Control is what the handler needs of the control store.
type Control interface {
	Get(ctx context.Context, key control.Key, into any) (int64, error)
	List(ctx context.Context, partition, prefix, after string, limit int) ([]control.Doc, error)
	Commit(ctx context.Context, c control.Change) error
}

// Handler takes data in.
type Handler struct {
	Control Control
	Blobs   capture.Blobs // the data bucket
	Now     func() time.Time
	NewID   func() string
	Limits  dataset.Limits
	// Checkpoints says what each dataset is checked against; nil = the defaults.
	Checkpoints func(ctx context.Context) (expect.Checkpoints, error)
	Quality     func(ctx context.Context) (quality.Policy, error)                                      // when a change of what comes in is an anomaly; nil = the default
	Sign        func(key string, metadata map[string]string, expires time.Time) (intake.Signed, error) // an upload by its address; nil where the platform has none
	Log         *slog.Logger

	Selection func(ctx context.Context) (selection.Policy, error) // which data version is trained on; nil = the default rule
	Drift     func(ctx context.Context) (drift.Policy, error)     // by which versions are held against live traffic; nil = the default
}

// Dataset is what is remembered about a dataset by its name.
type Dataset = table.Dataset

// Routes are the HTTP doors.
func (h *Handler) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /datasets/{name}", h.upload)
	mux.HandleFunc("POST /datasets/{name}/validate", h.check)
	mux.HandleFunc("POST /datasets/{name}/upload-url", h.uploadURL)
	mux.HandleFunc("POST /datasets/{name}/selection", h.selectData)
	mux.HandleFunc("POST /datasets/{name}/pin", h.pin)
	mux.HandleFunc("GET /datasets/{name}/versions/{version}/files/{file}", h.file)
	return mux
}

// Event is the event door.
func (h *Handler) Event(ctx context.Context, e event.Event) error {
	switch e.Type {
	case event.DatasetUploaded:
		var u event.Upload
		if err := e.Decode(&u); err != nil {
			return err
		}
		return h.ingest(ctx, e, u)
	case event.RetrainRequested:
		var r event.Retrain
		if err := e.Decode(&r); err != nil {
			return err
		}
		return h.assemble(ctx, e, r)
	}
	return nil
}

// upload answers POST /datasets/{name}?target=..: the body is stored under its digest and validated by the event that follows.
func (h *Handler) upload(w http.ResponseWriter, r *http.Request) {
	door.Accept(w, r, func() (string, error) {
		u, err := uploadOf(r)
		if err != nil {
			return "", err
		}
		body, err := door.Body(r, 5<<20)
		if err != nil {
			return "", err
		}
		ext, err := intake.Extension(r, body)
		if err != nil {
			return "", err
		}
		return h.Accept(r.Context(), u, ext, body)
	})
}

// Accept stores raw bytes and starts their way. The same bytes again are stored once and validated again under a new job.
func (h *Handler) Accept(ctx context.Context, u event.Upload, ext string, body []byte) (string, error) {
	if err := intake.Named(&u); err != nil {
		return "", err
	}
	if len(body) == 0 {
		return "", fault.Invalidf("the upload of %s is empty", u.Dataset)
	}
	u.Digest = digest(body)
	u.Key = path.Join("raw", u.Dataset, u.Digest+ext)
	if err := h.Blobs.Create(ctx, u.Key, body); err != nil {
		return "", fault.Wrap(err, "store the upload of %s", u.Dataset)
	}
	return h.Begin(ctx, u)
}

// Begin starts the way of an upload whose bytes are stored under its Key and have its Digest.
func (h *Handler) Begin(ctx context.Context, u event.Upload) (string, error) {
	if err := intake.Named(&u); err != nil {
		return "", err
	}
	if u.Job == "" {
		u.Job = h.NewID()
	}
	now := h.Now().UTC()
	j := job.Job{ID: u.Job, Kind: "ingest", Status: job.Queued, Stage: "uploaded", Model: u.Model, Created: now, Updated: now, Result: map[string]string{"raw": u.Key}}
	doc, err := control.Put(control.Job(u.Job), 0, j)
	if err != nil {
		return "", err
	}
	e, err := event.New(h.NewID(), event.DatasetUploaded, now, u.Model, u)
	if err != nil {
		return "", err
	}
	return u.Job, h.Control.Commit(ctx, control.Change{Model: u.Model, Put: []control.Doc{doc}, Events: []event.Event{e},
		Entries: []audit.Entry{{Kind: audit.DatasetUploaded, Model: u.Model, At: now, Actor: actor(u.Actor), SHA256: u.Digest, RequestID: door.RequestOf(ctx), Reason: u.Key}}})
}

// check answers POST /datasets/{name}/validate: the body against the dataset's checkpoint, at once, with Great Expectations' result and no
// effect. Without a body it is the newest data version that is checked, and the checkpoint's rules for requests are taken into use.
func (h *Handler) check(w http.ResponseWriter, r *http.Request) {
	result, err := func() (*expect.Result, error) {
		ctx := r.Context()
		format, err := resultFormat(r.URL.Query().Get("result_format"))
		if err != nil {
			return nil, err
		}
		var d Dataset
		if _, err := h.Control.Get(ctx, control.Dataset(r.PathValue("name")), &d); err != nil {
			return nil, fault.Wrap(err, "find the dataset %.60q", r.PathValue("name"))
		}
		u := event.Upload{Dataset: d.Name, Target: d.Target}
		f, body, err := h.subjectOf(r, d, &u)
		if err != nil {
			return nil, err
		}
		c, err := h.checkpoint(ctx, f, u, d)
		if err != nil {
			return nil, err
		}
		result, err := h.evaluate(ctx, c, f, body, u, expect.Options{Format: format, Now: h.Now()})
		if err != nil {
			return nil, err
		}
		return result, result.Raised()
	}()
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	door.JSON(w, http.StatusOK, result)
}

// subjectOf is the table that a request asks about: its body, which then has u.Key, or where it has none the newest data version.
func (h *Handler) subjectOf(r *http.Request, d Dataset, u *event.Upload) (f *dataset.Frame, body []byte, err error) {
	ctx := r.Context()
	if body, err = door.Body(r, topology.UploadBody); err != nil {
		return nil, nil, err
	}
	if len(body) > 0 {
		ext, err := intake.Extension(r, body)
		if err != nil {
			return nil, nil, err
		}
		u.Key = d.Name + ext
		f, err = h.read(body, u.Key)
		return f, body, err
	}
	if len(d.Versions) == 0 {
		return nil, nil, fault.NotFoundf("the dataset %s has no data version yet", d.Name)
	}
	if err := h.refresh(ctx, d); err != nil {
		return nil, nil, err
	}
	m, err := table.ReadManifest(ctx, h.Blobs, d.Name, d.Versions[len(d.Versions)-1])
	if err != nil {
		return nil, nil, err
	}
	f, err = h.whole(ctx, m)
	return f, nil, err
}

// resultFormat is a format by its name; "" leaves it to the checkpoint.
func resultFormat(name string) (expect.Format, error) {
	switch format := expect.Format(name); format {
	case "", expect.BooleanOnly, expect.Basic, expect.Summary, expect.Complete:
		return format, nil
	}
	return "", fault.Invalidf("there is no result format %.40q", name).With(fault.Detail{Field: "result_format", Code: "unknown_value", Got: name, Expected: "BOOLEAN_ONLY, BASIC, SUMMARY or COMPLETE"})
}

// read reads a table in any of the platform's formats.
func (h *Handler) read(b []byte, name string) (*dataset.Frame, error) {
	s := dataset.SourceAt(name, bytes.NewReader(b), int64(len(b)))
	s.Codecs = []dataset.Codec{parquet.Codec}
	return dataset.ReadSource(s, dataset.Options{Limits: h.Limits})
}

func actor(id string) audit.Actor {
	if id == "" {
		return audit.Actor{Type: "agent", ID: "agent"}
	}
	return audit.Actor{Type: "human", ID: id}
}

// suite reads a suite that was kept.
func (h *Handler) suite(ctx context.Context, key string) (*expect.Suite, error) {
	b, err := h.Blobs.Get(ctx, key, 16<<20)
	if err != nil {
		return nil, fault.Wrap(err, "read the suite %s", key)
	}
	s, err := expect.ReadSuite(b)
	return s, fault.Wrap(err, "read the suite %s", key)
}

func compact(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // number.Float carries what is not finite, so nothing here fails to marshal
		return []byte("null")
	}
	return b
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
