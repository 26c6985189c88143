package host

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"mlops/functions/internal/job"
	"mlops/shared/audit"
	"mlops/shared/dataset"
	"mlops/shared/fault"
	"mlops/shared/registry"
	"mlops/shared/topology"
)

// wide is a table of n columns and three rows.
func wide(n int) []byte {
	var b bytes.Buffer
	for i := range n - 1 {
		fmt.Fprintf(&b, "c%d,", i)
	}
	b.WriteString("default\n")
	for row := range 3 {
		for range n - 1 {
			b.WriteString("1,")
		}
		fmt.Fprintln(&b, row%2)
	}
	return b.Bytes()
}

// tableOf is rows with the header of people, the last value given by target.
func tableOf(rows int, target func(i int) string) []byte {
	var b bytes.Buffer
	b.WriteString("age,income,city,default\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%d,Rome,%s\n", 20+i%50, 1000+i, target(i))
	}
	return b.Bytes()
}

// TestBadUploads uploads what cannot be trained on, once to an empty platform and once over a model that serves: the job says what is wrong,
// every problem of it, and nothing is half-written.
func TestBadUploads(t *testing.T) {
	good, none := loans(t), empty(t)
	good.Ingest.Limits.FieldBytes, none.Ingest.Limits.FieldBytes = 64<<10, 64<<10
	champion := good.state("loan")
	probability := good.post("/predict", ana()).is(http.StatusOK).tree()["probability"]
	for name, c := range map[string]struct {
		body   []byte
		query  string
		status int      // of the upload itself
		words  []string // in the answer, or in the job
	}{
		"empty":               {nil, "target=default", 400, []string{"empty"}},
		"header only":         {[]byte("age,income,city,default\n"), "target=default", 202, []string{"row"}},
		"ragged":              {[]byte("age,income,city,default\n1,2,Rome,0\n1,2,Rome\n1,2,Rome,0,9\n"), "target=default", 202, []string{"row 2", "row 3"}},
		"a column twice":      {[]byte("age,age,city,city\n1,2,Rome,0\n"), "target=city", 202, []string{"age", "city", "duplicate"}},
		"a column unnamed":    {[]byte("age,,default\n1,2,0\n"), "target=default", 202, []string{"column"}},
		"no such target":      {people(300, 2), "target=fraud", 202, []string{"fraud"}},
		"target constant":     {tableOf(300, func(int) string { return "1" }), "target=default", 202, []string{"default", "constant"}},
		"target all missing":  {tableOf(300, func(int) string { return "" }), "target=default", 202, []string{"default", "missing"}},
		"a class of one row":  {tableOf(300, func(i int) string { return map[bool]string{true: "1", false: "0"}[i == 7] }), "target=default", 202, []string{"default", "1"}},
		"5,001 columns":       {wide(5001), "target=default", 202, []string{"5000"}},
		"a field too long":    {append([]byte("age,income,city,default\n1,2,"), append(bytes.Repeat([]byte("x"), 65<<10), ",0\n"...)...), "target=default", 202, []string{"65536"}},
		"binary garbage":      {[]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\xff\xfe\x00\x01\n\x00,\xff\n"), "target=default", 202, nil},
		"a target of text":    {tableOf(300, func(i int) string { return "x" + fmt.Sprint(i%2) }), "target=default&task=regression", 202, []string{"default"}},
		"an unknown positive": {people(300, 2), "target=default&positive=yes", 202, []string{"yes"}},
		"a broken comparison": {people(300, 2), "target=age%3E", 202, []string{"age"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, w := range []*world{none, good} {
				w = &world{t, w.Host, w.clock, w.dir}
				a := w.send("POST", "/datasets/loan?"+c.query, w.Keys.Operate, bytes.NewReader(c.body), "Content-Type: text/csv").is(c.status)
				text := string(a.body)
				if c.status == http.StatusAccepted {
					j := w.finish(a)
					if j.Status != job.Failed || j.Stage != "rejected" || j.Error == "" {
						t.Errorf("the job: %+v", j)
					}
					text = j.Error + fmt.Sprint(j.Detail)
				}
				for _, word := range c.words {
					if !strings.Contains(text, word) {
						t.Errorf("%q is not named: %.600s", word, text)
					}
				}
				if strings.Contains(text, ".go:") || len(text) > 20_000 {
					t.Errorf("%d bytes: %.300s", len(text), text)
				}
				if _, err := w.State.Store.Verify(background, "loan"); err != nil {
					t.Errorf("the ledger: %v", err)
				}
			}
			if names, err := none.State.Store.Models(background); err != nil || len(names) != 0 {
				t.Errorf("a model came of it: %v, %v", names, err)
			}
			w := &world{t, good.Host, good.clock, good.dir}
			if s := w.state("loan"); fmt.Sprint(s) != fmt.Sprint(champion) {
				t.Errorf("the registry changed: %v", s)
			}
			if p := w.post("/predict", ana()).is(http.StatusOK).tree()["probability"]; p != probability {
				t.Errorf("the champion's answer changed: %v", p)
			}
			w.sound("loan")
		})
	}
	for _, w := range []*world{none, good} {
		for _, bucket := range []string{"processed/loan/"} {
			objects, err := w.State.Data.List(background, bucket, "", 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range objects {
				if !strings.Contains(o.Key, champion.Versions[0].DataVersion) && !strings.HasPrefix(o.Key, bucket+"suite-") { // a suite is proposed before it is asked
					t.Errorf("left behind: %s", o.Key)
				}
			}
		}
		if n := count(w.entries("loan"), audit.ValidateFailed); n != 14 {
			t.Errorf("%d rejections in the ledger", n)
		}
	}
	if j := none.upload("loan", "target=default", people(320, 1)); j.Status != job.Succeeded { // and the name is not burnt
		t.Errorf("%+v", j)
	}
}

// TestPartlyBadUpload loses rows without a target, and keeps them apart.
func TestPartlyBadUpload(t *testing.T) {
	w := empty(t)
	body := append(people(320, 1), "44,2000,Rome,\n45,,Oslo,NA\n"...)
	j := w.upload("loan", "target=default", body)
	if j.Status != job.Succeeded {
		t.Fatalf("%+v", j)
	}
	objects, err := w.State.Data.List(background, "rejected/loan/", "", 10)
	if err != nil || len(objects) != 1 {
		t.Fatalf("%v, %v", objects, err)
	}
	rejected, err := w.State.Data.Get(background, objects[0].Key, 1<<20)
	if err != nil || bytes.Count(rejected, []byte("\n")) != 3 || !bytes.Contains(rejected, []byte("\n321,default,target is missing,")) || !bytes.Contains(rejected, []byte("\n322,default,target is missing,")) {
		t.Errorf("%s, %v", rejected, err)
	}
	if j.Result["rejected"] != objects[0].Key {
		t.Errorf("the job says %v", j.Result)
	}
	mails, err := w.State.Mails.List(background)
	if err != nil || len(mails) != 1 || !strings.Contains(strings.Join(strings.Fields(mails[0].Body), ""), objects[0].Key) || !strings.Contains(mails[0].Subject, "2 rows") {
		t.Errorf("the owner was told %+v, %v", mails, err)
	}
	if j := w.upload("other", "target=fraud", body); j.Status != job.Failed || j.Result["rejected"] != "" { // no row is to blame for a column that is not there
		t.Errorf("%+v", j)
	}
}

// endless is a body without end that counts what was taken of it.
type endless struct {
	head  string
	taken int
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.head)
	e.head = e.head[n:]
	for ; n < len(b); n++ {
		b[n] = 'x'
	}
	e.taken += len(b)
	return len(b), nil
}

// TestBadRequests has one bad request a case: its status, and every problem of it.
func TestBadRequests(t *testing.T) {
	w := loans(t)
	before := w.state("loan")
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for name, c := range map[string]struct {
		path, body string
		status     int
		problems   []string
	}{
		"wrong types":          {"/predict", `{"age":"old","income":[1],"city":{"x":1}}`, 400, []string{"age wrong_type", "income wrong_type", "city wrong_type"}},
		"unknown category":     {"/predict", `{"age":31,"income":2500,"city":"Paris"}`, 400, []string{"city unknown_category"}},
		"everything at once":   {"/predict", `{"age":"x","city":"Paris","colour":"red","Income":2}`, 400, []string{"age wrong_type", "city unknown_category", "colour unknown_field", "Income unknown_field"}},
		"missing feature":      {"/predict", `{"income":1}`, 400, []string{"age missing", "city missing"}},
		"NaN":                  {"/predict", `{"age":NaN,"income":1,"city":"Rome"}`, 400, []string{"non_finite"}},
		"Infinity":             {"/predict", `{"age":31,"income":-Infinity,"city":"Rome"}`, 400, []string{"non_finite"}},
		"a number too great":   {"/predict", `{"age":1e999,"income":1,"city":"Rome"}`, 400, []string{"age non_finite"}},
		"NaN as text":          {"/predict", `{"age":"Infinity","income":1,"city":"Rome"}`, 400, []string{"age wrong_type"}},
		"duplicate keys":       {"/predict", `{"age":31,"age":60,"income":1,"city":"Rome","city":"Oslo"}`, 400, []string{"age duplicate_key", "city duplicate_key"}},
		"duplicate keys, deep": {"/predict/batch", `{"samples":[{"age":31,"income":1,"city":"Rome"},{"age":31,"age":60,"income":1,"city":"Rome"}]}`, 400, []string{"samples.age duplicate_key"}},
		"keys in two cases":    {"/feedback", `{"feedback":[],"FEEDBACK":[]}`, 400, []string{"FEEDBACK unknown_field"}},
		"an array":             {"/predict", `[1]`, 400, []string{"wrong_type"}},
		"no JSON":              {"/predict", `age=31`, 400, nil},
		"nothing":              {"/predict", ``, 400, nil},
		"half":                 {"/predict", `{"age":31,`, 400, nil},
		"two values":           {"/predict", `{"age":31}{"age":32}`, 400, nil},
		"too deep":             {"/predict", deep, 400, nil},
		"not UTF-8":            {"/predict", "{\"age\":31,\"city\":\"\xff\"}", 400, nil},
		"features is text":     {"/predict", `{"features":"age"}`, 400, []string{"age missing", "city missing", "features unknown_field"}},
		"unknown model":        {"/predict?model=none", `{"age":31}`, 404, nil},
		"unknown model, batch": {"/predict/batch", `{"model":"none","samples":[{"age":31}]}`, 404, nil},
		"strange model":        {"/predict?model=..%2F..%2Fetc", `{"age":31}`, 404, nil},
		"no samples":           {"/predict/batch", `{"samples":[]}`, 400, []string{"samples wrong_type"}},
		"samples of numbers":   {"/predict/batch", `{"samples":[1,{"age":31,"income":1,"city":"Rome"},null]}`, 400, []string{"samples wrong_type 0", "samples wrong_type 2"}},
		"a batch with more":    {"/predict/batch", `{"samples":[{"age":31,"income":1,"city":"Rome"}],"mode":"fast"}`, 400, []string{"mode unknown_field"}},
		"1,001 samples":        {"/predict/batch", `{"samples":[` + strings.TrimSuffix(strings.Repeat(`{},`, 1001), ",") + `]}`, 413, nil},
		"path unknown":         {"/predictt", `{}`, 404, nil},
		"a switch misspelt":    {"/models/loan/switch", `{"Kill":true,"reason":"x","dryrun":true}`, 400, []string{"Kill unknown_field", "dryrun unknown_field"}},
		"a promotion twice":    {"/models/loan/promotions", `{"version":"1","version":"2","reason":"x"}`, 400, []string{"version duplicate_key"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.post(c.path, c.body)
			a.T = t
			a.is(c.status)
			problems(t, a, map[int]string{400: "ValidationError", 404: "NotFound", 413: "TooLarge"}[c.status], c.problems...)
		})
	}
	problems(t, w.send("POST", "/predict", w.Keys.Predict, strings.NewReader(`{}`), "Content-Type: text/xml").is(415), "UnsupportedMediaType")
	problems(t, w.send("POST", "/predict", w.Keys.Predict, strings.NewReader(`{}`), "Content-Type: application/json; charset=utf-16").is(415), "UnsupportedMediaType")
	for method, paths := range map[string][]string{"GET": {"/predict", "/feedback", "/models/loan/rollback", "/datasets/loan"}, "DELETE": {"/predict", "/models/loan/history", "/predictions/x", "/health"}, "PUT": {"/predict"}, "POST": {"/health", "/metrics"}} {
		for _, path := range paths {
			a := w.send(method, path, w.Keys.Operate, nil).is(http.StatusMethodNotAllowed)
			problems(t, a, "MethodNotAllowed")
			if a.header.Get("Allow") == "" {
				t.Errorf("%s %s: no Allow", method, path)
			}
		}
	}
	if fmt.Sprint(w.state("loan")) != fmt.Sprint(before) {
		t.Errorf("the registry changed: %v", w.state("loan"))
	}
	w.post("/predict", ana()).is(http.StatusOK)
	w.sound("loan")
}

// TestBodyLimits sends to every route with a body one byte more than it takes, once announced and once in chunks of unknown length, and to
// some a body that never ends.
func TestBodyLimits(t *testing.T) {
	w := loans(t)
	fill := strings.NewReplacer("{name}", "loan", "{m}", "loan", "{v}", "1", "{id}", "x", "{proxy...}", "models/loan:predict")
	big := bytes.Repeat([]byte(" "), int(topology.UploadBody)+1)
	for _, spec := range topology.Functions {
		for _, route := range spec.Routes {
			if route.Method == "GET" || route.Path == "/v2/repository/index" || route.Path == "/datasets/{name}/upload-url" {
				continue // the last two do not look at the body
			}
			for announced, body := range map[string]io.Reader{"announced": bytes.NewReader(big[:route.Body+1]), "chunked": io.MultiReader(bytes.NewReader(big[:route.Body+1]))} {
				a := w.send(route.Method, fill.Replace(route.Path), w.Keys.Operate, body, "Content-Type: application/json")
				if a.status != http.StatusRequestEntityTooLarge {
					t.Errorf("%s %s with %d bytes, %s: %d %.200s", route.Method, route.Path, route.Body+1, announced, a.status, a.body)
				}
			}
		}
	}
	for _, path := range []string{"/predict", "/predict/batch", "/datasets/loan"} {
		for _, head := range []string{`{"city":"`, "age,income,city,default\n1,2,"} { // a field of a hundred megabytes, and more
			e := &endless{head: head}
			w.send("POST", path, w.Keys.Operate, e, "Content-Type: application/json").is(http.StatusRequestEntityTooLarge)
			if e.taken > 8<<20 {
				t.Errorf("%s read %d bytes of a body without end", path, e.taken)
			}
		}
	}
	if v, _, _ := w.state("loan").At(registry.Champion); v.Number != 1 {
		t.Errorf("version %d serves", v.Number)
	}
	w.post("/predict", ana()).is(http.StatusOK)

	e := &endless{head: "age,income,city,default\n1,2,"} // a file may be as large as it likes; a field of it may not
	if _, err := dataset.ReadCSV(io.LimitReader(e, 100<<20), dataset.Options{}); !fault.Is(err, fault.Invalid) || e.taken > 8<<20 {
		t.Errorf("after %d bytes of one field: %v", e.taken, err)
	}
}
