package validate

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"mlops/functions/internal/door"
	"mlops/functions/internal/intake"
	"mlops/shared/event"
	"mlops/shared/fault"
)

// signedLife is how long the address of an upload works.
const signedLife = 15 * time.Minute

// uploadURL answers POST /datasets/{name}/upload-url?target=..: where a file too large for a request may be PUT, once, and the job that follows.
func (h *Handler) uploadURL(w http.ResponseWriter, r *http.Request) {
	answer, err := func() (map[string]any, error) {
		if h.Sign == nil {
			return nil, fault.Unavailablef("this platform has no signed uploads: send the file in parts of 5 MB")
		}
		u, err := uploadOf(r)
		if err == nil {
			err = intake.Named(&u)
		}
		if err != nil {
			return nil, err
		}
		id, expires := h.NewID(), h.Now().Add(signedLife).UTC()
		u.Job = intake.JobPrefix + id
		key := path.Join("uploads", u.Dataset, id)
		s, err := h.Sign(key, intake.Metadata(u), expires)
		if err != nil {
			return nil, err
		}
		return map[string]any{"url": s.URL, "method": http.MethodPut, "key": key, "headers": s.Headers, "job_id": u.Job, "expires_at": expires, "max_bytes": s.MaxBytes}, nil
	}()
	if err != nil {
		door.Fail(w, r, door.Plain, err)
		return
	}
	door.JSON(w, http.StatusOK, answer)
}

// uploadOf reads the parameters of a request.
func uploadOf(r *http.Request) (event.Upload, error) {
	q := r.URL.Query()
	if err := checkParameters(q); err != nil {
		return event.Upload{}, err
	}
	return event.Upload{Dataset: r.PathValue("name"), Target: q.Get("target"), Positive: q.Get("positive"), Task: q.Get("task"), Model: q.Get("model"),
		Ignore: intake.List(q.Get("ignore")), Segment: intake.List(q.Get("segment")), Group: q.Get("group"), Time: q.Get("time"), Weight: q.Get("weight"), Actor: door.CallerOf(r.Context()).ID}, nil
}

func checkParameters(q url.Values) error {
	known := []string{"target", "positive", "task", "model", "ignore", "segment", "group", "time", "weight", "format"}
	var problems []fault.Detail
	for k := range q {
		if !slices.Contains(known, k) {
			problems = append(problems, fault.Detail{Field: k, Code: "unknown_parameter", Expected: "one of " + strings.Join(known, ", ")})
		}
	}
	if t := q.Get("task"); t != "" && t != "binary" && t != "multiclass" && t != "regression" {
		problems = append(problems, fault.Detail{Field: "task", Code: "unknown_value", Got: t, Expected: "binary, multiclass or regression"})
	}
	if len(problems) > 0 {
		return fault.Invalidf("the upload's parameters are wrong").With(problems...)
	}
	return nil
}
