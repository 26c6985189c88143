package local

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mlops/shared/fault"
	"mlops/shared/platform/store"
)

// The limits on a mail; those on the subject and the body are Amazon SNS's (API reference, Publish), so that what is sent here is sent there.
const (
	maxSubject  = 100       // characters
	maxMailBody = 256 << 10 // bytes
	maxMails    = 1000      // listed
)

// Mail is a mail to one person.
type Mail struct {
	To      string    // the address alone
	Subject string    // one line
	Body    string    // plain text
	ID      string    // names the mail for ever: the same ID to the same address is the same mail; a ULID, so that mails sort by time
	At      time.Time // set by Send: when it was first sent
}

// Mails takes mails as files mails/<id>-<to>.txt instead of sending them.
type Mails struct {
	files *folder
	now   func() time.Time
}

var (
	addressForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,62}$`)
	mailIDForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
)

func openMails(dir string, now func() time.Time) (*Mails, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, diskFault(err, "open", dir)
	}
	return &Mails{f, now}, nil
}

// Send writes the mail, durably, unless one of its ID went to its address before: then that one stays as it is, whatever this one says.
// Invalid names everything that is wrong with it.
func (m *Mails) Send(ctx context.Context, mail Mail) error {
	var details []fault.Detail
	bad := func(field string, got any, want string) {
		details = append(details, fault.Detail{Field: field, Code: "invalid", Got: got, Expected: want})
	}
	if !addressForm.MatchString(mail.To) {
		bad("to", fmt.Sprintf("%.80q", mail.To), "a plain address, name@domain")
	}
	if !mailIDForm.MatchString(mail.ID) {
		bad("id", fmt.Sprintf("%.80q", mail.ID), "letters, digits, dots, underscores and hyphens, at most 100")
	}
	if n := utf8.RuneCountInString(mail.Subject); n < 1 || n > maxSubject || strings.ContainsFunc(mail.Subject, unicode.IsControl) || !utf8.ValidString(mail.Subject) {
		bad("subject", fmt.Sprintf("%.120q", mail.Subject), fmt.Sprintf("one line of 1 to %d characters", maxSubject))
	}
	if len(mail.Body) > maxMailBody || !utf8.ValidString(mail.Body) {
		bad("body", len(mail.Body), fmt.Sprintf("at most %d bytes of UTF-8", maxMailBody))
	}
	if details != nil {
		return fault.Invalidf("cannot send the mail").With(details...)
	}
	if err := store.Alive(ctx); err != nil {
		return err
	}
	text := fmt.Sprintf("To: %s\nSubject: %s\nDate: %s\nMessage-ID: <%s@mlops>\n\n%s", mail.To, mail.Subject, m.now().UTC().Format(time.RFC3339Nano), mail.ID, mail.Body)
	name := mail.ID + "-" + mail.To + ".txt"
	err := m.files.create(name, []byte(text))
	if err == nil {
		return nil
	}
	if !errors.Is(err, errExists) {
		return diskFault(err, "send the mail", mail.ID)
	}
	there, err := m.read(name)
	if err != nil {
		return err
	}
	if there.ID != mail.ID || there.To != mail.To { // "a" to "b-c@d" and "a-b" to "c@d" share a name
		return fault.Conflictf("cannot send the mail %s to %s: the file %s holds another", mail.ID, mail.To, name)
	}
	return nil
}

// read gives the mail in a file; the zero Mail when it holds none.
func (m *Mails) read(name string) (Mail, error) {
	text, _, err := m.files.read(name, maxMailBody+4096)
	if err != nil {
		return Mail{}, diskFault(err, "read the mail", name)
	}
	return parseMail(string(text)), nil
}

// List reads the mails, by time of sending and then by name: the last of them, at most maxMails.
func (m *Mails) List(ctx context.Context) ([]Mail, error) {
	if err := store.Alive(ctx); err != nil {
		return nil, err
	}
	names, err := m.files.names(".")
	if err != nil {
		return nil, diskFault(err, "list", "the mails")
	}
	slices.Sort(names)
	names = names[max(0, len(names)-maxMails):]
	var mails []Mail
	for _, name := range names {
		mail, err := m.read(name)
		if err != nil {
			return nil, err
		}
		if mail != (Mail{}) { // else somebody laid another file here
			mails = append(mails, mail)
		}
	}
	slices.SortStableFunc(mails, func(a, b Mail) int { return a.At.Compare(b.At) })
	return mails, nil
}

// parseMail reads what Send writes; the zero Mail when text is something else.
func parseMail(text string) Mail {
	head, body, _ := strings.Cut(text, "\n\n")
	mail := Mail{Body: body}
	for line := range strings.SplitSeq(head, "\n") {
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "To":
			mail.To = value
		case "Subject":
			mail.Subject = value
		case "Date":
			at, err := time.Parse(time.RFC3339Nano, value)
			if err != nil {
				return Mail{}
			}
			mail.At = at
		case "Message-ID":
			mail.ID = strings.TrimSuffix(strings.TrimPrefix(value, "<"), "@mlops>")
		}
	}
	if mail.To == "" || mail.ID == "" || mail.At.IsZero() {
		return Mail{}
	}
	return mail
}
