// Package intake is what an upload by its address, and an object that somebody laid into the data bucket, have in common: the words beside the
// bytes.
package intake

import (
	"mime"
	"regexp"
	"strings"

	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/registry"
)

// Signed is the address of one upload, and what has to be sent with it.
type Signed struct {
	URL      string
	Headers  map[string]string // signed: they must be sent as they are
	MaxBytes int64
}

// Names are the words that may stand beside an uploaded object, sorted: the parameters of POST /datasets/{name}, who sends it, and the job that it
// starts.
var Names = []string{"actor", "group", "ignore", "job", "model", "positive", "segment", "target", "task", "time", "weight"}

// JobPrefix begins the jobs of signed uploads; an id of the platform follows.
const JobPrefix = "upload-"

var jobForm = regexp.MustCompile(`^` + JobPrefix + `[0-9A-Z]{26}$`)

// Metadata are the words of an upload by Names; what is empty is left out, and what is not ASCII is encoded as RFC 2047 says, for headers.
func Metadata(u event.Upload) map[string]string {
	out := map[string]string{"actor": u.Actor, "ignore": strings.Join(u.Ignore, ","), "job": u.Job, "model": u.Model, "positive": u.Positive,
		"segment": strings.Join(u.Segment, ","), "target": u.Target, "task": u.Task, "group": u.Group, "time": u.Time, "weight": u.Weight}
	for name, value := range out {
		if out[name] = mime.QEncoding.Encode("utf-8", value); value == "" {
			delete(out, name)
		}
	}
	return out
}

// Upload reads the words beside an object of a dataset. A job that no address was signed for is passed over. The error is Invalid: a wrong name.
func Upload(dataset string, metadata func(name string) string) (event.Upload, error) {
	word := func(name string) string {
		raw := metadata(name)
		if decoded, err := new(mime.WordDecoder).DecodeHeader(raw); err == nil {
			return decoded
		}
		return raw
	}
	u := event.Upload{Dataset: dataset, Target: word("target"), Positive: word("positive"), Task: word("task"), Model: word("model"), Ignore: List(word("ignore")), Segment: List(word("segment")), Group: word("group"), Time: word("time"), Weight: word("weight"), Actor: word("actor")}
	if job := word("job"); jobForm.MatchString(job) {
		u.Job = job
	}
	return u, Named(&u)
}

// Named checks the names of an upload; a model that is not named is called as its dataset.
func Named(u *event.Upload) error {
	if !registry.ValidName(u.Dataset) {
		return fault.Invalidf("%.80q is not a name: use 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit", u.Dataset)
	}
	if u.Model == "" {
		u.Model = u.Dataset
	}
	if !registry.ValidName(u.Model) {
		return fault.Invalidf("%.80q is not a model's name: use 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit", u.Model)
	}
	return nil
}

// List are the names of a comma-separated text; nil when it is empty.
func List(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
