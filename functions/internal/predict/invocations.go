package predict

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"mlops/functions/internal/door"
	"mlops/functions/internal/serving"
	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/model"
)

// The scoring protocol of MLflow and SageMaker: mlflow.org/docs/latest/deployment/deploy-model-locally, section "Inference server".

func (h *Handler) invocations(mux *http.ServeMux) {
	mux.HandleFunc("POST /invocations", h.invoke)
	mux.HandleFunc("POST /endpoints/{name}/invocations", h.invoke)
}

func (h *Handler) invoke(w http.ResponseWriter, r *http.Request) {
	answers, err := func() ([]Answer, error) {
		s, err := h.target(r)
		if err != nil {
			return nil, err
		}
		rows, err := readInvocation(r, s)
		if err != nil {
			return nil, err
		}
		return h.score(r.Context(), s, rows, r.Header.Get("X-Amzn-SageMaker-Inference-Id"))
	}()
	if err != nil {
		door.Fail(w, r, door.MLflow, err)
		return
	}
	w.Header().Set("x-Amzn-Invoked-Production-Variant", "champion")
	door.JSON(w, http.StatusOK, predictions(answers))
}

func (h *Handler) target(r *http.Request) (*serving.Served, error) {
	if name := r.PathValue("name"); name != "" {
		return h.Models.Champion(r.Context(), name)
	}
	return h.named(r, nil)
}

// predictions is the answer that MLflow, SageMaker and KServe V1 share, with what they allow beside it.
func predictions(answers []Answer) map[string]any {
	values := make([]any, len(answers))
	ids := make([]string, len(answers))
	probabilities := make([]map[string]float64, len(answers))
	for i, a := range answers {
		values[i], ids[i], probabilities[i] = a.Prediction, a.ID, a.Probabilities
	}
	out := map[string]any{"predictions": values, "inference_ids": ids, "model_version": answers[0].Version}
	if answers[0].Probabilities != nil {
		out["probabilities"] = probabilities
	}
	return out
}

func readInvocation(r *http.Request, s *serving.Served) ([]map[string]any, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if c := strings.ToLower(params["charset"]); err != nil || (c != "" && c != "utf-8") {
		return nil, fault.Invalidf("content type %.80q is not read here: send application/json or text/csv in UTF-8", r.Header.Get("Content-Type")).WithCode(fault.CodeUnsupported)
	}
	b, err := door.Body(r, 5<<20)
	if err != nil {
		return nil, err
	}
	switch media {
	case "text/csv", "application/csv":
		return readCSVRows(b, s)
	case "application/json":
	default:
		return nil, fault.Invalidf("content type %.80q is not read here: send application/json or text/csv", media).WithCode(fault.CodeUnsupported)
	}
	body, err := door.Object(b)
	if err != nil {
		return nil, err
	}
	formats := []string{"dataframe_split", "dataframe_records", "instances", "inputs"}
	var found []string
	for _, f := range formats {
		if _, ok := body[f]; ok {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		return nil, fault.Invalidf("the body must have exactly one of %s; it has %d of them. Example: %s", strings.Join(formats, ", "), len(found), example(s))
	}
	if extra := others(body, append(formats, "params")...); len(extra) > 0 {
		return nil, fault.Invalidf("the body has keys that are not known here").With(extra...)
	}
	switch found[0] {
	case "dataframe_split":
		return readSplit(body["dataframe_split"])
	case "dataframe_records":
		return rowsOf(body["dataframe_records"], "dataframe_records")
	}
	return readInstances(body[found[0]], found[0], s)
}

// readSplit reads pandas' "split" orientation.
func readSplit(v any) ([]map[string]any, error) {
	m, _ := v.(map[string]any)
	columns, okC := m["columns"].([]any)
	data, okD := m["data"].([]any)
	if !okC || !okD {
		return nil, fault.Invalidf(`dataframe_split must be {"columns":[..],"data":[[..],..]}`)
	}
	names := make([]string, len(columns))
	var problems []fault.Detail
	for i, c := range columns {
		names[i], _ = c.(string)
		if names[i] == "" {
			problems = append(problems, fault.Detail{Field: "dataframe_split.columns", Code: "wrong_type", Got: c, Expected: "a column's name"})
		} else if slices.Contains(names[:i], names[i]) {
			problems = append(problems, fault.Detail{Field: names[i], Code: "duplicate", Expected: "each column once"})
		}
	}
	if len(problems) > 0 {
		return nil, fault.Invalidf("the columns of dataframe_split cannot be read").With(problems...)
	}
	return rowsOfArrays(data, names, "dataframe_split")
}

// readInstances reads TF-Serving's row format (objects, or arrays in the model's order) and its column format.
func readInstances(v any, field string, s *serving.Served) ([]map[string]any, error) {
	if columns, ok := v.(map[string]any); ok {
		var inputs []tensor
		problems := others(columns, append(names(s), s.Ignored...)...)
		for _, name := range append(names(s), s.Ignored...) {
			v, there := columns[name]
			if list, ok := v.([]any); ok {
				inputs = append(inputs, tensor{Name: name, Shape: []int{len(list)}, Data: list})
			} else if there {
				problems = append(problems, fault.Detail{Field: name, Code: "wrong_type", Got: v, Expected: "an array with a value for each row"})
			}
		}
		if len(problems) > 0 {
			return nil, fault.Invalidf("%s cannot be read as columns", field).With(problems...)
		}
		return rowsOfTensors(s, inputs)
	}
	list, ok := v.([]any)
	if ok && len(list) > 0 {
		if _, arrays := list[0].([]any); arrays {
			return rowsOfArrays(list, names(s), field)
		}
	}
	return rowsOf(v, field)
}

func names(s *serving.Served) []string {
	out := make([]string, len(s.Features))
	for i, f := range s.Features {
		out[i] = f.Name
	}
	return out
}

func rowsOfArrays(data []any, names []string, field string) ([]map[string]any, error) {
	if len(data) == 0 || len(data) > MaxSamples {
		return nil, fault.Invalidf("%d rows in %s: one request takes 1 to %d", len(data), field, MaxSamples)
	}
	rows := make([]map[string]any, len(data))
	var problems []fault.Detail
	for i, d := range data {
		values, ok := d.([]any)
		if !ok || len(values) != len(names) {
			problems = append(problems, fault.Detail{Field: field, Code: "wrong_shape", Got: len(values), Expected: itoa(len(names)) + " values", Row: fault.Row(i)})
			continue
		}
		rows[i] = make(map[string]any, len(names))
		for j, n := range names {
			rows[i][n] = values[j]
		}
	}
	if len(problems) > 0 {
		return nil, fault.Invalidf("some rows of %s have another width than the columns", field).With(problems...)
	}
	return rows, nil
}

// readCSVRows reads CSV with a header line; types follow the model, not the guess of one request's values.
func readCSVRows(b []byte, s *serving.Served) ([]map[string]any, error) {
	return readTable(b, "rows.csv", s, dataset.Limits{Rows: MaxSamples, Columns: 5000, FieldBytes: 64 << 10, Bytes: 5 << 20})
}

// readTable reads the rows of a table, in the format that name says, as requests. A column of numbers with a bad value is read as text, and then value by value, so that it is
// one problem of one row and not a column of another type.
func readTable(b []byte, name string, s *serving.Served, limits dataset.Limits) ([]map[string]any, error) {
	numeric := map[string]bool{}
	for _, f := range s.Features {
		numeric[f.Name] = f.Kind == dataset.Numeric
	}
	texts := slices.DeleteFunc(names(s), func(n string) bool { return numeric[n] })
	f, err := dataset.Read(bytes.NewReader(b), name, dataset.Options{Categorical: texts, Infinite: true, Limits: limits}) // an infinity is a problem of its row
	if err != nil {
		return nil, err
	}
	if lacking := slices.DeleteFunc(names(s), func(n string) bool { return f.Index(n) >= 0 }); len(lacking) > 0 {
		e := fault.Invalidf("read %s: %d columns that the model needs are not there", name, len(lacking))
		for _, n := range lacking {
			e.With(fault.Detail{Field: n, Code: "missing", Expected: "a column of this name"})
		}
		return nil, e
	}
	rows := make([]map[string]any, f.Rows())
	for i := range rows {
		rows[i] = make(map[string]any, len(f.Columns))
		for j := range f.Columns {
			name, v := f.Columns[j].Name, f.Columns[j].Value(i)
			if text, ok := v.(string); ok && numeric[name] {
				if x, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
					v = x
				}
			}
			rows[i][name] = v
		}
	}
	return rows, nil
}

