package host

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// v2Error and mlflowError demand an error in the shape of the surface it happened on, with no key of another.
func v2Error(t *testing.T, a answer, status int, words ...string) {
	t.Helper()
	only(t, "a V2 error", a.is(status).tree(), "error")
	mentions(t, a, words)
}

func mlflowError(t *testing.T, a answer, status int, code string, words ...string) {
	t.Helper()
	v := a.is(status).tree()
	only(t, "an MLflow error", v, "error_code", "message")
	if v["error_code"] != code {
		t.Errorf("error_code %v, not %s", v["error_code"], code)
	}
	mentions(t, a, words)
}

func mentions(t *testing.T, a answer, words []string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(string(a.body), word) {
			t.Errorf("%q is not named: %s", word, a.body)
		}
	}
	if a.header.Get("X-Request-Id") == "" {
		t.Error("no request id")
	}
}

func TestOpenInference(t *testing.T) {
	w := loans(t)
	only(t, "/v2", w.get("/v2").is(http.StatusOK).tree(), "name", "version", "extensions")
	for _, at := range []string{"/v2/models/loan", "/v2/models/loan/versions/1"} {
		m := w.get(at).is(http.StatusOK).tree()
		only(t, at, m, "name", "versions", "platform", "inputs", "outputs")
		if m["name"] != "loan" || fmt.Sprint(m["versions"]) != "[1]" || m["platform"] != "go_tabular" {
			t.Errorf("%v", m)
		}
		if in := fmt.Sprint(m["inputs"]); in != "[map[datatype:FP64 name:age shape:[-1]] map[datatype:FP64 name:income shape:[-1]] map[datatype:BYTES name:city shape:[-1]]]" {
			t.Errorf("inputs %s", in)
		}
		if out := fmt.Sprint(m["outputs"]); out != "[map[datatype:INT64 name:predict shape:[-1]] map[datatype:FP64 name:probability shape:[-1 2]]]" {
			t.Errorf("outputs %s", out)
		}
		if r := w.get(at + "/ready").is(http.StatusOK).tree(); r["ready"] != true || r["name"] != "loan" {
			t.Errorf("%v", r)
		}
	}
	var index []map[string]string
	w.post("/v2/repository/index", `{"ready":true}`).is(http.StatusOK).into(&index)
	if len(index) != 1 || index[0]["name"] != "loan" || index[0]["version"] != "1" || index[0]["state"] != "READY" {
		t.Errorf("%v", index)
	}

	const columns = `"inputs":[{"name":"age","shape":[2],"datatype":"INT64","data":[31,60]},{"name":"income","shape":[2],"datatype":"FP64","data":[2500,null]},{"name":"city","shape":[2],"datatype":"BYTES","parameters":{"content_type":"str"},"data":["Rome","Oslo"]}]`
	first := w.post("/v2/models/loan/infer", `{"id":"42","parameters":{"content_type":"pd"},`+columns+`}`).is(http.StatusOK).tree()
	has(t, "an inference", first, "model_name", "model_version", "id", "outputs")
	if first["model_name"] != "loan" || first["model_version"] != "1" || first["id"] != "42" {
		t.Errorf("%v", first)
	}
	values := func(v map[string]any, name string) string {
		for _, o := range v["outputs"].([]any) {
			if m := o.(map[string]any); m["name"] == name {
				return fmt.Sprint(m["datatype"], m["shape"], m["data"])
			}
		}
		return "none"
	}
	plain := w.post("/predict", ana()).is(http.StatusOK).tree()
	if got := values(first, "probability"); !strings.HasPrefix(got, "FP64[2 2] [") || !strings.Contains(got, fmt.Sprint(plain["probability"])) {
		t.Errorf("probability %s, the plain answer is %v", got, plain["probability"])
	}
	if got := values(first, "predict"); !strings.HasPrefix(got, "INT64[2] [") {
		t.Errorf("predict %s", got)
	}
	w.get("/predictions/" + first["parameters"].(map[string]any)["inference_ids"].([]any)[1].(string)).is(http.StatusOK)

	for name, body := range map[string]string{
		"columns [n,1]":     `{"inputs":[{"name":"age","shape":[2,1],"datatype":"FP64","data":[[31],[60]]},{"name":"income","shape":[2,1],"datatype":"FP64","data":[2500,null]},{"name":"city","shape":[2,1],"datatype":"BYTES","data":[["Rome"],["Oslo"]]}]}`,
		"one tensor":        `{"inputs":[{"name":"x","shape":[2,3],"datatype":"BYTES","parameters":{"content_type":"np"},"data":[31,2500,"Rome",60,null,"Oslo"]}]}`,
		"one nested tensor": `{"inputs":[{"name":"x","shape":[2,3],"datatype":"BYTES","data":[[31,2500,"Rome"],[60,null,"Oslo"]]}]}`,
		"a pinned version":  `{` + columns + `}`,
	} {
		path := "/v2/models/loan/infer"
		if name == "a pinned version" {
			path = "/v2/models/loan/versions/1/infer"
		}
		v := w.post(path, body).is(http.StatusOK).tree()
		if values(v, "probability") != values(first, "probability") || v["id"] == "" {
			t.Errorf("%s: %v, not %v", name, values(v, "probability"), values(first, "probability"))
		}
	}
	wanted := w.post("/v2/models/loan/infer", `{`+columns+`,"outputs":[{"name":"probability"}]}`).is(http.StatusOK).tree()
	if values(wanted, "predict") != "none" || values(wanted, "probability") != values(first, "probability") {
		t.Errorf("asked for probability only: %v", wanted["outputs"])
	}

	captured := func() int {
		keys, err := w.State.Data.List(background, "capture/loan/champion/", "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		return len(keys)
	}
	before := captured()
	for name, c := range map[string]struct {
		path, body string
		status     int
		words      []string
	}{
		"unknown model":    {"/v2/models/none/infer", `{` + columns + `}`, http.StatusNotFound, []string{"none"}},
		"other version":    {"/v2/models/loan/versions/9/infer", `{` + columns + `}`, http.StatusNotFound, []string{"9"}},
		"no inputs":        {"/v2/models/loan/infer", `{"inputs":[]}`, http.StatusBadRequest, nil},
		"shapes that lie":  {"/v2/models/loan/infer", `{"inputs":[{"name":"age","shape":[3],"datatype":"FP64","data":[1]},{"name":"city","shape":[-1],"datatype":"BYTES","data":["Rome"]}]}`, http.StatusBadRequest, []string{"age", "city", "wrong_shape"}},
		"unequal rows":     {"/v2/models/loan/infer", `{"inputs":[{"name":"age","shape":[1],"datatype":"FP64","data":[1]},{"name":"city","shape":[2],"datatype":"BYTES","data":["Rome","Oslo"]}]}`, http.StatusBadRequest, []string{"city"}},
		"a column twice":   {"/v2/models/loan/infer", `{"inputs":[{"name":"age","shape":[1],"datatype":"FP64","data":[1]},{"name":"age","shape":[1],"datatype":"FP64","data":[99]},{"name":"city","shape":[1],"datatype":"BYTES","data":["Rome"]}]}`, http.StatusBadRequest, []string{"age"}},
		"unknown output":   {"/v2/models/loan/infer", `{` + columns + `,"outputs":[{"name":"colour"}]}`, http.StatusBadRequest, []string{"colour"}},
		"missing column":   {"/v2/models/loan/infer", `{"inputs":[{"name":"age","shape":[1],"datatype":"FP64","data":[1]}]}`, http.StatusBadRequest, []string{"city", "missing"}},
		"wrong type":       {"/v2/models/loan/infer", `{"inputs":[{"name":"age","shape":[1],"datatype":"BYTES","data":["old"]},{"name":"city","shape":[1],"datatype":"BYTES","data":["Paris"]}]}`, http.StatusBadRequest, []string{"age", "wrong_type", "city", "unknown_category"}},
		"shape past int64": {"/v2/models/loan/infer", `{"inputs":[{"name":"age","shape":[1,1048576,1048576,1048576,16],"datatype":"FP64","data":[]}]}`, http.StatusBadRequest, nil},
		"not JSON":         {"/v2/models/loan/infer", `{`, http.StatusBadRequest, nil},
		"inputs as object": {"/v2/models/loan/infer", `{"inputs":{}}`, http.StatusBadRequest, nil},
		"1,001 rows":       {"/v2/models/loan/infer", `{"inputs":[{"name":"age","shape":[1001],"datatype":"FP64","data":[` + strings.TrimSuffix(strings.Repeat("1,", 1001), ",") + `]}]}`, http.StatusBadRequest, []string{"1000"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.post(c.path, c.body)
			a.T = t
			v2Error(t, a, c.status, c.words...)
		})
	}
	if n := captured(); n != before {
		t.Errorf("%d refused requests were captured as answers", n-before)
	}
	v2Error(t, w.get("/v2/models/none"), http.StatusNotFound)
	v2Error(t, w.send("GET", "/v2/models/loan", "", nil), http.StatusUnauthorized)
	v2Error(t, w.send("POST", "/v2/models/loan/infer", w.Keys.Predict, strings.NewReader(`{}`), "Content-Type: text/csv"), http.StatusUnsupportedMediaType)
	v2Error(t, w.send("DELETE", "/v2/models/loan", w.Keys.Operate, nil), http.StatusMethodNotAllowed)
	v2Error(t, w.get("/v2/nothing"), http.StatusNotFound)
	v2Error(t, empty(t).get("/v2/models/none/ready"), http.StatusNotFound)
}

func TestInvocations(t *testing.T) {
	w := loans(t)
	want := fmt.Sprint([]any{w.post("/predict", ana()).tree()["probabilities"], w.post("/predict", `{"age":60,"income":null,"city":"Oslo"}`).tree()["probabilities"]})
	for name, c := range map[string]struct{ contentType, body string }{
		"dataframe_split":   {"application/json", `{"dataframe_split":{"columns":["age","income","city"],"index":[0,1],"data":[[31,2500,"Rome"],[60,null,"Oslo"]]}}`},
		"other order":       {"application/json", `{"dataframe_split":{"columns":["city","age","income"],"data":[["Rome",31,2500],["Oslo",60,null]]}}`},
		"dataframe_records": {"application/json; charset=utf-8", `{"dataframe_records":[{"age":31,"income":2500,"city":"Rome"},{"age":60,"income":null,"city":"Oslo"}],"params":{}}`},
		"instances":         {"application/json", `{"instances":[{"age":31,"income":2500,"city":"Rome"},{"age":60,"income":null,"city":"Oslo"}]}`},
		"instances, arrays": {"application/json", `{"instances":[[31,2500,"Rome"],[60,null,"Oslo"]]}`},
		"inputs":            {"application/json", `{"inputs":[{"age":31,"income":2500,"city":"Rome"},{"age":60,"income":null,"city":"Oslo"}]}`},
		"inputs, columns":   {"application/json", `{"inputs":{"age":[31,60],"income":[2500,null],"city":["Rome","Oslo"]}}`},
		"csv":               {"text/csv", "age,income,city\n31,2500,Rome\n60,,Oslo\n"},
		"German csv":        {"text/csv", "age;income;city\n31,0;2.500,0;Rome\n60,0;;Oslo\n"},
		"csv, other type":   {"application/csv; charset=UTF-8", "city,age,income\r\nRome,31,2500\r\n\"Oslo\",60,\r\n"},
	} {
		for _, path := range []string{"/invocations", "/endpoints/loan/invocations"} {
			a := w.send("POST", path, w.Keys.Predict, strings.NewReader(c.body), "Content-Type: "+c.contentType)
			if a.status != http.StatusOK {
				t.Errorf("%s %s: %d %s", path, name, a.status, a.body)
				continue
			}
			v := a.tree()
			has(t, name, v, "predictions", "probabilities", "inference_ids", "model_version")
			if got := fmt.Sprint(v["probabilities"]); got != want {
				t.Errorf("%s: %s, not %s", name, got, want)
			}
			if p := v["predictions"].([]any); len(p) != 2 {
				t.Errorf("%s: %v", name, p)
			}
			if a.header.Get("x-Amzn-Invoked-Production-Variant") != "champion" {
				t.Errorf("%s: headers %v", name, a.header)
			}
		}
	}
	w.send("POST", "/invocations", w.Keys.Predict, strings.NewReader(`{"instances":[{"age":31,"income":1,"city":"Rome"}]}`), "Content-Type: application/json", "X-Amzn-SageMaker-Inference-Id: abc").is(http.StatusOK)

	for name, c := range map[string]struct {
		path, contentType, body string
		status                  int
		code                    string
		words                   []string
	}{
		"no format":       {"/invocations", "application/json", `{}`, 400, "BAD_REQUEST", []string{"dataframe_split", "dataframe_records", "instances", "inputs"}},
		"two formats":     {"/invocations", "application/json", `{"instances":[],"inputs":[]}`, 400, "BAD_REQUEST", []string{"2"}},
		"an extra key":    {"/invocations", "application/json", `{"instances":[{}],"colour":1}`, 400, "BAD_REQUEST", []string{"colour"}},
		"wrong width":     {"/invocations", "application/json", `{"instances":[[1,2,"Rome"],[1]]}`, 400, "BAD_REQUEST", []string{"wrong_shape", "row 1"}},
		"mixed rows":      {"/invocations", "application/json", `{"instances":[{"age":1,"income":1,"city":"Rome"},7]}`, 400, "BAD_REQUEST", []string{"row 1"}},
		"no rows":         {"/invocations", "application/json", `{"instances":[]}`, 400, "BAD_REQUEST", nil},
		"wrong types":     {"/invocations", "application/json", `{"dataframe_records":[{"age":"x","income":1,"city":"Paris"}]}`, 400, "BAD_REQUEST", []string{"age", "city"}},
		"broken split":    {"/invocations", "application/json", `{"dataframe_split":{"columns":"age","data":[]}}`, 400, "BAD_REQUEST", []string{"columns"}},
		"split twice":     {"/invocations", "application/json", `{"dataframe_split":{"columns":["age","age","income","city"],"data":[[31,99,1,"Rome"]]}}`, 400, "BAD_REQUEST", []string{"age"}},
		"uneven columns":  {"/invocations", "application/json", `{"inputs":{"age":[31],"income":[1,2],"city":["Rome"]}}`, 400, "BAD_REQUEST", []string{"income"}},
		"a scalar column": {"/invocations", "application/json", `{"inputs":{"age":[31],"income":5,"city":["Rome"]}}`, 400, "BAD_REQUEST", []string{"income"}},
		"unknown column":  {"/invocations", "application/json", `{"inputs":{"age":[31],"city":["Rome"],"colour":[1]}}`, 400, "BAD_REQUEST", []string{"colour"}},
		"CSV too narrow":  {"/invocations", "text/csv", "age,city\n31,Rome\n", 400, "BAD_REQUEST", []string{"income", "not there"}},
		"infinite CSV":    {"/invocations", "text/csv", "age,income,city\n31,inf,Rome\n", 400, "BAD_REQUEST", []string{"income"}},
		"bad CSV value":   {"/invocations", "text/csv", "age,income,city\n31,1,Rome\n31,much,Rome\n", 400, "BAD_REQUEST", []string{"income", "row 1"}},
		"ragged CSV":      {"/invocations", "text/csv", "age,income,city\n31,2500\n", 400, "BAD_REQUEST", nil},
		"empty CSV":       {"/invocations", "text/csv", "", 400, "BAD_REQUEST", nil},
		"headed CSV":      {"/invocations", "text/csv", "age,income,city\n", 400, "BAD_REQUEST", nil},
		"XML":             {"/invocations", "application/xml", `<a/>`, 415, "BAD_REQUEST", []string{"text/csv"}},
		"no type":         {"/invocations", "", `{}`, 415, "BAD_REQUEST", nil},
		"latin":           {"/invocations", "application/json; charset=latin-1", `{}`, 415, "BAD_REQUEST", nil},
		"not JSON":        {"/invocations", "application/json", `{"instances":[NaN]}`, 400, "BAD_REQUEST", []string{"NaN"}},
		"unknown model":   {"/endpoints/none/invocations", "application/json", `{"instances":[{}]}`, 404, "RESOURCE_DOES_NOT_EXIST", []string{"none"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.send("POST", c.path, w.Keys.Predict, strings.NewReader(c.body), "Content-Type: "+c.contentType)
			a.T = t
			mlflowError(t, a, c.status, c.code, c.words...)
		})
	}
	mlflowError(t, w.send("POST", "/invocations", "", strings.NewReader(`{}`)), http.StatusUnauthorized, "UNAUTHENTICATED")
	mlflowError(t, w.send("POST", "/invocations", "no-such-key", strings.NewReader(`{}`)), http.StatusUnauthorized, "UNAUTHENTICATED")
	mlflowError(t, w.send("PUT", "/invocations", w.Keys.Predict, strings.NewReader(`{}`)), http.StatusMethodNotAllowed, "BAD_REQUEST")
	mlflowError(t, w.send("POST", "/invocations", w.Keys.Predict, strings.NewReader(strings.Repeat(" ", 5<<20+1)), "Content-Type: application/json"), http.StatusRequestEntityTooLarge, "BAD_REQUEST")
	mlflowError(t, empty(t).post("/invocations", `{"instances":[{}]}`), http.StatusServiceUnavailable, "TEMPORARILY_UNAVAILABLE")
}

func TestKServe(t *testing.T) {
	w := loans(t)
	if m := w.get("/v1/models").is(http.StatusOK).tree(); fmt.Sprint(m) != "map[models:[loan]]" {
		t.Errorf("%v", m)
	}
	if m := w.get("/v1/models/loan").is(http.StatusOK).tree(); m["name"] != "loan" || m["ready"] != true {
		t.Errorf("%v", m)
	}
	body := `{"instances":[{"age":31,"income":2500,"city":"Rome"},{"age":60,"income":null,"city":"Oslo"}]}`
	p := w.post("/v1/models/loan:predict", body).is(http.StatusOK).tree()
	if list := p["predictions"].([]any); len(list) != 2 || p["explanations"] != nil {
		t.Errorf("%v", p)
	}
	bare := w.send("POST", "/v1/models/loan:predict", w.Keys.Predict, strings.NewReader(body)).is(http.StatusOK).tree() // KServe's clients send no content type
	if fmt.Sprint(bare["predictions"]) != fmt.Sprint(p["predictions"]) {
		t.Errorf("%v", bare)
	}
	e := w.post("/v1/models/loan:explain", body).is(http.StatusOK).tree()
	explanations, _ := e["explanations"].([]any)
	if len(e["predictions"].([]any)) != 2 || len(explanations) != 2 || explanations[0] == nil {
		t.Errorf("%v", e)
	}
	v2Error(t, w.post("/v1/models/none:predict", body), http.StatusNotFound, "none")
	v2Error(t, w.post("/v1/models/loan:paint", body), http.StatusNotFound)
	v2Error(t, w.post("/v1/models/loan", body), http.StatusNotFound)
	v2Error(t, w.get("/v1/models/none"), http.StatusNotFound)
	v2Error(t, w.post("/v1/models/loan:predict", `{"instances":[{"age":"x","income":1,"city":"Rome"}]}`), http.StatusBadRequest, "age", "wrong_type")
}
