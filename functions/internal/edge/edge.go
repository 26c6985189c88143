// Package edge is the front door of one machine, what API Gateway is in the cloud: it routes by the topology, checks keys and scopes, bounds
// bodies, gives each request an id, and lets nothing panic at a user.
package edge

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"mlops/functions/internal/door"
	"mlops/functions/internal/idempotency"
	"mlops/shared/fault"
	"mlops/shared/topology"
)

// Keys are what opens the doors. They are compared by digest, in constant time.
type Keys struct {
	Predict string
	Operate string
	Probe   string // the platform's own, for golden rows
	Session []byte // signs the dashboard's cookie
}

// Edge routes requests to the functions' handlers.
type Edge struct {
	Keys  Keys
	Now   func() time.Time
	NewID func() string
	Log   *slog.Logger
	Once  *idempotency.Keeper // nil: keys are not looked at

	Uploads http.Handler // takes PUT /uploads/{dataset}/{id}, which carries its own signature, as a bucket does in the cloud; nil = nothing does

	mu     sync.Mutex
	signIn map[string]time.Time // one-time codes and when they end
}

// signInLife is how long a printed sign-in link works; sessionLife how long it opens the dashboard.
const (
	signInLife  = 24 * time.Hour
	sessionLife = 12 * time.Hour
	cookie      = "mlops_session"
)

// Handler joins the functions' handlers by the routes of the topology. Every route must have its function's handler.
func (e *Edge) Handler(functions map[topology.Function]http.Handler) (http.Handler, error) {
	mux := http.NewServeMux()
	for _, spec := range topology.Functions {
		h := functions[spec.Name]
		if h == nil && len(spec.Routes) > 0 {
			return nil, fmt.Errorf("wire the routes of %s: it has no handler", spec.Name)
		}
		for _, r := range spec.Routes {
			mux.Handle(r.Method+" "+r.Path, e.guard(r, e.Once.Guard(spec, r, h)))
		}
	}
	mux.HandleFunc("GET /dashboard/sign-in", e.session)
	if e.Uploads != nil {
		mux.Handle("PUT /uploads/{dataset}/{id}", e.Uploads)
	}
	mux.Handle("GET /{$}", http.RedirectHandler("dashboard/", http.StatusFound))
	return e.frame(mux), nil
}

// frame is around everything: id, recovery, and errors of the mux itself in the plain shape.
func (e *Edge) frame(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := e.NewID()
		r = r.WithContext(door.WithRequest(r.Context(), id))
		w.Header().Set("X-Request-Id", id)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				e.Log.Error("a handler panicked", "request_id", id, "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				door.Fail(w, r, door.SurfaceOf(r), fault.New(fault.Internal, "panic"))
			}
		}()
		if _, pattern := mux.Handler(r); pattern == "" {
			e.unrouted(w, r, mux)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// unrouted answers what no route takes: 405 with Allow where another method would do, else 404.
func (e *Edge) unrouted(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	var allow []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
		probe := *r
		probe.Method = m
		if _, pattern := mux.Handler(&probe); pattern != "" {
			allow = append(allow, m)
		}
	}
	if len(allow) > 0 {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		door.Fail(w, r, door.SurfaceOf(r), fault.Invalidf("%.20s is not taken here: %s", r.Method, strings.Join(allow, " or ")).WithCode(door.CodeMethod))
		return
	}
	door.Fail(w, r, door.SurfaceOf(r), fault.NotFoundf("there is nothing at %.200s", r.URL.Path))
}

