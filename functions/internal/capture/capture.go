// Package capture is the record of what was asked and answered, in SageMaker's data-capture lines, and of the labels that came later, in
// its ground-truth lines. Both are objects written once, under keys that name model, variant and UTC hour, so that a window is a listing.
//
// Layout: capture/<model>/<variant>/yyyy/mm/dd/hh/<id>.jsonl and groundtruth/<model>/yyyy/mm/dd/hh/<id>.jsonl (the label's hour).
// Shape: docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture.md and model-monitor-model-quality-merge.html.
package capture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"mlops/shared/fault"
	"mlops/shared/number"
)

// Blobs is what capture needs of the data bucket.
type Blobs interface {
	Create(ctx context.Context, key string, body []byte) error
	Get(ctx context.Context, key string, limit int64) ([]byte, error)
	List(ctx context.Context, prefix, after string, limit int) ([]string, error)
}

// MaxObject is the largest capture object read back, bytes.
const MaxObject = 64 << 20

// Record is one inference: what came, what went out, and by which model.
type Record struct {
	ID            string // ULID: its first 48 bits are the time
	Inference     string // the caller's own id, or ""
	At            time.Time
	Model         string
	Variant       string // champion, or rejected
	Version       int
	SHA256        string
	Status        int            // HTTP
	Features      map[string]any // as received: numbers, strings, nil
	Prediction    any            // class or number
	Probabilities []float64      // in the order of the model's classes; nil for regression
	Problems      []fault.Detail // of a rejected request
}

type stream struct {
	ContentType string `json:"observedContentType"`
	Mode        string `json:"mode"`
	Data        string `json:"data"`
	Encoding    string `json:"encoding"`
}

type line struct {
	CaptureData struct {
		Input  stream `json:"endpointInput"`
		Output stream `json:"endpointOutput"`
	} `json:"captureData"`
	EventMetadata struct {
		EventID          string    `json:"eventId"`
		InferenceID      string    `json:"inferenceId,omitempty"`
		InferenceTime    time.Time `json:"inferenceTime"`
		CustomAttributes []string  `json:"customAttributes"`
	} `json:"eventMetadata"`
	EventVersion string `json:"eventVersion"`
}

type output struct {
	Predictions   []any          `json:"predictions"`
	Probabilities []number.Float `json:"probabilities,omitempty"`
	Problems      []fault.Detail `json:"problems,omitempty"`
}

// Encode writes the record as one capture line.
func (r Record) Encode() ([]byte, error) {
	in, err := json.Marshal(r.Features)
	if err != nil {
		return nil, fmt.Errorf("write the input of %s: %w", r.ID, err)
	}
	out := output{Problems: r.Problems}
	if r.Prediction != nil {
		out.Predictions = []any{r.Prediction}
	}
	for _, p := range r.Probabilities {
		out.Probabilities = append(out.Probabilities, number.Float(p))
	}
	ob, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write the output of %s: %w", r.ID, err)
	}
	var l line
	l.CaptureData.Input = stream{"application/json", "INPUT", string(in), "JSON"}
	l.CaptureData.Output = stream{"application/json", "OUTPUT", string(ob), "JSON"}
	l.EventMetadata.EventID = r.ID
	l.EventMetadata.InferenceID = r.Inference
	l.EventMetadata.InferenceTime = r.At.UTC()
	l.EventMetadata.CustomAttributes = []string{
		"model=" + r.Model, "model_version=" + strconv.Itoa(r.Version), "sha256=" + r.SHA256, "status=" + strconv.Itoa(r.Status),
	}
	l.EventVersion = "0"
	return json.Marshal(l)
}

// Decode reads one capture line.
func Decode(b []byte) (Record, error) {
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return Record{}, fault.Invalidf("read a capture line: it is not JSON").Because(err)
	}
	r := Record{ID: l.EventMetadata.EventID, Inference: l.EventMetadata.InferenceID, At: l.EventMetadata.InferenceTime, Status: 200}
	for _, a := range l.EventMetadata.CustomAttributes {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "model":
			r.Model = value
		case "model_version":
			r.Version, _ = strconv.Atoi(value) // 0 = unknown, as in lines of other writers
		case "sha256":
			r.SHA256 = value
		case "status":
			r.Status, _ = strconv.Atoi(value)
		}
	}
	d := json.NewDecoder(strings.NewReader(l.CaptureData.Input.Data))
	d.UseNumber()
	if err := d.Decode(&r.Features); err != nil && r.Status == 200 {
		return Record{}, fault.Invalidf("read the input of capture line %s: it is not a JSON object", r.ID).Because(err)
	}
	var out output
	if err := json.Unmarshal([]byte(l.CaptureData.Output.Data), &out); err != nil {
		return Record{}, fault.Invalidf("read the output of capture line %s: it is not JSON", r.ID).Because(err)
	}
	if len(out.Predictions) > 0 {
		r.Prediction = out.Predictions[0]
	}
	for _, p := range out.Probabilities {
		r.Probabilities = append(r.Probabilities, float64(p))
	}
	r.Problems = out.Problems
	return r, nil
}

func hourPath(at time.Time) string { return at.UTC().Format("2006/01/02/15") }

// Hour is the partition that at falls in, as label documents name it.
func Hour(at time.Time) string { return at.UTC().Format("2006010215") }

// Write stores records of one model, variant and request as one object, named by the first record's id.
func Write(ctx context.Context, b Blobs, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	var buf bytes.Buffer
	for _, r := range records {
		l, err := r.Encode()
		if err != nil {
			return err
		}
		buf.Write(l)
		buf.WriteByte('\n')
	}
	first := records[0]
	key := path.Join("capture", first.Model, first.Variant, hourPath(first.At), first.ID+".jsonl")
	return fault.Wrap(b.Create(ctx, key, buf.Bytes()), "capture %d predictions of %s", len(records), first.Model)
}
