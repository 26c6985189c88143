package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"mlops/functions/internal/job"
	"mlops/shared/audit"
)

// predicted demands the shape of one plain answer.
func predicted(t *testing.T, v map[string]any) {
	t.Helper()
	only(t, "a prediction", v, "prediction", "probability", "probabilities", "model_name", "model_version", "alias", "model_sha256", "data_version", "inference_id", "timestamp")
	p, _ := v["probabilities"].(map[string]any)
	one, _ := p["1"].(float64)
	zero, _ := p["0"].(float64)
	if len(p) != 2 || math.Abs(one+zero-1) > 1e-12 || v["probability"] != one {
		t.Errorf("probabilities %v, probability %v", p, v["probability"])
	}
	class := 0.0
	if one >= 0.5 {
		class = 1
	}
	if v["prediction"] != class {
		t.Errorf("prediction %v with probability %v", v["prediction"], one)
	}
	if v["model_name"] != "loan" || v["model_version"] != "1" || v["alias"] != "champion" {
		t.Errorf("answered by %v %v %v", v["model_name"], v["model_version"], v["alias"])
	}
	if _, err := time.Parse(time.RFC3339, fmt.Sprint(v["timestamp"])); err != nil {
		t.Error(err)
	}
	if id, _ := v["inference_id"].(string); len(id) != 26 {
		t.Errorf("inference_id %q", id)
	}
}

func TestPredict(t *testing.T) {
	w := loans(t)
	flat := w.post("/predict", ana()).is(http.StatusOK)
	predicted(t, flat.tree())
	if flat.header.Get("X-Request-Id") == "" || flat.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", flat.header)
	}
	wrapped := w.post("/predict", map[string]any{"features": ana()}).is(http.StatusOK).tree()
	predicted(t, wrapped)
	named := w.post("/predict", map[string]any{"model": "loan", "features": ana()}).is(http.StatusOK).tree()
	bearer := w.send("POST", "/predict?model=loan", "", strings.NewReader(`{"age":31,"income":2500,"city":"Rome"}`), "Authorization: Bearer "+w.Keys.Predict).is(http.StatusOK).tree()
	for _, other := range []map[string]any{wrapped, named, bearer} {
		if other["probability"] != flat.tree()["probability"] {
			t.Errorf("one row, two answers: %v and %v", flat.tree(), other)
		}
	}
	predicted(t, w.post("/predict", `{"age":31,"income":null,"city":"Rome"}`).is(http.StatusOK).tree())
	predicted(t, w.post("/predict", `{"age":31,"city":"Rome"}`).is(http.StatusOK).tree()) // training had rows without an income
	far := w.post("/predict", `{"age":99,"income":2500,"city":"Rome"}`).is(http.StatusOK).tree()
	if warnings := fmt.Sprint(far["warnings"]); !strings.Contains(warnings, "out_of_range") || !strings.Contains(warnings, "20..69") {
		t.Errorf("an age that training never saw is answered without a warning: %v", far["warnings"])
	}
}

func TestPredictBatch(t *testing.T) {
	w := loans(t)
	v := w.post("/predict/batch", map[string]any{"samples": []any{ana(), map[string]any{"age": 60, "income": nil, "city": "Oslo"}}}).is(http.StatusOK).tree()
	only(t, "a batch", v, "predictions", "total", "timestamp")
	list := v["predictions"].([]any)
	if len(list) != 2 || v["total"] != 2.0 {
		t.Fatalf("%v", v)
	}
	for _, p := range list {
		predicted(t, p.(map[string]any))
	}
	a := w.post("/predict/batch", `{"samples":[{"age":"old","income":1,"city":"Rome"},{"age":1,"income":2,"city":"Paris","x":1}]}`).is(http.StatusBadRequest)
	problems(t, a, "ValidationError", "age wrong_type 0", "city unknown_category 1", "x unknown_field 1")
}

