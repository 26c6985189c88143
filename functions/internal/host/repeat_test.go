package host

import (
	"bytes"
	"net/http"
	"testing"

	"mlops/functions/internal/idempotency"
	"mlops/functions/internal/job"
	"mlops/shared/audit"
	"mlops/shared/registry"
)

// TestRepeat: what a client repeats with its key happens once, through the platform's own doors; without a key nothing is different.
func TestRepeat(t *testing.T) {
	w := retrained(t)
	keyed := idempotency.Header + ": 7f1c0c9e-repeat"
	twice := func(what string, ask func(headers ...string) answer, status int) answer {
		t.Helper()
		first, again := ask(keyed).is(status), ask(keyed).is(status)
		if !bytes.Equal(first.body, again.body) || first.header.Get(idempotency.Replayed) != "" || again.header.Get(idempotency.Replayed) != "true" ||
			again.header.Get("Content-Type") != "application/json" || first.header.Get("X-Request-Id") == again.header.Get("X-Request-Id") {
			t.Errorf("%s: %s %v, then %s %v", what, first.body, first.header, again.body, again.header)
		}
		return first
	}
	post := func(path, body string) func(...string) answer {
		return func(headers ...string) answer { return w.post(path, body, headers...) }
	}
	id := twice("predict", post("/predict", `{"age":31,"income":2500,"city":"Rome"}`), http.StatusOK).tree()["inference_id"]
	if other := w.post("/predict", ana()).is(http.StatusOK).tree()["inference_id"]; other == id {
		t.Error("without a key the answer is that of another request")
	}
	w.send("POST", "/predict", w.Keys.Predict, bytes.NewReader([]byte(`{"age":50,"income":2500,"city":"Oslo"}`)), keyed).is(http.StatusOK) // another caller's key
	problems(t, w.post("/predict", `{"age":50,"income":2500,"city":"Oslo"}`, keyed).is(http.StatusUnprocessableEntity), "IdempotencyError")
	problems(t, w.post("/predict", ana(), idempotency.Header+": short").is(http.StatusBadRequest), "ValidationError", idempotency.Header+" wrong_format")

	a := twice("train", post("/train", `{"dataset":"loan"}`), http.StatusAccepted)
	if j := w.finish(a); j.Status != job.Succeeded {
		t.Errorf("%+v", j)
	}
	twice("dataset", func(headers ...string) answer {
		return w.send("POST", "/datasets/loan?target=default", w.Keys.Operate, bytes.NewReader(people(320, 1)), append(headers, "Content-Type: text/csv")...)
	}, http.StatusAccepted)
	w.drain()
	w.post("/models/loan/promotions", `{"version":"2","reason":"test","force":true}`).is(http.StatusAccepted)
	w.drain()
	twice("rollback", post("/models/loan/rollback", `{"to":"previous","reason":"it is worse"}`), http.StatusOK)
	if v, _, _ := w.state("loan").At(registry.Champion); v.Number != 1 || count(w.entries("loan"), audit.AliasRolledBack) != 1 {
		t.Errorf("version %d serves, %d rollbacks", v.Number, count(w.entries("loan"), audit.AliasRolledBack))
	}
	w.sound("loan")
}
