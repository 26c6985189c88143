package door

import (
	"bytes"
	"net/http"
)

// Recorder is a response kept in memory: for a request that never leaves the process, and for an answer that is looked at before it is given.
type Recorder struct {
	Body   bytes.Buffer
	header http.Header
	status int
}

// Header is the response's header.
func (r *Recorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

// WriteHeader sets the status, the first time.
func (r *Recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write keeps the body.
func (r *Recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.Body.Write(b)
}

// Status is what was answered; 200 when the handler said nothing.
func (r *Recorder) Status() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}
