package predict

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"

	"mlops/functions/internal/capture"
	"mlops/functions/internal/door"
	"mlops/functions/internal/job"
	"mlops/functions/internal/serving"
	"mlops/shared/control"
	"mlops/shared/dataset"
	"mlops/shared/event"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// maxBatch is the largest table scored as one job, bytes.
const maxBatch = 256 << 20

// batchJob answers POST /batch?model=: the body, a table with a header, is stored and scored by the event that follows.
func (h *Handler) batchJob(w http.ResponseWriter, r *http.Request) {
	door.Accept(w, r, func() (string, error) {
		ctx := r.Context()
		s, err := h.named(r, nil)
		if err != nil {
			return "", err
		}
		body, err := door.Body(r, 5<<20)
		if err != nil {
			return "", err
		}
		if len(body) == 0 {
			return "", fault.Invalidf("the batch is empty: send CSV with a header line, or JSON Lines")
		}
		extension := dataset.Extension(body)
		if strings.HasPrefix(extension, ".parquet") {
			return "", fault.Invalidf("a batch of Parquet is not scored here: send it as CSV or JSON Lines, or score it where it is by mlops predict --model dir --data file.parquet").WithCode(fault.CodeUnsupported)
		}
		sum := sha256.Sum256(body)
		key := path.Join("batches", s.Name, hex.EncodeToString(sum[:])+extension)
		if err := h.Blobs.Create(ctx, key, body); err != nil {
			return "", fault.Wrap(err, "store the batch")
		}
		j := job.Job{ID: h.NewID(), Kind: "batch", Stage: "uploaded", Model: s.Name, Created: h.Now().UTC(), Result: map[string]string{"input": key}}
		return job.Begin(ctx, h.Control, j, h.NewID(), event.BatchRequested, event.Batch{Job: j.ID, Key: key})
	})
}

// Event is the event door: a batch that was asked for.
func (h *Handler) Event(ctx context.Context, e event.Event) error {
	var b event.Batch
	if err := e.Decode(&b); err != nil {
		return err
	}
	s, err := h.Models.Champion(ctx, e.Model)
	if err != nil {
		return err
	}
	body, err := h.Blobs.Get(ctx, b.Key, maxBatch)
	if err != nil {
		return err
	}
	rows, err := readTable(body, b.Key, s, dataset.Limits{Bytes: maxBatch})
	if err != nil {
		return h.endBatch(ctx, e, b, job.Fail(err), event.Drift{}, nil)
	}

	scored := h.scoreAll(s, e, rows)

	for i := 0; i < len(scored.records); i += MaxSamples {
		err := capture.Write(ctx, h.Blobs, scored.records[i:min(i+MaxSamples, len(scored.records))])
		if err != nil && !fault.Is(err, fault.Conflict) { // a Conflict: captured before, by another version that served then
			return err
		}
	}
	out, problems := "predictions/"+s.Name+"/"+b.Job, scored.problems
	if err := h.Blobs.Create(ctx, out+".csv", scored.csv); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	h.counts.success.Add(int64(len(scored.records)))
	h.counts.failure.Add(int64(len(rows) - len(scored.records)))

	return h.endBatch(ctx, e, b, func(j *job.Job) {
		j.Status, j.Stage = job.Succeeded, "scored"
		j.Detail = problems[:min(len(problems), 100)]
		j.Result["output"], j.Result["rows"], j.Result["answered"] = out+".csv", strconv.Itoa(len(rows)), strconv.Itoa(len(scored.records))
	}, scored.span(), map[string]any{"id": b.Job, "kind": "batch", "model": s.Name, "title": "batch: " + strconv.Itoa(len(scored.records)) + " of " + strconv.Itoa(len(rows)) + " rows answered", "at": e.Time, "key": out + ".csv", "data": out + ".csv"})
}

// scored is a batch's outcome: good rows are answered, bad ones named.
type scored struct {
	records  []capture.Record
	problems []fault.Detail
	csv      []byte
}