// problems demands a plain error that names exactly these: "field code", and the row where there is one.
func problems(t *testing.T, a answer, name string, want ...string) {
	t.Helper()
	var e struct {
		Error   string `json:"error"`
		Message string `json:"message"`
		Detail  []struct {
			Field string `json:"field"`
			Code  string `json:"code"`
			Row   *int   `json:"row"`
		} `json:"detail"`
		Request string `json:"request_id"`
	}
	a.into(&e)
	only(t, "the error", a.tree(), "error", "message", "detail", "request_id")
	if e.Error != name || e.Message == "" || e.Request != a.header.Get("X-Request-Id") || e.Request == "" {
		t.Errorf("the error is %q, %q, request %q", e.Error, e.Message, e.Request)
	}
	if bytes.Contains(a.body, []byte("goroutine")) || bytes.Contains(a.body, []byte(".go:")) {
		t.Errorf("the error shows the inside: %s", a.body)
	}
	got := map[string]int{}
	for _, d := range e.Detail {
		text := d.Field + " " + d.Code
		if d.Row != nil {
			text += fmt.Sprint(" ", *d.Row)
		}
		got[strings.TrimSpace(text)]++
	}
	for _, x := range want {
		if got[x] == 0 {
			t.Errorf("%q is not named: %s", x, a.body)
		}
		delete(got, x)
	}
	if len(got) > 0 {
		t.Errorf("named as well: %v", got)
	}
}

func TestReceiptAndReproduction(t *testing.T) {
	w := loans(t)
	p := w.post("/predict", ana()).is(http.StatusOK).tree()
	id := p["inference_id"].(string)
	r := w.send("GET", "/predictions/"+id, w.Keys.Predict, nil).is(http.StatusOK).tree()
	only(t, "a receipt", r, "inference_id", "timestamp", "model_name", "model_version", "model_sha256", "variant", "status", "features", "prediction", "probabilities")
	if r["inference_id"] != id || r["model_sha256"] != p["model_sha256"] || r["prediction"] != p["prediction"] || r["features"].(map[string]any)["city"] != "Rome" || r["timestamp"] != p["timestamp"] {
		t.Errorf("the receipt %v of %v", r, p)
	}
	again := w.get("/predictions/" + id + "/reproduction").is(http.StatusOK).tree()
	only(t, "a reproduction", again, "inference_id", "model_name", "model_version", "model_sha256", "equal", "recorded", "scored")
	if again["equal"] != true {
		t.Errorf("%v", again)
	}
	refused := w.post("/predict", `{"age":"x","income":1,"city":"Rome"}`).is(http.StatusBadRequest)
	_ = refused
	for _, path := range []string{"/predictions/nonsense", "/predictions/01KJPWF1761BDP6CVMQ5C26KW1", "/predictions/01KJPWF1761BDP6CVMQ5C26KW1/reproduction"} {
		problems(t, w.get(path).is(http.StatusNotFound), "NotFound")
	}
}

func TestFeedback(t *testing.T) {
	w := loans(t)
	id := w.post("/predict", ana()).is(http.StatusOK).tree()["inference_id"].(string)
	other := w.post("/predict", ana()).is(http.StatusOK).tree()["inference_id"].(string)
	type result struct {
		Accepted int `json:"accepted"`
		Rejected []struct {
			ID     string `json:"inference_id"`
			Reason string `json:"reason"`
		} `json:"rejected"`
	}
	give := func(body string) result {
		t.Helper()
		a := w.post("/feedback", body).is(http.StatusOK)
		only(t, "the answer", a.tree(), "accepted", "rejected")
		var r result
		a.into(&r)
		return r
	}
	reasons := func(r result) string {
		var out []string
		for _, x := range r.Rejected {
			out = append(out, x.Reason)
		}
		return strings.Join(out, " ")
	}
	unknown := w.State.IDs.Next()
	r := give(fmt.Sprintf(`{"feedback":[{"inference_id":%q,"label":1,"labeled_at":"2026-03-02T10:00:00Z","source":"ops"},{"inference_id":%q,"label":0},{"inference_id":"x","label":0},{"inference_id":%q,"label":"maybe"},{"inference_id":%q,"label":null}]}`, id, unknown, other, other))
	if r.Accepted != 1 || reasons(r) != "unknown_id bad_label bad_label unknown_id" {
		t.Errorf("%+v", r)
	}
	label := w.get("/predictions/" + id).is(http.StatusOK).tree()["label"].(map[string]any)
	if label["value"] != 1.0 {
		t.Errorf("the receipt's label is %v", label)
	}
	if r := give(fmt.Sprintf(`{"feedback":[{"inference_id":%q,"label":1}]}`, id)); r.Accepted != 0 || reasons(r) != "duplicate" {
		t.Errorf("the same label again: %+v", r)
	}
	if r := give(fmt.Sprintf(`{"feedback":[{"inference_id":%q,"label":"1"},{"inference_id":%q,"label":"1"}]}`, other, other)); r.Accepted != 1 || reasons(r) != "duplicate" {
		t.Errorf("twice in one request: %+v", r)
	}
	if n := count(w.entries("loan"), audit.LabelConflict); n != 0 {
		t.Fatalf("%d conflicts before there is one", n)
	}
	if r := give(fmt.Sprintf(`{"feedback":[{"inference_id":%q,"label":0}]}`, id)); r.Accepted != 1 {
		t.Errorf("another label: %+v", r)
	}
	if n := count(w.entries("loan"), audit.LabelConflict); n != 1 {
		t.Errorf("%d conflicts in the ledger", n)
	}
	if label := w.get("/predictions/" + id).is(http.StatusOK).tree()["label"].(map[string]any); label["value"] != 0.0 {
		t.Errorf("the later label does not count: %v", label)
	}
	if keys, err := w.State.Data.List(background, "groundtruth/loan/", "", 100); err != nil || len(keys) != 3 {
		t.Errorf("%d objects of ground truth, both labels are kept: %v", len(keys), err)
	}
	for body, want := range map[string]string{`{"feedback":[]}`: "", `{"feedback":[{"inference_id":"x","label":1,"colour":2}]}`: "feedback.colour unknown_field", `{"feedback":{}}`: "feedback wrong_type"} {
		a := w.post("/feedback", body).is(http.StatusBadRequest)
		if want == "" {
			problems(t, a, "ValidationError")
		} else {
			problems(t, a, "ValidationError", want)
		}
	}
	w.sound("loan")
}

