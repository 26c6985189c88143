package host

import (
	"net/http"
	"strings"
	"testing"

	"mlops/shared/topology"
)

// TestScopes asks every route of the topology with no key, a wrong one, and one of the other scope. A route added later is asked as well.
func TestScopes(t *testing.T) {
	w := loans(t)
	keyless := map[string]bool{"GET /health": true, "GET /live": true, "GET /ready": true, "GET /ping": true, "GET /version": true,
		"GET /v2/health/live": true, "GET /v2/health/ready": true, "GET /approvals/{id}": true, "POST /approvals/{id}": true}
	fill := strings.NewReplacer("{name}", "loan", "{m}", "loan", "{v}", "1", "{id}", "x", "{proxy...}", "models/loan:predict", "{page...}", "")
	before := len(w.entries("loan"))
	routes := 0
	for _, spec := range topology.Functions {
		for _, route := range spec.Routes {
			routes++
			name := route.Method + " " + route.Path
			ask := func(key string, headers ...string) int {
				t.Helper()
				a := w.send(route.Method, fill.Replace(route.Path), key, strings.NewReader(""), headers...)
				if a.status >= 500 && !(spec.Name == topology.Validate && a.status == http.StatusServiceUnavailable) {
					t.Errorf("%s: %d %s", name, a.status, a.body)
				}
				return a.status
			}
			if keyless[name] != (route.Scope == topology.Public) {
				t.Errorf("%s has the scope %s", name, route.Scope)
			}
			switch route.Scope {
			case topology.Public:
				if s := ask(""); s == http.StatusUnauthorized {
					t.Errorf("%s asks for a key", name)
				}
				continue
			case topology.Session:
				for _, key := range []string{"", w.Keys.Predict, w.Keys.Operate} {
					if s := ask(key); s != http.StatusUnauthorized {
						t.Errorf("%s without signing in: %d", name, s)
					}
				}
				continue
			}
			for key, headers := range map[string][]string{"": nil, "wrong": nil, w.Keys.Operate + "0": nil, w.Keys.Operate[1:]: nil} {
				if s := ask(key, headers...); s != http.StatusUnauthorized {
					t.Errorf("%s with the key %q: %d", name, key, s)
				}
			}
			for _, header := range []string{"Authorization: Bearer ", "Authorization: Bearer wrong", "Authorization: Basic " + w.Keys.Operate, "Authorization: " + w.Keys.Operate} {
				if s := ask("", header); s != http.StatusUnauthorized {
					t.Errorf("%s with %q: %d", name, header, s)
				}
			}
			wantPredict := route.Scope != topology.PredictScope
			for _, key := range []string{w.Keys.Predict, w.Keys.Probe} {
				if s := ask(key); (s == http.StatusForbidden) != wantPredict || s == http.StatusUnauthorized {
					t.Errorf("%s with a predict key: %d", name, s)
				}
			}
			for _, header := range []string{"X-Api-Key: " + w.Keys.Operate, "Authorization: Bearer " + w.Keys.Operate, "Authorization: bearer " + w.Keys.Operate} {
				if s := ask("", header); s == http.StatusUnauthorized || s == http.StatusForbidden {
					t.Errorf("%s with the operate key: %d", name, s)
				}
			}
		}
	}
	if routes < 50 {
		t.Errorf("only %d routes", routes)
	}
	w.drain()
	for _, e := range w.entries("loan")[before:] {
		if e.Actor.ID == "client" || e.Actor.ID == "public" {
			t.Errorf("without the key for it: %+v", e)
		}
	}
	// Keys are not the same, and the platform's own opens no door of the operator.
	if w.Keys.Operate == w.Keys.Predict || w.Keys.Probe == w.Keys.Operate || len(w.Keys.Operate) < 32 {
		t.Error("the keys are not of their own, or short")
	}
}
