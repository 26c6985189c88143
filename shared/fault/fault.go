// Package fault is the closed set of error kinds that every room speaks, so that one translator at the edge can decide the
// status code, whether to retry, and what a caller may read.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says who can mend a failure. The zero value is Internal: an error that nobody classified is ours, and its text is not shown.
type Kind uint8

// The kinds, from the least to the most specific to the caller.
const (
	Internal    Kind = iota // a defect or a lost invariant: nobody outside can mend it
	Unavailable             // a dependency is down or throttled: the same call may succeed later
	Invalid                 // the input is wrong: the same call will fail again
	NotFound                // the thing named does not exist
	Conflict                // the thing changed, exists already, or was decided already
	Denied                  // the caller may not do this
)

var kindNames = [...]string{"internal", "unavailable", "invalid", "not_found", "conflict", "denied"}

func (k Kind) String() string { return kindNames[k] }

// Codes that refine a kind where the protocol at the edge distinguishes more than the kinds do (HTTP 401, 410, 413, 415, 429).
const (
	CodeUnauthenticated = "unauthenticated"  // Denied: no key, or an unknown one
	CodeExpired         = "expired"          // Conflict: the time to decide is over
	CodeTooLarge        = "too_large"        // Invalid: a limit on size
	CodeUnsupported     = "unsupported_type" // Invalid: a content type that is not read here
	CodeThrottled       = "throttled"        // Unavailable: too many calls
)

// Detail is one problem with one value, in the shape of the plain API's error body.
type Detail struct {
	Field    string `json:"field,omitempty"`    // column, key or flag
	Code     string `json:"code"`               // stable, machine-readable: missing, wrong_type, out_of_range, unknown_category, ..
	Got      any    `json:"got,omitempty"`      // what came, shortened
	Expected string `json:"expected,omitempty"` // what would have been right
	Row      *int   `json:"row,omitempty"`      // 0-based row of a batch, 1-based data row of a file; nil when there is none
}

// Error is a classified failure: what was attempted, on what, and what to do.
type Error struct {
	Kind    Kind
	Code    string // refinement, see the Code constants; "" when the kind says all
	Message string // for people; safe to show for every kind but Internal
	Detail  []Detail
	Err     error // cause, for logs only
}

// Error gives the message, the first problems, and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for i, d := range e.Detail {
		if i == 5 {
			fmt.Fprintf(&b, "; and %d more", len(e.Detail)-i)
			break
		}
		b.WriteString("; ")
		b.WriteString(d.String())
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// String is one problem as one phrase.
func (d Detail) String() string {
	var b strings.Builder
	if d.Field != "" {
		b.WriteString(d.Field + ": ")
	}
	b.WriteString(d.Code)
	if d.Row != nil {
		fmt.Fprintf(&b, " in row %d", *d.Row)
	}
	if d.Got != nil {
		fmt.Fprintf(&b, ", got %v", d.Got)
	}
	if d.Expected != "" {
		b.WriteString(", expected " + d.Expected)
	}
	return b.String()
}

// New makes an error of a kind.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// Invalidf says that the input is wrong; With adds the single problems.
func Invalidf(format string, args ...any) *Error { return New(Invalid, format, args...) }

// NotFoundf says that the thing named does not exist.
func NotFoundf(format string, args ...any) *Error { return New(NotFound, format, args...) }

// Conflictf says that the thing changed, exists already, or was decided already.
func Conflictf(format string, args ...any) *Error { return New(Conflict, format, args...) }

// Deniedf says that the caller may not do this.
func Deniedf(format string, args ...any) *Error { return New(Denied, format, args...) }

// Unavailablef says that a dependency is down or throttled.
func Unavailablef(format string, args ...any) *Error { return New(Unavailable, format, args...) }

// Wrap keeps the kind, code and details of err and says what was being attempted. An unclassified err stays Internal. Wrap(nil) is nil.
func Wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	w := &Error{Kind: KindOf(err), Message: fmt.Sprintf(format, args...), Err: err}
	var e *Error
	if errors.As(err, &e) {
		w.Code = e.Code
	}
	return w
}

// With adds problems and returns e.
func (e *Error) With(d ...Detail) *Error {
	e.Detail = append(e.Detail, d...)
	return e
}

// WithCode refines the kind and returns e.
func (e *Error) WithCode(code string) *Error {
	e.Code = code
	return e
}

// Because records the cause and returns e.
func (e *Error) Because(err error) *Error {
	e.Err = err
	return e
}

// KindOf is the kind of the outermost classified error in err's chain; Internal when none is classified.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// CodeOf is the refinement of the outermost classified error, or "".
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Is reports whether err is of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Details collects the single problems along err's chain, outermost first.
func Details(err error) []Detail {
	var all []Detail
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			break
		}
		all = append(all, e.Detail...)
		err = e.Err
	}
	return all
}

// Row is a convenience for Detail.Row.
func Row(i int) *int { return &i }