// guard lets in who may come in.
func (e *Edge) guard(route topology.Route, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var caller door.Caller
		var err error
		switch route.Scope {
		case topology.Public:
			caller = door.Caller{ID: "public", Scope: topology.Public}
		case topology.Session:
			if !e.signedIn(r) {
				e.askToSignIn(w)
				return
			}
			caller = door.Caller{ID: "dashboard", Scope: topology.Session}
		default:
			caller, err = e.caller(r, route.Scope)
		}
		if err == nil && r.ContentLength > route.Body && r.ContentLength > 0 {
			err = door.TooLarge(r.ContentLength, route.Body)
		}
		if err != nil {
			door.Fail(w, r, door.SurfaceOf(r), err)
			return
		}
		if r.Body != nil {
			r.Body = http.MaxBytesReader(w, r.Body, route.Body+1) // the handler sees one byte too many and says 413
		}
		next.ServeHTTP(w, r.WithContext(door.WithCaller(r.Context(), caller)))
	})
}

// caller finds whose key came. An operate key opens predict routes too.
func (e *Edge) caller(r *http.Request, want topology.Scope) (door.Caller, error) {
	key := r.Header.Get("X-Api-Key")
	if key == "" {
		scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if strings.EqualFold(scheme, "Bearer") {
			key = strings.TrimSpace(rest)
		}
	}
	if key == "" {
		return door.Caller{}, fault.Deniedf("this door needs a key: send it as x-api-key, or as Authorization: Bearer").WithCode(fault.CodeUnauthenticated)
	}
	switch {
	case equal(key, e.Keys.Probe):
		return door.Caller{ID: "agent", Scope: topology.PredictScope, Probe: true}, only(want, topology.PredictScope)
	case equal(key, e.Keys.Operate):
		return door.Caller{ID: "operator", Scope: topology.Operate}, nil
	case equal(key, e.Keys.Predict):
		return door.Caller{ID: "client", Scope: topology.PredictScope}, only(want, topology.PredictScope)
	}
	return door.Caller{}, fault.Deniedf("this key is not known here").WithCode(fault.CodeUnauthenticated)
}

func only(want, have topology.Scope) error {
	if want != have {
		return fault.Deniedf("this key has the scope %s; this door needs %s", have, want)
	}
	return nil
}

func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return b != "" && subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// SignIn makes a code that opens the dashboard once.
func (e *Edge) SignIn(code string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.signIn == nil {
		e.signIn = map[string]time.Time{}
	}
	e.signIn[hashed(code)] = e.Now().Add(signInLife)
	return "/dashboard/sign-in?code=" + code
}

func hashed(code string) string {
	sum := sha256.Sum256([]byte(code))
	return hex.EncodeToString(sum[:])
}

// session trades a one-time code for a cookie.
func (e *Edge) session(w http.ResponseWriter, r *http.Request) {
	code := hashed(r.URL.Query().Get("code"))
	e.mu.Lock()
	end, ok := e.signIn[code]
	delete(e.signIn, code)
	e.mu.Unlock()
	if !ok || e.Now().After(end) {
		e.askToSignIn(w)
		return
	}
	until := e.Now().Add(sessionLife).Unix()
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: e.sealed(until), Path: "/dashboard/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: int(sessionLife.Seconds())})
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/dashboard/", http.StatusSeeOther)
}

func (e *Edge) sealed(until int64) string {
	body := strconv.FormatInt(until, 10)
	mac := hmac.New(sha256.New, e.Keys.Session)
	mac.Write([]byte(body))
	return body + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (e *Edge) signedIn(r *http.Request) bool {
	c, err := r.Cookie(cookie)
	if err != nil {
		return false
	}
	body, _, _ := strings.Cut(c.Value, ".")
	until, err := strconv.ParseInt(body, 10, 64)
	return err == nil && e.Now().Unix() < until && hmac.Equal([]byte(c.Value), []byte(e.sealed(until)))
}

func (e *Edge) askToSignIn(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	door.Bytes(w, http.StatusUnauthorized, "text/html; charset=utf-8", []byte("<!doctype html><html lang=en><meta charset=utf-8><title>Sign in</title><body style=\"font:1rem/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem\"><h1>Sign in</h1><p>Open the sign-in link that the server printed when it started. It works once; start the server again for another.</p></body></html>"))
}
