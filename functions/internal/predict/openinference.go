package predict

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"mlops/functions/internal/door"
	"mlops/functions/internal/serving"
	"mlops/shared/dataset"
	"mlops/shared/fault"
)

// The Open Inference Protocol, version 2: github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md.

type tensor struct {
	Name       string         `json:"name"`
	Shape      []int          `json:"shape"`
	Datatype   string         `json:"datatype"`
	Parameters map[string]any `json:"parameters,omitempty"`
	Data       []any          `json:"data"`
}

type inferRequest struct {
	ID         string         `json:"id"`
	Parameters map[string]any `json:"parameters"`
	Inputs     []tensor       `json:"inputs"`
	Outputs    []struct {
		Name       string         `json:"name"`
		Parameters map[string]any `json:"parameters"`
	} `json:"outputs"`
}

func (h *Handler) openInference(mux *http.ServeMux) {
	mux.HandleFunc("GET /v2", func(w http.ResponseWriter, r *http.Request) {
		door.JSON(w, http.StatusOK, map[string]any{"name": "mlops", "version": Version, "extensions": []string{}})
	})
	mux.HandleFunc("GET /v2/health/live", func(w http.ResponseWriter, r *http.Request) {
		door.JSON(w, http.StatusOK, map[string]bool{"live": true})
	})
	mux.HandleFunc("GET /v2/health/ready", func(w http.ResponseWriter, r *http.Request) {
		_, ready := h.loaded(r)
		status := http.StatusOK
		if !ready {
			status = http.StatusServiceUnavailable
		}
		door.JSON(w, status, map[string]bool{"ready": ready, "live": true})
	})
	for _, at := range []string{"/v2/models/{m}", "/v2/models/{m}/versions/{v}"} {
		mux.HandleFunc("GET "+at, h.v2(func(w http.ResponseWriter, r *http.Request, s *serving.Served) error {
			door.JSON(w, http.StatusOK, metadata(s))
			return nil
		}))
		mux.HandleFunc("GET "+at+"/ready", h.v2(func(w http.ResponseWriter, r *http.Request, s *serving.Served) error {
			door.JSON(w, http.StatusOK, map[string]any{"name": s.Name, "ready": true})
			return nil
		}))
		mux.HandleFunc("POST "+at+"/infer", h.v2(h.infer))
	}
	mux.HandleFunc("POST /v2/repository/index", func(w http.ResponseWriter, r *http.Request) {
		out := []map[string]string{}
		for _, s := range h.ready(r.Context()) {
			out = append(out, map[string]string{"name": s.Name, "version": itoa(s.Version), "state": "READY", "reason": ""})
		}
		door.JSON(w, http.StatusOK, out)
	})
}

// v2 finds the model of the path and answers errors in the protocol's shape. A version other than the champion's is not served: clients
// that pin one would otherwise be answered by another.
func (h *Handler) v2(do func(http.ResponseWriter, *http.Request, *serving.Served) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, err := h.Models.Champion(r.Context(), r.PathValue("m"))
		if err == nil {
			if v := r.PathValue("v"); v != "" && v != itoa(s.Version) {
				err = fault.NotFoundf("version %.20q of %s is not served: version %d is", v, s.Name, s.Version)
			} else {
				err = do(w, r, s)
			}
		}
		if err != nil {
			door.Fail(w, r, door.V2, err)
		}
	}
}

func metadata(s *serving.Served) map[string]any {
	inputs := make([]map[string]any, len(s.Features))
	for i, f := range s.Features {
		inputs[i] = map[string]any{"name": f.Name, "datatype": datatype(f.Kind), "shape": []int{-1}}
	}
	outputs := []map[string]any{{"name": "predict", "datatype": classType(s), "shape": []int{-1}}}
	if s.Task != dataset.Regression {
		outputs = append(outputs, map[string]any{"name": "probability", "datatype": "FP64", "shape": []int{-1, len(s.Classes)}})
	}
	return map[string]any{"name": s.Name, "versions": []string{itoa(s.Version)}, "platform": "go_tabular", "inputs": inputs, "outputs": outputs}
}

func datatype(k dataset.Kind) string {
	if k == dataset.Categorical {
		return "BYTES"
	}
	return "FP64"
}

// classType is the datatype of the predicted class: whole-number classes are INT64, others text.
func classType(s *serving.Served) string {
	if s.Task == dataset.Regression {
		return "FP64"
	}
	for _, c := range s.Classes {
		if _, err := strconv.ParseInt(c, 10, 64); err != nil {
			return "BYTES"
		}
	}
	return "INT64"
}