// example is a body that this model would answer.
func example(s *serving.Served) string {
	row := map[string]any{}
	for _, f := range s.Features {
		if f.Kind == dataset.Categorical && len(f.Levels) > 0 {
			row[f.Name] = f.Levels[0]
		} else {
			row[f.Name] = f.Min
		}
	}
	b, _ := json.Marshal(map[string]any{"dataframe_records": []any{row}}) // finite numbers and strings always marshal
	return string(b)
}

// The V1 protocol of KServe and TF-Serving. Its colon verbs fit neither ServeMux nor API Gateway, so /v1/{proxy} is parsed here.
func (h *Handler) kserve(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, r *http.Request) {
		models := []string{}
		for _, s := range h.ready(r.Context()) {
			models = append(models, s.Name)
		}
		door.JSON(w, http.StatusOK, map[string]any{"models": models})
	})
	mux.HandleFunc("GET /v1/models/{m}", h.v2(func(w http.ResponseWriter, r *http.Request, s *serving.Served) error {
		door.JSON(w, http.StatusOK, map[string]any{"name": s.Name, "ready": true})
		return nil
	}))
	mux.HandleFunc("POST /v1/{proxy...}", func(w http.ResponseWriter, r *http.Request) {
		if err := h.verb(w, r); err != nil {
			door.Fail(w, r, door.V2, err)
		}
	})
}

func (h *Handler) verb(w http.ResponseWriter, r *http.Request) error {
	rest, ok := strings.CutPrefix(r.PathValue("proxy"), "models/")
	name, verb, found := strings.Cut(rest, ":")
	if !ok || !found || (verb != "predict" && verb != "explain") {
		return fault.NotFoundf("no such door: POST /v1/models/{model}:predict or :explain")
	}
	s, err := h.Models.Champion(r.Context(), name)
	if err != nil {
		return err
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	rows, err := readInvocation(r, s)
	if err != nil {
		return err
	}
	answers, err := h.score(r.Context(), s, rows, "")
	if err != nil {
		return err
	}
	out := predictions(answers)
	if verb == "explain" {
		explanations := make([]*model.Explanation, len(rows))
		for i, row := range rows {
			x, _ := s.Row(s.Known(row)) // checked by score
			if e, ok := s.Explain(x, s.Class(answers[i].vector)); ok {
				explanations[i] = &e
			}
		}
		out["explanations"] = explanations
	}
	door.JSON(w, http.StatusOK, out)
	return nil
}
