package host

import (
	"context"
	"io"
	"net/http"

	"mlops/functions/internal/door"
)

// inside asks the serving path without a network: the same edge, route and handler that a client's request passes.
type inside struct{ h *Host }

// Do answers the request.
func (i inside) Do(r *http.Request) (*http.Response, error) {
	w := &door.Recorder{}
	i.h.HTTP.ServeHTTP(w, r)
	return &http.Response{StatusCode: w.Status(), Header: w.Header(), Body: io.NopCloser(&w.Body), Request: r}, nil
}

// probeKey is the platform's own key, whose answers are not captured.
func (h *Host) probeKey(context.Context) (string, error) { return h.Keys.Probe, nil }
