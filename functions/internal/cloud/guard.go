package cloud

import (
	"net/http"
	"os"

	"mlops/functions/internal/door"
	"mlops/functions/internal/idempotency"
	"mlops/shared/fault"
	"mlops/shared/platform/start"
	"mlops/shared/topology"
)

// Guard lets requests through to the routes that the topology gives the function, as far as API Gateway has established who asks: a key of
// the usage plan opens the predict routes, IAM or an authorizer every one. A gateway that was set up without them opens nothing but the
// public routes. Answers to requests with an idempotency key are kept by once.
func Guard(spec topology.Spec, probe string, once *idempotency.Keeper, next http.Handler) http.Handler {
	mux := http.NewServeMux()
	for _, route := range spec.Routes {
		next := once.Guard(spec, route, next)
		mux.HandleFunc(route.Method+" "+route.Path, func(w http.ResponseWriter, r *http.Request) {
			caller, err := callerOf(r, route.Scope, probe)
			if err == nil && r.ContentLength > route.Body {
				err = door.TooLarge(r.ContentLength, route.Body)
			}
			if err != nil {
				door.Fail(w, r, door.SurfaceOf(r), err)
				return
			}
			next.ServeHTTP(w, r.WithContext(door.WithCaller(r.Context(), caller)))
			if w.Header().Get(idempotency.Replayed) != "" {
				start.Count(r.Context(), "IdempotentReplay", 1)
			}
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := start.IdentityOf(r.Context()).RequestID
		r = r.WithContext(door.WithRequest(r.Context(), id))
		w.Header().Set("X-Request-Id", id)
		if _, pattern := mux.Handler(r); pattern == "" {
			door.Fail(w, r, door.SurfaceOf(r), fault.NotFoundf("there is nothing for %s at %.200s", r.Method, r.URL.Path))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// callerOf is who asks, if they may.
func callerOf(r *http.Request, want topology.Scope, probe string) (door.Caller, error) {
	id := start.IdentityOf(r.Context())
	switch {
	case want == topology.Public:
		return door.Caller{ID: "public", Scope: topology.Public}, nil
	case id.Principal != "":
		return door.Caller{ID: id.Principal, Scope: want}, nil
	case want == topology.PredictScope && id.KeyID != "":
		return door.Caller{ID: "key/" + id.KeyID, Scope: want, Probe: probe != "" && id.KeyID == probe}, nil
	case os.Getenv("AWS_SAM_LOCAL") == "true": // sam local start-api has no keys
		return door.Caller{ID: "sam-local", Scope: want}, nil
	case id.KeyID != "":
		return door.Caller{}, fault.Deniedf("an API key opens the predict routes; this door needs %s", want)
	}
	return door.Caller{}, fault.Deniedf("this door needs a key: send it as x-api-key").WithCode(fault.CodeUnauthenticated)
}