// TestOtherTasks has the plain shapes of a number and of a class with a name.
func TestOtherTasks(t *testing.T) {
	w := empty(t)
	rng := rand.New(rand.NewPCG(3, 4))
	var price, animal strings.Builder
	price.WriteString("rooms,size,price\n")
	animal.WriteString("legs,weight,kind\n")
	for range 300 {
		rooms, size := 1+rng.IntN(6), 30+170*rng.Float64()
		fmt.Fprintf(&price, "%d,%.2f,%.2f\n", rooms, size, 1000*float64(rooms)+50*size+100*rng.NormFloat64())
		k := rng.IntN(3)
		fmt.Fprintf(&animal, "%d,%.2f,%s\n", []int{2, 4, 8}[k], float64(10-3*k)+rng.NormFloat64(), []string{"bird", "cat", "spider"}[k])
	}
	if j := w.upload("price", "target=price", []byte(price.String())); j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	p := w.post("/predict", `{"rooms":3,"size":100}`).is(http.StatusOK).tree()
	only(t, "a regression's answer", p, "prediction", "model_name", "model_version", "alias", "model_sha256", "data_version", "inference_id", "timestamp")
	if v := p["prediction"].(float64); v < 7000 || v > 9000 {
		t.Errorf("3 rooms on 100 m2 are priced %v, made as 8000", v)
	}
	if v := w.get("/predictions/" + p["inference_id"].(string) + "/reproduction").is(http.StatusOK).tree(); v["equal"] != true {
		t.Errorf("%v", v)
	}
	for label, accepted := range map[string]float64{`8000.5`: 1, `"NaN"`: 0, `"Infinity"`: 0, `"dear"`: 0} {
		id := w.post("/predict", `{"rooms":3,"size":100}`).is(http.StatusOK).tree()["inference_id"]
		if a := w.post("/feedback", fmt.Sprintf(`{"feedback":[{"inference_id":%q,"label":%s}]}`, id, label)).is(http.StatusOK).tree(); a["accepted"] != accepted {
			t.Errorf("label %s: %v", label, a)
		}
	}
	v2 := w.post("/v2/models/price/infer", `{"inputs":[{"name":"rooms","shape":[1],"datatype":"INT64","data":[3]},{"name":"size","shape":[1],"datatype":"FP64","data":[100]}]}`).is(http.StatusOK).tree()
	if out := v2["outputs"].([]any); len(out) != 1 || out[0].(map[string]any)["datatype"] != "FP64" {
		t.Errorf("%v", v2)
	}

	if j := w.upload("animal", "target=kind", []byte(animal.String())); j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	c := w.post("/predict?model=animal", `{"legs":8,"weight":4}`).is(http.StatusOK).tree()
	if c["prediction"] != "spider" || len(c["probabilities"].(map[string]any)) != 3 || c["probability"] != c["probabilities"].(map[string]any)["spider"] {
		t.Errorf("%v", c)
	}
	v2 = w.post("/v2/models/animal/infer", `{"inputs":[{"name":"legs","shape":[1],"datatype":"INT64","data":[4]},{"name":"weight","shape":[1],"datatype":"FP64","data":[7]}]}`).is(http.StatusOK).tree()
	first := v2["outputs"].([]any)[0].(map[string]any)
	if first["datatype"] != "BYTES" || fmt.Sprint(first["data"]) != "[cat]" {
		t.Errorf("%v", v2)
	}

	problems(t, w.post("/predict", `{"legs":8,"weight":4}`).is(http.StatusBadRequest), "ValidationError", "model missing") // two models: which?
	w.get("/ready").is(http.StatusOK)
	if h := w.get("/health").is(http.StatusOK).tree(); h["status"] != "healthy" || h["model_loaded"] != true {
		t.Errorf("two models serve, and health says %v", h)
	}
	if m := w.get("/v1/models").is(http.StatusOK).tree()["models"]; fmt.Sprint(m) != "[animal price]" {
		t.Errorf("models %v", m)
	}
	var index []map[string]string
	w.post("/v2/repository/index", `{"ready":true}`).is(http.StatusOK).into(&index)
	if len(index) != 2 || index[0]["name"] != "animal" || index[1]["state"] != "READY" {
		t.Errorf("index %v", index)
	}
}

