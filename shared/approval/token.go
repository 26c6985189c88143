package approval

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"mlops/shared/fault"
)

// Sizes of a token and of the key that signs it.
const (
	MaxToken = 1024 // bytes: fits a mail's link and, as a message, KMS's 4,096
	MinKey   = 32   // bytes: as long as the hash, below which RFC 2104 section 3 discourages keys
)

// Claims is what a link says: this approver may vote on this request, as long as it is about this plan and this artefact.
type Claims struct {
	Request       string    // the request's id
	Approver      string    // the one person who may use it
	Model         string    //
	From, To      int       // versions, as in the request
	SubjectSHA256 string    // of the artefact that would serve
	PlanSHA256    string    // of the plan
	IssuedAt      time.Time // whole seconds, UTC
	ExpiresAt     time.Time // whole seconds, UTC
	Nonce         string    // 128 random bits as 32 lower-case hex digits: no two links are alike
}

// payload is the JSON of a token. Its keys are short because it travels in a link; iat, exp and jti mean what they do in a JWT (RFC 7519).
type payload struct {
	Request   string `json:"req"`
	Approver  string `json:"by"`
	Model     string `json:"model"`
	From      int    `json:"from"`
	To        int    `json:"to"`
	Subject   string `json:"sub"`
	Plan      string `json:"plan"`
	IssuedAt  int64  `json:"iat"` // Unix seconds
	ExpiresAt int64  `json:"exp"` // Unix seconds
	Nonce     string `json:"jti"`
}

const version = "v1"

// Mint makes the token of a link:
//
//	v1.<kid>.<base64url of the claims' JSON>.<base64url of the MAC over all before the last dot>
//
// kid names the key, so that keys can be replaced while links are out; it and the version are under the MAC. base64url is RFC 4648
// section 5 without padding. mac computes the MAC (KMS, or HMAC here). Parts of seconds in the claims' times are dropped. Errors:
// fault.Invalid naming every bad claim, or that the token would be longer than MaxToken; what mac returns, wrapped.
func Mint(c Claims, kid string, mac func(msg []byte) ([]byte, error)) (string, error) {
	c.IssuedAt, c.ExpiresAt = c.IssuedAt.Truncate(time.Second), c.ExpiresAt.Truncate(time.Second)
	bad := c.problems()
	bad.check(validKid(kid), "kid", "invalid_name", kid, nameRule+", without a dot")
	if err := bad.err("cannot make the link for %q to request %q", cut(c.Approver, maxPerson), cut(c.Request, maxName)); err != nil {
		return "", err
	}
	p := payload{c.Request, c.Approver, c.Model, c.From, c.To, c.SubjectSHA256, c.PlanSHA256, c.IssuedAt.Unix(), c.ExpiresAt.Unix(), c.Nonce}
	msg := version + "." + kid + "." + encode(p.json())
	sum, err := mac([]byte(msg))
	if err != nil {
		return "", fault.Wrap(err, "sign the link for %s to request %s", c.Approver, c.Request)
	}
	token := msg + "." + encode(sum)
	if len(token) > MaxToken {
		return "", fault.Invalidf("the link for %s to request %s would be longer than %d bytes: use a shorter address", c.Approver, c.Request, MaxToken)
	}
	return token, nil
}