// span names the rows that were answered, so that they are measured as a window of their own. Of none it is empty.
func (s scored) span() event.Drift {
	if len(s.records) == 0 {
		return event.Drift{}
	}
	return event.Drift{First: s.records[0].ID, Last: s.records[len(s.records)-1].ID}
}

// scoreAll scores every row that fits. Ids follow from the event, so that a second delivery writes the same objects.
func (h *Handler) scoreAll(s *serving.Served, e event.Event, rows []map[string]any) scored {
	var out scored
	var buf bytes.Buffer
	buf.WriteString("row,inference_id,prediction")
	for _, c := range s.Classes {
		buf.WriteString(",probability_" + quoted(c))
	}
	buf.WriteByte('\n')
	p := make([]float64, s.Width())
	for i, row := range rows {
		x, problems := s.Row(s.Known(row))
		bad := false
		for _, d := range problems {
			if h.AcceptUnseen && model.Warning(d) {
				continue
			}
			d.Row, bad = fault.Row(i), true
			out.problems = append(out.problems, d)
		}
		if s.Rules.Len() > 0 {
			refused, _ := broken(s, row, problems, i, true)
			out.problems, bad = append(out.problems, refused...), bad || len(refused) > 0
		}
		if bad {
			continue
		}
		s.Predict(p, x)
		r := capture.Record{ID: batchID(e, i), At: e.Time.UTC(), Model: s.Name, Version: s.Version, SHA256: s.SHA256, Features: row, Variant: "champion", Status: http.StatusOK}
		a := answer(s, append([]float64(nil), p...), r.ID, r.At)
		r.Prediction = a.Prediction
		if s.Task != dataset.Regression {
			r.Probabilities = a.vector
		}
		out.records = append(out.records, r)
		text := number(p[0])
		if s.Task != dataset.Regression {
			text = s.Classes[s.Class(p)]
		}
		buf.WriteString(strconv.Itoa(i) + "," + r.ID + "," + quoted(text))
		if s.Task != dataset.Regression {
			for _, v := range p {
				buf.WriteString("," + number(v))
			}
		}
		buf.WriteByte('\n')
	}
	out.csv = buf.Bytes()
	return out
}

// quoted is a CSV field.
func quoted(s string) string {
	if bytes.ContainsAny([]byte(s), ",\"\r\n") {
		return `"` + string(bytes.ReplaceAll([]byte(s), []byte(`"`), []byte(`""`))) + `"`
	}
	return s
}

// batchID is the i-th row's id: the event's time, 48 bits of its digest, and the row's number, so that ids ascend with the rows.
func batchID(e event.Event, i int) string {
	sum := sha256.Sum256([]byte(e.ID))
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(e.Time)) // fails in the year 10889
	entropy := append(sum[:6:6], 0, 0, 0, 0)
	binary.BigEndian.PutUint32(entropy[6:], uint32(i))
	_ = id.SetEntropy(entropy) // of ten bytes always succeeds
	return id.String()
}

// endBatch moves the job on, and tells the drift check where something was scored.
func (h *Handler) endBatch(ctx context.Context, e event.Event, b event.Batch, change func(*job.Job), scoredIDs event.Drift, report map[string]any) error {
	docs, err := job.Advance(ctx, h.Control, b.Job, e.Time, change)
	if err != nil {
		return err
	}
	c := control.Change{Model: e.Model, Op: "batch/" + e.ID, Put: docs}
	if report != nil {
		doc, err := control.Put(control.Report(b.Job), 0, report)
		if err != nil {
			return err
		}
		scoredIDs.Table = b.Key
		next, err := event.New(h.NewID(), event.BatchScored, e.Time, e.Model, scoredIDs)
		if err != nil {
			return err
		}
		c.Put, c.Events = append(c.Put, doc), []event.Event{next}
	}
	return h.Control.Commit(ctx, c)
}