func TestHealth(t *testing.T) {
	none, w := empty(t), loans(t)
	for path, keys := range map[string][]string{"/health": {"status", "model_loaded", "model_name", "uptime_seconds", "timestamp"}, "/live": {"status", "timestamp"}, "/ready": {"status", "model_name"}} {
		only(t, path, w.send("GET", path, "", nil).is(http.StatusOK).tree(), keys...)
	}
	if h := w.get("/health").tree(); h["status"] != "healthy" || h["model_loaded"] != true || h["model_name"] != "loan" {
		t.Errorf("%v", h)
	}
	if h := none.get("/health").is(http.StatusOK).tree(); h["status"] != "degraded" || h["model_loaded"] != false {
		t.Errorf("without a model: %v", h)
	}
	none.get("/live").is(http.StatusOK)
	a := none.get("/ready").is(http.StatusServiceUnavailable)
	problems(t, a, "Unavailable")
	if a.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if p := w.send("GET", "/ping", "", nil).is(http.StatusOK); len(p.body) != 0 {
		t.Errorf("ping says %q", p.body)
	}
	if p := none.get("/ping").is(http.StatusServiceUnavailable); p.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if v := string(w.send("GET", "/version", "", nil).is(http.StatusOK).body); !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(v) {
		t.Errorf("version %q", v)
	}
	if v := w.send("GET", "/v2/health/ready", "", nil).is(http.StatusOK).tree(); v["ready"] != true || v["live"] != true {
		t.Errorf("%v", v)
	}
	if v := none.get("/v2/health/ready").is(http.StatusServiceUnavailable).tree(); v["ready"] != false {
		t.Errorf("%v", v)
	}
	only(t, "live", w.send("GET", "/v2/health/live", "", nil).is(http.StatusOK).tree(), "live")
	problems(t, none.post("/predict", ana()).is(http.StatusServiceUnavailable), "Unavailable")
}

func TestModelInfo(t *testing.T) {
	w := loans(t)
	v := w.get("/model_info").is(http.StatusOK).tree()
	has(t, "model_info", v, "name", "version", "alias", "task", "features", "target", "algorithm", "sha256", "data_version", "classes", "loaded_at")
	if v["name"] != "loan" || v["version"] != "1" || v["alias"] != "champion" || v["task"] != "binary" || v["target"] != "default" || fmt.Sprint(v["classes"]) != "[0 1]" {
		t.Errorf("%v", v)
	}
	features := v["features"].([]any)
	if len(features) != 3 {
		t.Fatalf("%v", features)
	}
	city := features[2].(map[string]any)
	if city["name"] != "city" || city["type"] != "categorical" || fmt.Sprint(city["levels"]) != "[Bern Oslo Rome]" {
		t.Errorf("%v", city)
	}
	age := features[0].(map[string]any)
	if age["type"] != "numeric" || age["min"] != 20.0 || age["max"] != 69.0 {
		t.Errorf("%v", age)
	}
}

