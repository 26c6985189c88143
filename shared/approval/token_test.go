package approval

import (
	"bytes"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mlops/shared/fault"
)

var (
	day    = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	key    = bytes.Repeat([]byte{7}, 32)
	plan   = strings.Repeat("77d0", 16)
	digest = strings.Repeat("0c1d", 15) + "a1b2"
)

func claims(approver string) Claims {
	return Claims{Request: "01JD-heart", Approver: approver, Model: "heart", From: 1, To: 2, SubjectSHA256: digest, PlanSHA256: plan,
		IssuedAt: day, ExpiresAt: day.Add(72 * time.Hour), Nonce: strings.Repeat("0f", 16)}
}

func mint(t testing.TB, c Claims) string {
	t.Helper()
	mac, _ := HMAC(key)
	token, err := Mint(c, "k1", mac)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// sign makes a token of any payload, as somebody who holds the key could.
func sign(payload string) string { return signAll("v1.k1." + encode([]byte(payload))) }

func signAll(msg string) string {
	mac, _ := HMAC(key)
	sum, _ := mac([]byte(msg))
	return msg + "." + encode(sum)
}

func TestMintParse(t *testing.T) {
	_, verify := HMAC(key)
	for _, approver := range []string{"anna@example.org", "Ben & Bo <\"x\">", "Åse Øst", strings.Repeat("a", 254)} {
		c := claims(approver)
		token := mint(t, c)
		got, err := Parse(token, verify)
		if err != nil || got != c {
			t.Errorf("%s: got %+v, %v", approver, got, err)
		}
		if len(token) >= 1024 {
			t.Errorf("%s: token of %d bytes", approver, len(token))
		}
	}
	edge := claims("anna")
	edge.From, edge.To, edge.ExpiresAt = 0, 0, edge.IssuedAt.Add(MaxLife)
	edge.Request, edge.Model = strings.Repeat("azAZ09._-a", 7)[:64], "m"
	if got, err := Parse(mint(t, edge), verify); err != nil || got != edge {
		t.Errorf("at the limits: %+v, %v", got, err)
	}
	c := claims("anna")
	c.IssuedAt = day.Add(900 * time.Millisecond).In(time.FixedZone("", 3600))
	if got, err := Parse(mint(t, c), verify); err != nil || !got.IssuedAt.Equal(day) || got.IssuedAt.Location() != time.UTC {
		t.Errorf("parts of a second: %+v, %v", got, err)
	}
}

const knownMAC = "3avBBARkR4oC-mSoWbYd_43v-5A8vKo2WkTYUzVqAvM"

// TestMintKnown pins the format to what other software computed:
//
//	p='{"req":"01JD-heart","by":"anna@example.org","model":"heart","from":1,"to":2,"sub":"..","plan":"..","iat":1772359200,"exp":1772618400,"jti":".."}'
//	m="v1.k1.$(printf %s "$p" | basenc --base64url -w0 | tr -d =)"
//	printf %s "$m" | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707..07
func TestMintKnown(t *testing.T) {
	part := strings.Split(mint(t, claims("anna@example.org")), ".")
	body, _ := base64.RawURLEncoding.DecodeString(part[2])
	want := `{"req":"01JD-heart","by":"anna@example.org","model":"heart","from":1,"to":2,"sub":"` + digest + `","plan":"` + plan +
		`","iat":1772359200,"exp":1772618400,"jti":"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"}`
	if string(body) != want {
		t.Errorf("payload\n%s, want\n%s", body, want)
	}
	if part[3] != knownMAC {
		t.Errorf("MAC %s, want %s", part[3], knownMAC)
	}
}

// TestTokenLimit lets the MAC grow, byte by byte, past the size where a token ends being one.
func TestTokenLimit(t *testing.T) {
	accept := func(string, []byte, []byte) error { return nil }
	part := strings.Split(mint(t, claims("anna")), ".")
	exact := false
	for n := 300; n < 700; n++ {
		sum := make([]byte, n)
		want := strings.Join(part[:3], ".") + "." + encode(sum)
		exact = exact || len(want) == MaxToken
		token, err := Mint(claims("anna"), "k1", func([]byte) ([]byte, error) { return sum, nil })
		if fits := len(want) <= MaxToken; (err == nil) != fits || fits && token != want {
			t.Errorf("made a token of %d bytes: %v", len(want), err)
		}
		if _, err := Parse(want, accept); (err == nil) != (len(want) <= MaxToken) {
			t.Errorf("read a token of %d bytes: %v", len(want), err)
		}
	}
	if !exact {
		t.Error("no token had the limit's size")
	}
}

func TestMintRefuses(t *testing.T) {
	mac, _ := HMAC(key)
	bad := Claims{Request: "../x", Approver: "anna\r\nBcc: all", Model: "", From: -1, SubjectSHA256: "A1", PlanSHA256: strings.Repeat("g", 64), Nonce: "0"}
	_, err := Mint(bad, "k.1", mac)
	if !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
	var got []string
	for _, d := range fault.Details(err) {
		got = append(got, d.Field)
	}
	if want := "request approver model to subject_sha256 plan_sha256 nonce expires_at kid"; strings.Join(got, " ") != want {
		t.Errorf("named %v, want %s", got, want)
	}
	for name, change := range map[string]func(*Claims){
		"no approver":                  func(c *Claims) { c.Approver = "" },
		"space at an end":              func(c *Claims) { c.Approver = "anna " },
		"not UTF-8":                    func(c *Claims) { c.Approver = "\xff" },
		"address too long":             func(c *Claims) { c.Approver = strings.Repeat("a", 255) },
		"grows beyond the link":        func(c *Claims) { c.Approver = strings.Repeat("<", 254) },
		"name too long":                func(c *Claims) { c.Model = strings.Repeat("a", 65) },
		"name of strange letters":      func(c *Claims) { c.Model = "hé" },
		"ends as it begins":            func(c *Claims) { c.ExpiresAt = c.IssuedAt },
		"ends within the same second":  func(c *Claims) { c.ExpiresAt = c.IssuedAt.Add(time.Millisecond) },
		"ends before it begins":        func(c *Claims) { c.ExpiresAt = c.IssuedAt.Add(-1) },
		"lives for years":              func(c *Claims) { c.ExpiresAt = c.IssuedAt.AddDate(1, 0, 0) },
		"short digest":                 func(c *Claims) { c.PlanSHA256 = c.PlanSHA256[1:] },
		"digest in upper case":         func(c *Claims) { c.SubjectSHA256 = strings.ToUpper(c.SubjectSHA256) },
		"negative version":             func(c *Claims) { c.To = -1 },
		"nonce of another length":      func(c *Claims) { c.Nonce += "00" },
		"request id that is a path up": func(c *Claims) { c.Request = ".." },
	} {
		c := claims("anna")
		change(&c)
		if token, err := Mint(c, "k1", mac); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
	down := fault.Unavailablef("KMS is down")
	if _, err := Mint(claims("anna"), "k1", func([]byte) ([]byte, error) { return nil, down }); !fault.Is(err, fault.Unavailable) {
		t.Errorf("signer down: %v", err)
	}
}

// TestEveryBitFlip: no neighbour of a valid token is valid.
func TestEveryBitFlip(t *testing.T) {
	_, verify := HMAC(key)
	token := mint(t, claims("anna@example.org"))
	for i := range len(token) * 8 {
		b := []byte(token)
		b[i/8] ^= 1 << (i % 8)
		if c, err := Parse(string(b), verify); !fault.Is(err, fault.Denied) || c != (Claims{}) {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
	}
	for i := range len(token) {
		for _, s := range []string{token[:i], token[:i] + token[i+1:], token[:i] + string(token[i]) + token[i:], token[:i] + "\n" + token[i:],
			token[:i] + "=" + token[i:], token[:i] + "." + token[i:], token + token[:i+1]} {
			if s == token {
				continue
			}
			if _, err := Parse(s, verify); !fault.Is(err, fault.Denied) {
				t.Fatalf("%q: %v", s, err)
			}
		}
	}
}

// TestForgeries: random tokens, from noise to nearly right ones.
func TestForgeries(t *testing.T) {
	_, verify := HMAC(key)
	good := strings.Split(mint(t, claims("anna@example.org")), ".")
	r := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return encode(b)
	}
	for range 50_000 {
		body, mac := noise(1+r.IntN(300)), noise(32)
		if r.IntN(2) == 0 {
			body = good[2]
		} else if r.IntN(2) == 0 {
			mac = good[3]
		}
		if _, err := Parse("v1.k1."+body+"."+mac, verify); !fault.Is(err, fault.Denied) {
			t.Fatalf("accepted %s %s: %v", body, mac, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	_, verify := HMAC(key)
	token := mint(t, claims("anna@example.org"))
	part := strings.Split(token, ".")
	body, _ := base64.RawURLEncoding.DecodeString(part[2])
	json := string(body)
	otherKey, err := Mint(claims("anna@example.org"), "k1", func(msg []byte) ([]byte, error) {
		other, _ := HMAC(bytes.Repeat([]byte{8}, 32))
		return other(msg)
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{
		"nothing":                      "",
		"three dots":                   "...",
		"another version":              "v2" + token[2:],
		"version in upper case":        "V1" + token[2:],
		"another key's name":           "v1.k2." + part[2] + "." + part[3],
		"no key's name":                "v1.." + part[2] + "." + part[3],
		"another key":                  otherKey,
		"no payload":                   "v1.k1.." + part[3],
		"no MAC":                       "v1.k1." + part[2] + ".",
		"a part more":                  token + ".x",
		"padded":                       token + "=",
		"MAC cut":                      token[:len(token)-2],
		"standard base64":              "v1.k1." + base64.RawStdEncoding.EncodeToString([]byte("???>>>")) + "." + part[3],
		"too long":                     token + strings.Repeat("A", MaxToken),
		"signed: another version":      signAll("v2.k1." + part[2]),
		"signed: no key's name":        signAll("v1.." + part[2]),
		"signed: a key's path":         signAll("v1./etc/key." + part[2]),
		"signed: padded":               signAll("v1.k1." + base64.URLEncoding.EncodeToString([]byte(json+" "))),
		"signed: line break":           signAll("v1.k1." + part[2] + "\n"),
		"signed: no payload":           signAll("v1.k1."),
		"signed: not JSON":             sign("approve"),
		"signed: null":                 sign("null"),
		"signed: array":                sign("[]"),
		"signed: empty object":         sign("{}"),
		"signed: white space":          sign(" " + json),
		"signed: text after it":        sign(json + "{}"),
		"signed: unknown key":          sign(`{"admin":true,` + json[1:]),
		"signed: repeated key":         sign(`{"by":"mallory",` + json[1:]),
		"signed: key in another case":  sign(strings.Replace(json, `"by"`, `"BY"`, 1)),
		"signed: both cases of a key":  sign(`{"BY":"mallory",` + json[1:]),
		"signed: missing key":          sign(strings.Replace(json, `"to":2,`, "", 1)),
		"signed: another order":        sign(strings.Replace(json, `"from":1,"to":2`, `"to":2,"from":1`, 1)),
		"signed: number as text":       sign(strings.Replace(json, `"to":2`, `"to":"2"`, 1)),
		"signed: number with exponent": sign(strings.Replace(json, `"iat":1772359200`, `"iat":17723592e2`, 1)),
		"signed: escaped letter":       sign(strings.Replace(json, "anna", `\u0061nna`, 1)),
		"signed: bad claims":           sign(strings.Replace(json, `"req":"01JD-heart"`, `"req":"../heart"`, 1)),
		"signed: eternal":              sign(strings.Replace(json, `"exp":1772618400`, `"exp":9772618400`, 1)),
	} {
		c, err := Parse(s, verify)
		if !fault.Is(err, fault.Denied) || c != (Claims{}) {
			t.Errorf("%s: got %+v, %v", name, c, err)
		}
		var f *fault.Error
		if errors.As(err, &f) && !strings.HasPrefix(f.Message, "this link is not valid; nothing was decided") {
			t.Errorf("%s: the message tells more than it should: %s", name, f.Message)
		}
	}
	// The two spellings of a last character with stray bits: the decoder of the standard library takes the second unless told not to.
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", token[len(token)-1])
	stray := token[:len(token)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last|1])
	if _, err := Parse(stray, verify); !fault.Is(err, fault.Denied) {
		t.Errorf("stray bits: %v", err)
	}
	if _, err := Parse(token, func(string, []byte, []byte) error { return fault.Unavailablef("KMS is down") }); !fault.Is(err, fault.Unavailable) {
		t.Errorf("checker down: %v", err)
	}
	shortMAC, shortVerify := HMAC(key[:31])
	if _, err := shortMAC(nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("a short key signs: %v", err)
	}
	if _, err := Parse(token, shortVerify); !fault.Is(err, fault.Denied) {
		t.Errorf("a short key checks: %v", err)
	}
	own := bytes.Clone(key)
	mac, verify := HMAC(own)
	clear(own)
	if token2, _ := Mint(claims("anna@example.org"), "k1", mac); token2 != token {
		t.Error("the key is shared with the caller")
	}
	if _, err := Parse(token, verify); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	mac, verify := HMAC(key)
	token := mint(f, claims("anna@example.org"))
	f.Add(token, "")
	f.Add("v1.k1.e30.AAAA", `{"req":"a","by":"b"}`)
	part := strings.Split(token, ".")
	body, _ := base64.RawURLEncoding.DecodeString(part[2])
	f.Add("", string(body))
	f.Add(token+"\n", `{"BY":"c",`+string(body[1:]))
	f.Fuzz(func(t *testing.T, s, payload string) {
		for _, s := range []string{s, sign(payload)} {
			c, err := Parse(s, verify)
			if err != nil {
				if !fault.Is(err, fault.Denied) {
					t.Fatalf("%q: %v", s, err)
				}
				continue
			}
			if again, err := Mint(c, strings.Split(s, ".")[1], mac); err != nil || again != s {
				t.Fatalf("%q was accepted, but is spelt %q (%v)", s, again, err)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	_, verify := HMAC(key)
	token := mint(b, claims("anna@example.org"))
	for b.Loop() {
		if _, err := Parse(token, verify); err != nil {
			b.Fatal(err)
		}
	}
}
