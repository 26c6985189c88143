package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var day = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// TestKnownChain compares two entries with what Python's json and hashlib make of them:
//
//	c = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
//	h = hashlib.sha256(b"\x01" + prev.encode() + c.encode()).hexdigest()
func TestKnownChain(t *testing.T) {
	e := Entry{At: day, Kind: AliasPromoted, Model: "heart", To: 1, SHA256: strings.Repeat("ab", 32), Actor: Actor{Agent, "agent"},
		Inputs: map[string]string{"gate": "8a1e", "auc_diff": "0.402"}, Policy: Policy{"default", "c01d", "first-version"}, Reason: "first version",
		Op: "op-1", RequestID: "req-1"}
	f := Entry{At: day.Add(123456789).In(time.FixedZone("CET", 3600)), Kind: ApprovalVoted, Model: "heart", From: 1, To: 2, Actor: Actor{Agent, "agent"},
		Reason: "tab\t quote\" back\\ slash/ nl\n \x01\x1f\x7f < > & é 名 \u2028 😀", Op: "op-1", RequestID: "req-1"}
	var h Head
	for i, want := range []struct{ canonical, hash string }{
		{`{"actor":{"id":"agent","type":"agent"},"at":"2026-03-01T09:00:00.000Z","from":0,"inputs":{"auc_diff":"0.402","gate":"8a1e"},"kind":"alias.promoted",` +
			`"model":"heart","op":"op-1","policy":{"name":"default","rule":"first-version","version":"c01d"},"prev":"","reason":"first version","request_id":"req-1",` +
			`"schema":1,"seq":1,"sha256":"abababababababababababababababababababababababababababababababab","to":1}`,
			"ba498994baf6eb50dbb57a1ad211e749ab12a940810a67be9fde24a84f2044d5"},
		{`{"actor":{"id":"agent","type":"agent"},"at":"2026-03-01T09:00:00.123Z","from":1,"inputs":{},"kind":"approval.voted","model":"heart","op":"op-1",` +
			`"policy":{"name":"","rule":"","version":""},"prev":"ba498994baf6eb50dbb57a1ad211e749ab12a940810a67be9fde24a84f2044d5",` +
			`"reason":"tab\t quote\" back\\ slash/ nl\n \u0001\u001f` + "\x7f < > & é 名 \u2028 😀" + `","request_id":"req-1","schema":1,"seq":2,"sha256":"","to":2}`,
			"8352831b2343ff6fc7eb118d5586bef568f5e0f7c7c308b3bc6239893c02a3d1"},
	} {
		e, h = Seal(h, e)
		if got := string(Canonical(e)); got != want.canonical {
			t.Errorf("entry %d is\n%s, want\n%s", i+1, got, want.canonical)
		}
		if e.Hash != want.hash || h != (Head{int64(i + 1), want.hash}) {
			t.Errorf("entry %d has hash %s and head %v, want %s", i+1, e.Hash, h, want.hash)
		}
		sum := sha256.Sum256([]byte("\x01" + e.Prev + want.canonical))
		if hex.EncodeToString(sum[:]) != want.hash {
			t.Errorf("entry %d: the formula in Seal's comment gives %x", i+1, sum)
		}
		e = f
	}
}

// TestRFC8785 uses the examples of sections 3.2.2 (strings) and 3.2.3 (order of keys) of the RFC.
func TestRFC8785(t *testing.T) {
	if got, want := string(appendString(nil, "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/")), `"€$\u000f\nA'B\"\\\\\"/"`; got != want {
		t.Errorf("string %s, want %s", got, want)
	}
	keys := []string{"\u20ac", "\r", "\ufb33", "1", "\U0001F600", "\u0080", "\u00f6"}
	m := map[string]string{}
	for _, k := range keys {
		m[k] = ""
	}
	if got, want := sortedKeys(m), []string{"\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001F600", "\ufb33"}; !reflect.DeepEqual(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
	if got, want := string(appendString(nil, "\b\f\r\x00")), `"\b\f\r\u0000"`; got != want {
		t.Errorf("controls %s, want %s", got, want)
	}
	if got, want := string(appendString(nil, "a\xff\xe2\x82b\xf0\x80")), "\"a\uFFFD\uFFFD\uFFFDb\uFFFD\uFFFD\""; got != want {
		t.Errorf("not UTF-8: %q, want %q", got, want)
	}
}

// text draws strings with what hurts: escapes, controls, surrogates' neighbours, broken UTF-8.
func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("a\"\\/\b\t\n\f\r\x00\x1f\x7f<>&\u2028\u2029\ue000\uffff😀"))),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
}