// TestMetrics reads the page as Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
func TestMetrics(t *testing.T) {
	w := loans(t)
	w.post("/predict", ana()).is(http.StatusOK)
	w.post("/predict", `{"age":"x"}`).is(http.StatusBadRequest)
	a := w.send("GET", "/metrics", w.Keys.Predict, nil).is(http.StatusOK)
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("content type %q", got)
	}
	sample := regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="(\\[\\"n]|[^\\"\n])*",?)*\})? ([-+0-9.eE]+|NaN|[-+]Inf)$`)
	comment := regexp.MustCompile(`^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$`)
	types, values := map[string]string{}, map[string]string{}
	if !bytes.HasSuffix(a.body, []byte("\n")) {
		t.Error("the last line has no end")
	}
	for _, line := range strings.Split(strings.TrimSuffix(string(a.body), "\n"), "\n") {
		if m := comment.FindStringSubmatch(line); m != nil {
			if m[1] == "TYPE" {
				types[m[2]] = m[3]
			}
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("not a sample: %q", line)
			continue
		}
		family := strings.TrimSuffix(strings.TrimSuffix(m[1], "_sum"), "_count")
		if types[family] == "" && types[m[1]] == "" {
			t.Errorf("%s has no TYPE before it", m[1])
		}
		values[m[1]+m[2]] = m[5]
	}
	for want, value := range map[string]string{`predictions_total{model_name="loan",status="success"}`: "1", `predictions_total{model_name="loan",status="error"}`: "1", `model_info{model_name="loan",version="1"}`: "1", `prediction_duration_seconds_count{model_name="loan"}`: "1"} {
		if values[want] != value {
			t.Errorf("%s is %q, not %s", want, values[want], value)
		}
	}
}

// TestOpenAPI checks the structure of an OpenAPI 3.1 document: its required fields, that references lead somewhere, and that the types are
// those of JSON Schema (spec.openapis.org/oas/v3.1.0).
func TestOpenAPI(t *testing.T) {
	w := loans(t)
	doc := w.get("/openapi.json").is(http.StatusOK).tree()
	if v, _ := doc["openapi"].(string); !strings.HasPrefix(v, "3.1.") {
		t.Fatalf("openapi %v", doc["openapi"])
	}
	has(t, "info", doc["info"].(map[string]any), "title", "version")
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	security := doc["components"].(map[string]any)["securitySchemes"].(map[string]any)
	for _, s := range doc["security"].([]any) {
		for name := range s.(map[string]any) {
			if security[name] == nil {
				t.Errorf("the security scheme %s is not defined", name)
			}
		}
	}
	seen := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		if !strings.HasPrefix(path, "/") {
			t.Errorf("path %q", path)
		}
		for method, op := range item.(map[string]any) {
			o := op.(map[string]any)
			id, _ := o["operationId"].(string)
			if id == "" || seen[id] {
				t.Errorf("%s %s: operationId %q", method, path, id)
			}
			seen[id] = true
			responses := o["responses"].(map[string]any)
			for code, r := range responses {
				if !regexp.MustCompile(`^([1-5]\d\d|default)$`).MatchString(code) {
					t.Errorf("%s %s: response %q", method, path, code)
				}
				has(t, path+" "+code, r.(map[string]any), "description")
			}
			has(t, path, responses, "200", "400", "401", "413", "503")
		}
	}
	types := map[string]bool{"null": true, "boolean": true, "object": true, "array": true, "number": true, "string": true, "integer": true}
	var walk func(v any)
	walk = func(v any) {
		switch x := v.(type) {
		case []any:
			for _, e := range x {
				walk(e)
			}
		case map[string]any:
			if ref, ok := x["$ref"].(string); ok && schemas[strings.TrimPrefix(ref, "#/components/schemas/")] == nil {
				t.Errorf("%s leads nowhere", ref)
			}
			for k, e := range x {
				walk(e)
				if k != "type" || x["in"] != nil {
					continue
				}
				for _, n := range strings.Fields(strings.Trim(fmt.Sprint(e), "[]")) {
					if !types[n] {
						t.Errorf("type %v", e)
					}
				}
			}
		}
	}
	walk(schemas)
	walk(doc["paths"])
	f := schemas["Features"].(map[string]any)
	properties := f["properties"].(map[string]any)
	if len(properties) != 3 || f["additionalProperties"] != false {
		t.Errorf("features %v", f)
	}
	for _, name := range f["required"].([]any) {
		if properties[name.(string)] == nil {
			t.Errorf("required, but not described: %v", name)
		}
		if name == "income" {
			t.Error("income is required, though the platform answers without it")
		}
	}
	if e := properties["city"].(map[string]any)["enum"]; fmt.Sprint(e) != "[Bern Oslo Rome <nil>]" {
		t.Errorf("city is one of %v", e)
	}
	if _, err := json.Marshal(doc); err != nil {
		t.Error(err)
	}
}
