package validate

import (
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"mlops/functions/internal/candidates"
	"mlops/functions/internal/door"
	"mlops/functions/internal/table"
	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/dataset/version"
	"mlops/shared/fault"
	"mlops/shared/training/selection"
)

// selectData answers POST /datasets/{name}/selection {"dry_run","renewal"}: which version of the dataset the rule trains on, and what
// became of each other one; with renewal among all datasets of its model, as the scheduled retraining chooses. Without dry_run the choice goes into the ledger.
func (h *Handler) selectData(w http.ResponseWriter, r *http.Request) {
	choice, err := func() (selection.Choice, error) {
		var in struct {
			DryRun  bool `json:"dry_run"`
			Renewal bool `json:"renewal"`
		}
		if err := door.Read(r, &in); err != nil {
			return selection.Choice{}, err
		}
		ctx, now := r.Context(), h.Now().UTC()
		d, _, err := h.dataset(r)
		if err != nil {
			return selection.Choice{}, err
		}
		q := candidates.Question{Model: d.Model, Dataset: d.Name, Renewal: in.Renewal, At: now}
		if in.Renewal {
			q.Dataset = "" // a retraining chooses among all datasets of its model
		}
		choice, _, err := h.source().Choose(ctx, q)
		if err != nil || in.DryRun {
			return choice, err
		}
		entry := candidates.Entry(choice, d.Model, now, actor(door.CallerOf(ctx).ID), "")
		entry.RequestID = door.RequestOf(ctx)
		return choice, h.Control.Commit(ctx, control.Change{Model: d.Model, Entries: []audit.Entry{entry}})
	}()
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	door.JSON(w, http.StatusOK, choice)
}

func (h *Handler) dataset(r *http.Request) (Dataset, int64, error) {
	var d Dataset
	rev, err := h.Control.Get(r.Context(), control.Dataset(r.PathValue("name")), &d)
	return d, rev, fault.Wrap(err, "find the dataset %.60q", r.PathValue("name"))
}

// maxWhy is the longest reason of a pin, bytes.
const maxWhy = 500

// pin answers POST /datasets/{name}/pin {"version","reason"}: trainings that name no version take this one, until another is pinned or, with
// an empty version, the rule chooses again. Data that failed its validation cannot be pinned.
func (h *Handler) pin(w http.ResponseWriter, r *http.Request) {
	d, err := func() (Dataset, error) {
		var in struct {
			Version string `json:"version"`
			Reason  string `json:"reason"`
		}
		if err := door.Read(r, &in); err != nil {
			return Dataset{}, err
		}
		if in.Reason = strings.TrimSpace(in.Reason); in.Reason == "" || len(in.Reason) > maxWhy || !utf8.ValidString(in.Reason) {
			return Dataset{}, fault.Invalidf("say why: it goes into the ledger").With(fault.Detail{Field: "reason", Code: "missing", Expected: fmt.Sprintf("1 to %d bytes of text", maxWhy)})
		}
		ctx, now := r.Context(), h.Now().UTC()
		d, rev, err := h.dataset(r)
		if err != nil {
			return d, err
		}
		by, entry := actor(door.CallerOf(ctx).ID), audit.Entry{Kind: audit.DataPinned, Model: d.Model, At: now, RequestID: door.RequestOf(ctx)}
		entry.Actor, entry.Inputs, entry.Reason = by, map[string]string{"dataset": d.Name}, "unpinned: "+in.Reason
		d.Pin = nil
		if in.Version != "" {
			id, err := version.Resolve(d.Versions, in.Version)
			if err != nil {
				return d, err
			}
			m, err := table.ReadManifest(ctx, h.Blobs, d.Name, id)
			if err != nil {
				return d, err
			}
			if !m.Validation.Passed {
				return d, fault.Invalidf("data version %.12s failed its validation: it is not trained on", id)
			}
			d.Pin = &selection.Pin{Version: id, By: by.ID, Why: in.Reason, At: now}
			entry.SHA256, entry.Reason = id, "pinned: "+in.Reason
		}
		doc, err := control.Put(control.Dataset(d.Name), rev, d)
		if err != nil {
			return d, err
		}
		return d, h.Control.Commit(ctx, control.Change{Model: d.Model, Put: []control.Doc{doc}, Entries: []audit.Entry{entry}})
	}()
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	door.JSON(w, http.StatusOK, map[string]any{"dataset": d.Name, "pin": d.Pin})
}

// filePart is how many bytes of a file one answer has: a Lambda function's ends at 6 MB, and base64 adds a third.
const filePart = 4 << 20

// file answers GET /datasets/{name}/versions/{version}/files/{file}?from=: up to 4 MiB of a stored file from that byte on. The manifest says
// how many there are, and their SHA-256.
func (h *Handler) file(w http.ResponseWriter, r *http.Request) {
	b, err := func() ([]byte, error) {
		d, m, err := table.Find(r.Context(), h.Control, h.Blobs, r.PathValue("name"), r.PathValue("version"))
		if err != nil {
			return nil, err
		}
		id := m.Version
		name := r.PathValue("file")
		f, known := m.Files[name]
		if !known {
			return nil, fault.NotFoundf("data version %.12s of %s has no file %.40q", id, d.Name, name)
		}
		from := int64(0)
		if s := r.URL.Query().Get("from"); s != "" {
			if from, err = strconv.ParseInt(s, 10, 64); err != nil || from < 0 || from > f.Bytes {
				return nil, fault.Invalidf("from=%.30q is no byte of %s, which has %d", s, name, f.Bytes)
			}
		}
		body, err := h.Blobs.Get(r.Context(), path.Join(version.Dir(d.Name, id), name), table.MaxRaw)
		if err != nil {
			return nil, fault.Wrap(err, "read %s of data version %.12s of %s", name, id, d.Name)
		}
		if err := m.Check(name, body); err != nil {
			return nil, err
		}
		return body[from:min(from+filePart, int64(len(body)))], nil
	}()
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	door.Bytes(w, http.StatusOK, "text/csv; charset=utf-8", b)
}