func entry() *rapid.Generator[Entry] {
	return rapid.Custom(func(t *rapid.T) Entry {
		return Entry{
			At: day.Add(time.Duration(rapid.Int64Range(0, 1<<60).Draw(t, "at"))), Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Model: text().Draw(t, "model"),
			From: rapid.Int().Draw(t, "from"), To: rapid.Int().Draw(t, "to"), SHA256: text().Draw(t, "sha256"), Reason: text().Draw(t, "reason"),
			Actor:  Actor{text().Draw(t, "type"), text().Draw(t, "id")},
			Policy: Policy{text().Draw(t, "name"), text().Draw(t, "version"), text().Draw(t, "rule")},
			Inputs: rapid.MapOf(text(), text()).Draw(t, "inputs"), Op: text().Draw(t, "op"), RequestID: text().Draw(t, "request"),
		}
	})
}

// TestCanonicalReadsBack checks the writer against encoding/json: what is written is JSON that reads back as the sealed entry, whose keys
// encoding/json finds in the same order, and which is written the same again.
func TestCanonicalReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entry().Draw(t, "entry")
		sealed, h := Seal(Head{41, strings.Repeat("c", 64)}, e)
		line := appendEntry(nil, &sealed, true)
		var back Entry
		if err := json.Unmarshal(line, &back); err != nil || !reflect.DeepEqual(back, sealed) {
			t.Fatalf("%v: read back\n%+v, sealed\n%+v", err, back, sealed)
		}
		if !bytes.Equal(Canonical(back), Canonical(sealed)) {
			t.Fatal("the reader hashes it differently")
		}
		if err := After(Head{41, strings.Repeat("c", 64)}).Next(back); err != nil || h.Hash != back.Hash {
			t.Fatal(err)
		}
		marshalled, err := json.Marshal(sealed) // escapes more, and means the same
		var again Entry
		if err != nil || json.Unmarshal(marshalled, &again) != nil || !reflect.DeepEqual(again, sealed) {
			t.Fatalf("json.Marshal: %v", err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, line); err != nil || !bytes.Equal(compact.Bytes(), line) {
			t.Fatalf("there is white space: %s", line)
		}
	})
}

// TestCanonicalKeysAreSorted reads the keys in the order in which they stand.
func TestCanonicalKeysAreSorted(t *testing.T) {
	e, _ := Seal(Head{}, Entry{})
	d := json.NewDecoder(bytes.NewReader(appendEntry(nil, &e, true)))
	var keys []string
	for depth := 0; ; {
		tok, err := d.Token()
		if err != nil {
			break
		}
		switch tok {
		case json.Delim('{'):
			depth++
			continue
		case json.Delim('}'):
			depth--
			continue
		}
		if depth == 1 {
			keys = append(keys, tok.(string))
			if d.More() {
				if tok, _ := d.Token(); tok == json.Delim('{') {
					depth++
				}
			}
		}
	}
	want := sortedKeys(map[string]string{"schema": "", "seq": "", "at": "", "kind": "", "model": "", "from": "", "to": "", "sha256": "", "actor": "",
		"inputs": "", "policy": "", "reason": "", "op": "", "request_id": "", "prev": "", "hash": ""})
	if !reflect.DeepEqual(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	if n := reflect.TypeFor[Entry]().NumField(); n != len(want) {
		t.Errorf("an entry has %d fields, and %d are written", n, len(want))
	}
}

func TestSealKeepsItsArgument(t *testing.T) {
	in := map[string]string{"auc": "0.9", "bad\xff": "\xfe"}
	e, _ := Seal(Head{}, Entry{Inputs: in})
	if want := map[string]string{"auc": "0.9", "bad\uFFFD": "\uFFFD"}; !reflect.DeepEqual(e.Inputs, want) {
		t.Errorf("sealed inputs %q, want %q", e.Inputs, want)
	}
	e.Inputs["auc"] = "1"
	if in["auc"] != "0.9" || len(in) != 2 {
		t.Error("the caller's map was changed")
	}
}
