package local

import (
	"strings"
	"testing"
	"time"
)

// FuzzMail: what Send takes List gives back, letter for letter; what it does not take is no file.
func FuzzMail(f *testing.F) {
	f.Add("anna@example.com", "[mlops] Approve?", "body\n\nwith: lines\n", "01JD")
	f.Add("a@b.c\nBcc: d@e.f", "s", "", "1")
	f.Add("a@b.c", "Date: x", "To: other@b.c\n", "x-y_z.1")
	f.Add("a@b.c", "s\r\n\r\n", "\xff", "../../etc")
	files, err := openFolder(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	now := newClock().now
	f.Fuzz(func(t *testing.T, to, subject, body, id string) {
		m := &Mails{files, now}
		want := Mail{To: to, Subject: subject, Body: body, ID: id, At: now()}
		err := m.Send(background, want)
		name := id + "-" + to + ".txt"
		if err != nil {
			return
		}
		if strings.ContainsAny(name, "/\n\x00") {
			t.Fatalf("accepted the name %q", name)
		}
		got, err := m.read(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := files.root.Remove(name); err != nil { // so that the next of this name is not this one
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("got %+v; want %+v", got, want)
		}
	})
}

// FuzzParseMail: whatever lies in the folder, reading it ends well.
func FuzzParseMail(f *testing.F) {
	f.Add("To: a@b.c\nSubject: s\nDate: 2026-11-22T09:00:00Z\nMessage-ID: <1@mlops>\n\nbody")
	f.Add("To: a@b.c\nDate: yesterday\n\n")
	f.Add("\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		if m := parseMail(text); m != (Mail{}) && (m.To == "" || m.ID == "" || m.At.Equal(time.Time{})) {
			t.Errorf("half a mail %+v", m)
		}
	})
}
