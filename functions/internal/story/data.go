package story

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"mlops/shared/dataset"
	"mlops/shared/dataset/parquet"
	"mlops/shared/fault"
)

// read loads the table and tells its groups apart.
func (s *Story) read() error {
	source := dataset.Source{Name: s.o.Data, Codecs: []dataset.Codec{parquet.Codec}, Open: func() (io.ReadCloser, error) {
		f, err := os.Open(s.o.Data)
		if err != nil {
			return nil, fault.Invalidf("read the demonstration's data").Because(err)
		}
		return f, nil
	}}
	frame, err := dataset.ReadSource(source, dataset.Options{})
	if err != nil {
		return fault.Wrap(err, "read %s", s.o.Data)
	}
	if s.o.Target == "" {
		s.o.Target = frame.Columns[len(frame.Columns)-1].Name
	}
	if s.target, err = dataset.ParseTarget(s.o.Target); err != nil {
		return err
	}
	frame = frame.Take(s.target.Present(frame))
	if s.labels, err = s.target.Labels(frame, "", ""); err != nil {
		return err
	}
	if s.labels.Task != dataset.Binary {
		return fault.Invalidf("the demonstration plays on a binary target; %s is %s", s.o.Target, s.labels.Task)
	}
	s.targetName = s.labels.Name
	by := frame.Column(s.o.ShiftBy)
	if by == nil {
		return fault.Invalidf("there is no column %q to tell the groups apart", s.o.ShiftBy).With(fault.Detail{Field: "shift-by", Code: "missing", Got: s.o.ShiftBy, Expected: "one of " + strings.Join(frame.Names(), ", ")})
	}
	rows := map[string][]int{}
	for i := range frame.Rows() {
		name := by.Text(i)
		if _, ok := rows[name]; !ok {
			s.groups = append(s.groups, name)
		}
		rows[name] = append(rows[name], i)
	}
	if len(s.groups) < 2 {
		return fault.Invalidf("column %s has one group only: the story needs two", s.o.ShiftBy)
	}
	s.first, s.second = &group{s.groups[0], rows[s.groups[0]]}, &group{s.groups[1], rows[s.groups[1]]}
	for _, g := range []*group{s.first, s.second} {
		if len(g.rows) < 200 {
			return fault.Invalidf("group %s has %d rows: the story needs 200", g.name, len(g.rows))
		}
	}
	s.all = frame
	s.leaveOut(rows)
	s.model = strings.ToLower(strings.TrimSuffix(baseName(s.o.Data), ".csv"))
	return nil
}

// leaveOut finds the columns that are missing for most rows of some group: a model that leans on them would see its own training only.
func (s *Story) leaveOut(rows map[string][]int) {
	for _, c := range s.all.Columns {
		if c.Name == s.target.Column || c.Name == s.o.ShiftBy {
			continue
		}
		for _, g := range s.groups {
			missing := 0
			for _, i := range rows[g] {
				if c.Missing(i) {
					missing++
				}
			}
			if 2*missing > len(rows[g]) {
				s.dropped = append(s.dropped, c.Name)
				break
			}
		}
	}
}

func baseName(file string) string {
	return file[strings.LastIndexByte(file, '/')+1:]
}

// csv is rows of the table as an upload; with labels given, they stand in the place of the true ones.
func (s *Story) csv(rows []int, labels []float64) ([]byte, error) {
	f := s.all.Take(rows).Drop(s.dropped...)
	if s.target.Op != "" || labels != nil {
		y := make([]float64, len(rows))
		for i, r := range rows {
			y[i] = s.labels.Y[r]
			if labels != nil {
				y[i] = labels[i]
			}
		}
		var err error
		if f, err = dataset.NewFrame(append(f.Drop(s.target.Column, s.targetName).Columns, dataset.NumericColumn(s.targetName, y))...); err != nil {
			return nil, err
		}
	}
	var buf bytes.Buffer
	err := dataset.WriteCSV(&buf, f)
	return buf.Bytes(), err
}

// request is a row as a client would send it: the features, and the site, which the model does not use.
func (s *Story) request(row int) map[string]any {
	out := map[string]any{}
	for j := range s.all.Columns {
		c := &s.all.Columns[j]
		if c.Name == s.target.Column || c.Name == s.targetName {
			continue
		}
		out[c.Name] = c.Value(row)
	}
	for _, d := range s.dropped {
		delete(out, d)
	}
	return out
}

// next takes the next n rows of a group: nobody comes twice before everybody came once.
func (s *Story) next(g *group, n int) []int {
	var out []int
	for len(out) < n {
		if len(s.ahead[g]) == 0 {
			for _, k := range s.rng.Perm(len(g.rows)) {
				s.ahead[g] = append(s.ahead[g], g.rows[k])
			}
		}
		take := min(n-len(out), len(s.ahead[g]))
		out, s.ahead[g] = append(out, s.ahead[g][:take]...), s.ahead[g][take:]
	}
	return out
}

// both takes n rows, half of them from each group.
func (s *Story) both(n int) []int { return append(s.next(s.first, n-n/2), s.next(s.second, n/2)...) }

// served is a request that was answered, with the row whose truth is known to the story.
type served struct {
	id      string
	row     int
	p       float64
	version string
}

// serve sends rows as one batch; alter may change a request before it is sent.
func (s *Story) serve(rows []int, alter func(i int, request map[string]any)) ([]served, error) {
	samples := make([]map[string]any, len(rows))
	for i, r := range rows {
		samples[i] = s.request(r)
		if alter != nil {
			alter(i, samples[i])
		}
	}
	var answer struct {
		Predictions []struct {
			ID            string             `json:"inference_id"`
			Version       string             `json:"model_version"`
			Probabilities map[string]float64 `json:"probabilities"`
		} `json:"predictions"`
	}
	if err := s.must("POST", "/predict/batch", s.host.Keys.Predict, map[string]any{"samples": samples}, &answer); err != nil {
		return nil, err
	}
	out := make([]served, len(rows))
	for i, p := range answer.Predictions {
		out[i] = served{p.ID, rows[i], p.Probabilities[s.labels.Classes[1]], p.Version}
	}
	return out, nil
}

// label sends the truths of answered requests.
func (s *Story) label(requests []served) (int, error) {
	feedback := make([]map[string]any, len(requests))
	for i, q := range requests {
		feedback[i] = map[string]any{"inference_id": q.id, "label": s.class(q.row), "source": "follow-up"}
	}
	if len(feedback) == 0 {
		return 0, nil
	}
	var answer struct {
		Accepted int   `json:"accepted"`
		Rejected []any `json:"rejected"`
	}
	if err := s.must("POST", "/feedback", s.host.Keys.Predict, map[string]any{"feedback": feedback}, &answer); err != nil {
		return 0, err
	}
	if answer.Accepted != len(feedback) {
		return 0, fmt.Errorf("%d of %d labels were accepted", answer.Accepted, len(feedback))
	}
	return answer.Accepted, nil
}

// class is a row's true class as clients send it.
func (s *Story) class(row int) any {
	name := s.labels.Classes[int(s.labels.Y[row])]
	if _, err := strconv.ParseFloat(name, 64); err == nil {
		return json.Number(name)
	}
	return name
}
