package audit

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"mlops/shared/fault"
)

func export(t testing.TB, entries []Entry) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteExport(&b, entries); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestExportReadsBack(t *testing.T) {
	all, head := chain(200) // more than the writer's buffer
	text := export(t, all)
	for name, r := range map[string]io.Reader{"at once": strings.NewReader(text), "by the byte": iotest.OneByteReader(strings.NewReader(text)),
		"with its end": iotest.DataErrReader(strings.NewReader(text))} {
		got, err := ReadExport(r)
		if err != nil || !reflect.DeepEqual(got, all) {
			t.Errorf("%s: %d entries, %v", name, len(got), err)
		}
	}
	if h, err := VerifyExport(strings.NewReader(text)); err != nil || h != head {
		t.Errorf("%v, %v", h, err)
	}
	if got, err := ReadExport(strings.NewReader("")); err != nil || got != nil {
		t.Errorf("an empty export: %v, %v", got, err)
	}
}

func TestReadExportRefuses(t *testing.T) {
	all, _ := chain(2)
	text := export(t, all)
	first, second, _ := strings.Cut(text, "\n")
	for name, c := range map[string]struct {
		line string // in place of the second
		code string
	}{
		"not JSON":               {"hello\n", "malformed"},
		"empty line":             {"\n" + second, "malformed"},
		"another shape":          {"[]\n", "malformed"},
		"null":                   {"null\n", "not_canonical"},
		"white space":            {" " + second, "not_canonical"},
		"carriage return":        {strings.TrimSuffix(second, "\n") + "\r\n", "not_canonical"},
		"no line feed":           {strings.TrimSuffix(second, "\n"), "cut_off"},
		"unknown key":            {`{"a":1,` + second[1:], "not_canonical"},
		"repeated key":           {strings.Replace(second, `"to":2`, `"to":7,"to":2`, 1), "not_canonical"},
		"key in another case":    {strings.Replace(second, `"to"`, `"TO"`, 1), "not_canonical"},
		"missing key":            {strings.Replace(second, `,"to":2`, "", 1), "not_canonical"},
		"order of keys":          {strings.Replace(second, `"schema":1,"seq":2`, `"seq":2,"schema":1`, 1), "not_canonical"},
		"float":                  {strings.Replace(second, `"to":2`, `"to":2.0`, 1), "malformed"},
		"minus zero":             {strings.Replace(second, `"from":1`, `"from":-0`, 1), "not_canonical"},
		"time without decimals":  {strings.Replace(second, ".000Z", "Z", 1), "not_canonical"},
		"time in another zone":   {strings.Replace(second, ".000Z", ".000+00:00", 1), "not_canonical"},
		"time with more digits":  {strings.Replace(second, ".000Z", ".000000001Z", 1), "not_canonical"},
		"needless escape":        {strings.Replace(second, "heart", `\u0068eart`, 1), "not_canonical"},
		"long as a book":         {strings.Repeat("x", MaxLine) + "\n", fault.CodeTooLarge},
		"nested as deep as it's": {strings.Repeat("[", 20000) + "\n", "malformed"},
	} {
		got, err := ReadExport(strings.NewReader(first + "\n" + c.line))
		d := fault.Details(err)
		if !fault.Is(err, fault.Invalid) || len(d) == 0 || d[0].Code != c.code || *d[0].Row != 2 || len(got) != 1 {
			t.Errorf("%s: %d entries, %v, want %s in row 2", name, len(got), err, c.code)
		}
		if h, err := VerifyExport(strings.NewReader(first + "\n" + c.line)); brokenAt(err) != 2 || h.Seq != 1 {
			t.Errorf("%s: %v, %v, want it broken at entry 2", name, h, err)
		}
	}
	if refused, err := scan(strings.NewReader(text), 1, func(Entry) error { return nil }); err != nil || !fault.Is(refused, fault.Invalid) || refused.Code != fault.CodeTooLarge {
		t.Errorf("an entry beyond the limit: %v, %v", refused, err)
	}
	if refused, err := scan(strings.NewReader(text), 2, func(Entry) error { return nil }); err != nil || refused != nil {
		t.Errorf("entries up to the limit: %v, %v", refused, err)
	}
}

// failing writes or reads n bytes and then fails.
type failing struct{ n int }

var errDisk = fault.Unavailablef("disk is gone")

func (f *failing) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

func TestExportPassesErrorsOn(t *testing.T) {
	all, _ := chain(200)
	text := export(t, all)
	for _, n := range []int{0, MaxLine, len(text) - 1} {
		if err := WriteExport(&failing{n}, all); !errors.Is(err, errDisk) || !fault.Is(err, fault.Unavailable) {
			t.Errorf("disk full after %d bytes: %v", n, err)
		}
	}
	if err := WriteExport(&failing{len(text)}, all); err != nil {
		t.Error(err)
	}
	for _, bad := range []error{errDisk, fault.Invalidf("a body that is too large")} { // neither is the ledger's fault
		r := io.MultiReader(strings.NewReader(text), iotest.ErrReader(bad))
		if h, err := VerifyExport(r); !errors.Is(err, bad) || brokenAt(err) != -1 || h.Seq != 200 {
			t.Errorf("got %v, %v, want %v", h, err, bad)
		}
	}
	stop := errors.New("enough")
	if err := ScanExport(strings.NewReader(text), func(Entry) error { return stop }); err != stop {
		t.Errorf("got %v", err)
	}
}

// FuzzReadExport: whatever is accepted is written again to the byte, and nothing panics.
func FuzzReadExport(f *testing.F) {
	all, _ := chain(3)
	text := export(f, all)
	f.Add([]byte(text))
	f.Add([]byte(strings.Replace(text, `"to":2`, `"to":2,"TO":3`, 1)))
	f.Add([]byte("null\n"))
	f.Add([]byte(text[:len(text)-1]))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ReadExport(bytes.NewReader(b))
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
		again := export(t, got)
		if !strings.HasPrefix(string(b), again) || err == nil && again != string(b) {
			t.Fatalf("accepted %q, which is spelt %q", b, again)
		}
		h, verr := VerifyExport(bytes.NewReader(b))
		if brokenAt(verr) < 0 || err != nil && verr == nil || int(h.Seq) > len(got) {
			t.Fatalf("%v, %v", h, verr)
		}
		if verr == nil && VerifyTo(got, h) != nil {
			t.Fatal("the two verifiers disagree")
		}
	})
}