// Parse checks a token and gives its claims. Nothing is read before verify has accepted the MAC, and there is one spelling of every token:
// base64 with stray bits, padding or line breaks, and JSON with repeated, unknown or differently written keys, are refused even when
// signed. The clock is Check's concern. Errors: fault.Denied, the same text whatever is wrong (the cause is for logs); fault.Unavailable
// when verify says so.
func Parse(token string, verify func(kid string, msg, mac []byte) error) (Claims, error) {
	denied := func(cause error) (Claims, error) {
		return Claims{}, fault.Deniedf("this link is not valid; nothing was decided: use the link of the newest mail as a whole, or ask for a new one").Because(cause)
	}
	if len(token) > MaxToken {
		return denied(fault.Invalidf("token of %d bytes", len(token)))
	}
	part := strings.Split(token, ".")
	if len(part) != 4 || part[0] != version || !validKid(part[1]) {
		return denied(fault.Invalidf("token is not v1.<kid>.<payload>.<mac>"))
	}
	body, ok := decode(part[2])
	mac, ok2 := decode(part[3])
	if !ok || !ok2 {
		return denied(fault.Invalidf("token is not in canonical base64url"))
	}
	msg := token[:len(token)-len(part[3])-1]
	if err := verify(part[1], []byte(msg), mac); err != nil {
		if fault.Is(err, fault.Unavailable) {
			return Claims{}, fault.Wrap(err, "check the link's signature; nothing was decided, try again")
		}
		return denied(err)
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return denied(err)
	}
	if !bytes.Equal(body, p.json()) {
		return denied(fault.Invalidf("payload is signed but not spelt as Mint does"))
	}
	c := Claims{p.Request, p.Approver, p.Model, p.From, p.To, p.Subject, p.Plan, time.Unix(p.IssuedAt, 0).UTC(), time.Unix(p.ExpiresAt, 0).UTC(), p.Nonce}
	if err := c.problems().err("payload is signed but its claims are wrong"); err != nil {
		return denied(err)
	}
	return c, nil
}

// HMAC gives Mint and Parse their functions for one key held here: HMAC-SHA-256 (RFC 2104), compared in constant time. It is for one
// machine, where signer and checker are one; the key is copied. Both functions fail when the key is shorter than MinKey.
func HMAC(key []byte) (mac func(msg []byte) ([]byte, error), verify func(kid string, msg, mac []byte) error) {
	key = bytes.Clone(key)
	mac = func(msg []byte) ([]byte, error) {
		if len(key) < MinKey {
			return nil, fault.Invalidf("the key that signs links has %d bytes, and needs %d", len(key), MinKey)
		}
		h := hmac.New(sha256.New, key)
		h.Write(msg)
		return h.Sum(nil), nil
	}
	verify = func(_ string, msg, got []byte) error {
		want, err := mac(msg)
		if err != nil {
			return err
		}
		if !hmac.Equal(got, want) {
			return fault.Deniedf("the link's signature is wrong")
		}
		return nil
	}
	return mac, verify
}

// Digest is what is stored and logged of a token: its SHA-256 in hex.
func Digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// problems are all that is wrong with claims.
func (c Claims) problems() problems {
	var bad problems
	bad.check(validName(c.Request), "request", "invalid_name", c.Request, nameRule)
	bad.check(validPerson(c.Approver), "approver", "invalid_text", c.Approver, personRule)
	bad.check(validName(c.Model), "model", "invalid_name", c.Model, nameRule)
	bad.check(c.From >= 0 && c.To >= 0, "to", "out_of_range", c.To, "versions, or 0 for none")
	bad.check(validHex(c.SubjectSHA256, 64), "subject_sha256", "invalid_digest", c.SubjectSHA256, "64 lower-case hex digits")
	bad.check(validHex(c.PlanSHA256, 64), "plan_sha256", "invalid_digest", c.PlanSHA256, "64 lower-case hex digits")
	bad.check(validHex(c.Nonce, 32), "nonce", "invalid_digest", c.Nonce, "32 lower-case hex digits")
	life := c.ExpiresAt.Sub(c.IssuedAt)
	bad.check(!c.IssuedAt.IsZero() && life > 0 && life <= MaxLife, "expires_at", "out_of_range", c.ExpiresAt.UTC().Format(time.RFC3339),
		"after issued_at, by at most 60 days")
	return bad
}

// json is the one spelling of p; it cannot fail, since p is text and whole numbers.
func (p payload) json() []byte {
	b, _ := json.Marshal(p)
	return b
}

// validKid reports whether s may name a key in a token.
func validKid(s string) bool { return validName(s) && !strings.Contains(s, ".") }

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decode reads s and reports whether s is the one base64url spelling of these bytes: the standard library's decoder skips line breaks and,
// unless Strict, stray bits.
func decode(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil && encode(b) == s
}