func (h *Handler) infer(w http.ResponseWriter, r *http.Request, s *serving.Served) error {
	if err := jsonOnly(r); err != nil {
		return err
	}
	b, err := door.Body(r, 5<<20)
	if err != nil {
		return err
	}
	var in inferRequest
	if err := door.Check(b, in); err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	if err := d.Decode(&in); err != nil {
		return fault.Invalidf("the body is not an inference request").Because(err)
	}
	rows, err := rowsOfTensors(s, in.Inputs)
	if err != nil {
		return err
	}
	if _, err := tensorsOf(s, nil, in); err != nil { // before anything is answered and recorded
		return err
	}
	answers, err := h.score(r.Context(), s, rows, in.ID)
	if err != nil {
		return err
	}
	if in.ID == "" {
		in.ID = answers[0].ID
	}
	outputs, err := tensorsOf(s, answers, in)
	if err != nil {
		return err
	}
	ids := make([]string, len(answers))
	for i := range answers {
		ids[i] = answers[i].ID
	}
	door.JSON(w, http.StatusOK, map[string]any{"model_name": s.Name, "model_version": itoa(s.Version), "id": in.ID, "outputs": outputs,
		"parameters": map[string]any{"inference_ids": ids, "model_sha256": s.SHA256}})
	return nil
}

// rowsOfTensors reads either one tensor a column (shape [n] or [n,1]) or a single one of all columns (shape [n,p], in the model's order).
func rowsOfTensors(s *serving.Served, inputs []tensor) ([]map[string]any, error) {
	if len(inputs) == 0 {
		return nil, fault.Invalidf("the request has no inputs")
	}
	flat := make([][]any, len(inputs))
	n := -1
	var problems []fault.Detail
	seen := map[string]bool{}
	for i, t := range inputs {
		if seen[t.Name] {
			problems = append(problems, fault.Detail{Field: t.Name, Code: "duplicate", Expected: "each input once"})
		}
		seen[t.Name] = true
		flat[i] = flatten(t.Data, nil)
		size := 1
		for _, k := range t.Shape {
			if k < 0 || k > 1<<20 {
				size = -1
				break
			}
			size *= k
		}
		if size != len(flat[i]) {
			problems = append(problems, fault.Detail{Field: t.Name, Code: "wrong_shape", Got: len(flat[i]), Expected: fmt.Sprintf("the number of values of shape %v", t.Shape)})
			continue
		}
		if len(t.Shape) == 0 {
			problems = append(problems, fault.Detail{Field: t.Name, Code: "wrong_shape", Expected: "[n] or [n,1]"})
			continue
		}
		if n >= 0 && t.Shape[0] != n {
			problems = append(problems, fault.Detail{Field: t.Name, Code: "wrong_shape", Got: t.Shape[0], Expected: fmt.Sprintf("%d rows like the other inputs", n)})
		}
		n = max(n, t.Shape[0])
	}
	if len(problems) > 0 {
		return nil, fault.Invalidf("the inputs' shapes do not fit").With(problems...)
	}
	if n < 1 || n > MaxSamples {
		return nil, fault.Invalidf("%d rows: one request takes 1 to %d", n, MaxSamples)
	}
	rows := make([]map[string]any, n)
	for i := range rows {
		rows[i] = make(map[string]any, len(s.Features))
	}
	if len(inputs) == 1 && len(inputs[0].Shape) == 2 && inputs[0].Shape[1] == len(s.Features) && len(s.Features) > 1 {
		for i := range rows {
			for j, f := range s.Features {
				rows[i][f.Name] = flat[0][i*len(s.Features)+j]
			}
		}
		return rows, nil
	}
	for k, t := range inputs {
		if len(flat[k]) != n {
			return nil, fault.Invalidf("input %.60q has shape %v: [n], [n,1], or one tensor [n,%d] of all features", t.Name, t.Shape, len(s.Features))
		}
		for i := range rows {
			rows[i][t.Name] = flat[k][i]
		}
	}
	return rows, nil
}

func flatten(v []any, out []any) []any {
	for _, e := range v {
		if inner, ok := e.([]any); ok {
			out = flatten(inner, out)
			continue
		}
		out = append(out, e)
	}
	return out
}

func tensorsOf(s *serving.Served, answers []Answer, in inferRequest) ([]tensor, error) {
	n := len(answers)
	predict := tensor{Name: "predict", Shape: []int{n}, Datatype: classType(s)}
	probability := tensor{Name: "probability", Shape: []int{n, len(s.Classes)}, Datatype: "FP64"}
	for _, a := range answers {
		predict.Data = append(predict.Data, a.Prediction)
		for _, p := range a.vector {
			probability.Data = append(probability.Data, p)
		}
	}
	all := []tensor{predict}
	if s.Task != dataset.Regression {
		all = append(all, probability)
	}
	if len(in.Outputs) == 0 {
		return all, nil
	}
	var out []tensor
	for _, want := range in.Outputs {
		found := false
		for _, t := range all {
			if t.Name == want.Name {
				out, found = append(out, t), true
			}
		}
		if !found {
			return nil, fault.Invalidf("there is no output %.60q: ask for predict or probability", want.Name)
		}
	}
	return out, nil
}
