package audit

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mlops/shared/fault"
)

// chain seals n entries of different sizes.
func chain(n int) ([]Entry, Head) {
	var all []Entry
	var h Head
	for i := range n {
		e := Entry{At: day.Add(time.Duration(i) * time.Minute), Kind: kinds[i%len(kinds)], Model: "heart", From: i, To: i + 1, SHA256: strings.Repeat("ab", 32),
			Actor: Actor{Human, "anna@example.org"}, Inputs: map[string]string{"auc": fmt.Sprintf("0.%03d", i), "gate": strings.Repeat("8a", 32), "n": "380"},
			Policy: Policy{"default", "c01d", "R7"}, Reason: strings.Repeat("estimated AUC fell below the reference's own band; ", 1+i%5),
			Op: fmt.Sprintf("op-%d", i), RequestID: "req"}
		e, h = Seal(h, e)
		all = append(all, e)
	}
	return all, h
}

// brokenAt gives the sequence number a *Broken names, 0 for nil, -1 for another error.
func brokenAt(err error) int64 {
	var b *Broken
	switch {
	case err == nil:
		return 0
	case errors.As(err, &b):
		return b.Seq
	}
	return -1
}

func TestVerify(t *testing.T) {
	all, head := chain(6)
	if h, err := Verify(all); err != nil || h != head {
		t.Fatalf("got %v, %v, want %v", h, err, head)
	}
	if h, err := Verify(nil); err != nil || h != (Head{}) {
		t.Errorf("an empty chain: %v, %v", h, err)
	}
	if err := VerifyTo(all, head); err != nil {
		t.Error(err)
	}
	v := After(Head{all[2].Seq, all[2].Hash})
	for _, e := range all[3:] {
		if err := v.Next(e); err != nil {
			t.Fatal(err)
		}
	}
	if v.Head() != head {
		t.Errorf("after entry 3: %v", v.Head())
	}
	for _, c := range []struct {
		name   string
		change func(e []Entry) []Entry
		seq    int64
		says   string
	}{
		{"reason edited", func(e []Entry) []Entry { e[2].Reason = "x"; return e }, 3, "it was changed"},
		{"time moved by a millisecond", func(e []Entry) []Entry { e[2].At = e[2].At.Add(time.Millisecond); return e }, 3, "it was changed"},
		{"input added", func(e []Entry) []Entry { e[2].Inputs = map[string]string{"more": ""}; return e }, 3, "it was changed"},
		{"actor edited", func(e []Entry) []Entry { e[2].Actor.ID = "ben"; return e }, 3, "it was changed"},
		{"hash edited", func(e []Entry) []Entry { e[2].Hash = strings.Repeat("0", 64); return e }, 3, "sealed with 000000000000"},
		{"hash removed", func(e []Entry) []Entry { e[2].Hash = ""; return e }, 3, "sealed with none"},
		{"sealed anew alone", func(e []Entry) []Entry {
			e[2].Reason = "x"
			e[2], _ = Seal(Head{2, e[1].Hash}, e[2])
			return e
		}, 4, "one of the two was changed"},
		{"another schema", func(e []Entry) []Entry { e[2].Schema = 2; return e }, 3, "its schema is 2"},
		{"deleted", func(e []Entry) []Entry { return append(e[:2], e[3:]...) }, 3, "missing: entry 4 comes in its place"},
		{"repeated", func(e []Entry) []Entry { return append(e[:3], e[2:]...) }, 4, "entry 3 comes in its place"},
		{"begins later", func(e []Entry) []Entry { return e[1:] }, 1, "missing: entry 2"},
		{"from another chain", func(e []Entry) []Entry { e[0], _ = Seal(Head{0, "abc"}, e[0]); return e }, 1, "it follows an entry with hash abc, but the one before it has none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _ := chain(6)
			e = c.change(e)
			h, err := Verify(e)
			if brokenAt(err) != c.seq || !strings.Contains(err.Error(), c.says) || h.Seq != c.seq-1 {
				t.Errorf("got %v after %d good ones, want entry %d and %q", err, h.Seq, c.seq, c.says)
			}
			if brokenAt(VerifyTo(e, head)) == 0 {
				t.Error("VerifyTo finds nothing")
			}
		})
	}
}

func TestVerifyTo(t *testing.T) {
	all, head := chain(6)
	longer, _ := chain(8)
	rewritten := append([]Entry{}, all...)
	h := Head{3, all[2].Hash}
	for i := 3; i < 6; i++ {
		rewritten[i].Reason = "nothing happened"
		rewritten[i], h = Seal(h, rewritten[i])
	}
	for _, c := range []struct {
		name    string
		entries []Entry
		seq     int64
		says    string
	}{
		{"tail cut off", all[:4], 5, "known to reach entry 6"},
		{"everything cut off", nil, 1, "known to reach entry 6"},
		{"tail added", longer, 7, "known to end at entry 6"},
		{"tail rewritten with its hashes", rewritten, 6, "rewritten with their hashes"},
	} {
		if _, err := Verify(c.entries); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := VerifyTo(c.entries, head); brokenAt(err) != c.seq || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestTampering does 10,000 random things to an export, by an editor's hand (bytes, lines) and by that of a forger who knows the format
// (entries sealed anew), and wants each found, at the first entry that is not as it was written.
func TestTampering(t *testing.T) {
	const n = 8
	all, head := chain(n)
	var b bytes.Buffer
	if err := WriteExport(&b, all); err != nil {
		t.Fatal(err)
	}
	good := b.Bytes()
	lines := strings.SplitAfter(string(good), "\n")[:n]
	r := rand.New(rand.NewPCG(3, 4))
	line := func(e Entry) string { return string(appendEntry(nil, &e, true)) + "\n" }
	lineAt := func(offset int) int64 { return int64(bytes.Count(good[:offset], []byte("\n"))) + 1 }
	done := map[string]int{}
	for range 10_000 {
		var got string
		var what string
		var want int64       // first bad entry of VerifyExport; 0 = only the head tells
		wantHead := int64(n) // first bad entry by the head, where want is 0
		l := append([]string{}, lines...)
		i, j, offset := r.IntN(n), r.IntN(n), r.IntN(len(good))
		seq := int64(i + 1)
		switch r.IntN(11) {
		case 0:
			what = "byte changed"
			c := bytes.Clone(good)
			c[offset] ^= 1 << r.IntN(8)
			got, want = string(c), lineAt(offset)
		case 1:
			what = "byte deleted"
			got, want = string(good[:offset])+string(good[offset+1:]), lineAt(offset)
		case 2:
			what = "byte inserted"
			c := byte(r.IntN(256))
			if c == good[offset] || c == '\n' && (offset == 0 || good[offset-1] == '\n') {
				continue // the neighbour's double, or an empty line: the next case
			}
			got, want = string(good[:offset])+string([]byte{c})+string(good[offset:]), lineAt(offset)
		case 3:
			what = "line inserted"
			l[i] = []string{"\n", "{}\n", "null\n", lines[j]}[r.IntN(4)] + l[i]
			if l[i] == lines[i]+lines[i] {
				seq++ // the entry and its double: the second is the wrong one
			}
			got, want = strings.Join(l, ""), seq
		case 4:
			what = "line deleted"
			l[i] = ""
			got, want = strings.Join(l, ""), seq
			if i == n-1 {
				want, wantHead = 0, n
			}
		case 5:
			what = "lines swapped"
			if i == j {
				continue
			}
			l[i], l[j] = l[j], l[i]
			got, want = strings.Join(l, ""), int64(min(i, j)+1)
		case 6:
			what = "cut off"
			got, want = string(good[:offset]), lineAt(offset)
			if offset == 0 || good[offset-1] == '\n' {
				want, wantHead = 0, lineAt(offset)
			}
		case 7:
			what = "value edited"
			l[i] = line(edit(r, all[i]))
			got, want = strings.Join(l, ""), seq
		case 8:
			what = "value edited, entry sealed anew"
			e, _ := Seal(Head{seq - 1, all[i].Prev}, edit(r, all[i]))
			l[i] = line(e)
			got, want = strings.Join(l, ""), seq+1
			if i == n-1 {
				want = 0
			}
		case 9:
			what = "forged entry inserted"
			e, _ := Seal(Head{seq - 1, all[i].Prev}, all[j])
			l[i] = line(edit(r, e)) + l[i]
			got, want = strings.Join(l, ""), seq
			if r.IntN(2) == 0 {
				e, _ = Seal(Head{seq - 1, all[i].Prev}, edit(r, all[j]))
				l[i] = line(e) + lines[i]
				got, want = strings.Join(l, ""), seq+1
			}
		case 10:
			what = "all sealed anew from here"
			h := Head{seq - 1, all[i].Prev}
			e := edit(r, all[i])
			for k := i; k < n; k++ {
				if k > i {
					e = all[k]
				}
				e, h = Seal(h, e)
				l[k] = line(e)
			}
			got, want = strings.Join(l, ""), 0
		}
		if got == string(good) {
			t.Fatalf("%s changed nothing", what)
		}
		done[what]++
		h, err := VerifyExport(strings.NewReader(got))
		if brokenAt(err) != want {
			t.Fatalf("%s: %v, want entry %d\n%s", what, err, want, got)
		}
		if err == nil {
			err = h.Meets(head)
			if brokenAt(err) != wantHead {
				t.Fatalf("%s: against the head %v, want entry %d", what, err, wantHead)
			}
		}
	}
	if len(done) != 11 {
		t.Errorf("done: %v", done)
	}
}

// edit changes one field of an entry, and not its hash.
func edit(r *rand.Rand, e Entry) Entry {
	inputs := map[string]string{}
	for k, v := range e.Inputs {
		inputs[k] = v
	}
	e.Inputs = inputs
	switch r.IntN(10) {
	case 0:
		e.At = e.At.Add(time.Millisecond)
	case 1:
		e.Kind += "x"
	case 2:
		e.Model = "loan"
	case 3:
		e.From++
	case 4:
		e.To--
	case 5:
		e.Actor.ID = "mallory"
	case 6:
		e.Inputs["auc"] += "9"
	case 7:
		delete(e.Inputs, "gate")
	case 8:
		e.Policy.Rule = ""
	case 9:
		e.Reason = strings.ToUpper(e.Reason)
	}
	return e
}

func TestValidate(t *testing.T) {
	all, _ := chain(1)
	for _, at := range []time.Time{day, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)} {
		e := all[0]
		e.At = at
		if err := e.Validate(); err != nil {
			t.Error(err)
		}
	}
	long := strings.Repeat("é", 2049)
	bad := Entry{Kind: "alias.stolen", Actor: Actor{Type: "root", ID: long}, Reason: long, Op: long, Inputs: map[string]string{long: "", "ok": "1", "v": long}}
	var got []string
	for _, d := range fault.Details(bad.Validate()) {
		got = append(got, d.Field+" "+d.Code)
	}
	want := "kind unknown, model missing, actor.type unknown, at out_of_range, actor.id too_large, reason too_large, op too_large, inputs.v too_large, inputs." +
		strings.Repeat("é", 20) + ".. too_large"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	for name, change := range map[string]func(*Entry){
		"year 10000":       func(e *Entry) { e.At = time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -7200)) },
		"year 0":           func(e *Entry) { e.At = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) },
		"too many inputs":  func(e *Entry) { e.Inputs = manyInputs(65) },
		"shortened at é":   func(e *Entry) { e.Kind = Kind("x" + long) },
		"model's own size": func(e *Entry) { e.Model = long },
	} {
		e := all[0]
		change(&e)
		if err := e.Validate(); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "\uFFFD") || len(err.Error()) > 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The largest valid entry fits a line of an export; one whose text grows by escapes beyond it is refused.
	e := Entry{At: day, Kind: AliasPromoted, Model: "heart", Actor: Actor{Agent, ""}, Reason: strings.Repeat("x", MaxText), Inputs: manyInputs(MaxInputs)}
	for k := range e.Inputs {
		e.Inputs[k] = strings.Repeat("x", MaxField)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
	for n := range MaxText {
		e.Reason = strings.Repeat("x", MaxText-n) + strings.Repeat("\x01", n)
		for k := range e.Inputs {
			e.Inputs[k] = strings.Repeat("\x01", min(n, MaxField))
		}
		if err := e.Validate(); err != nil {
			if d := fault.Details(err); d[0].Field != "entry" || n < 50 {
				t.Errorf("%d control characters: %v", n, err)
			}
			break
		}
		sealed, _ := Seal(Head{1<<63 - 2, strings.Repeat("f", 64)}, e)
		if line := export(t, []Entry{sealed}); len(line) > MaxLine {
			t.Fatalf("a valid entry with %d control characters has %d bytes", n, len(line))
		}
	}
}

func manyInputs(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprintf("%0*d", MaxField, i)] = ""
	}
	return m
}

func BenchmarkVerify(b *testing.B) {
	all, _ := chain(1000)
	for b.Loop() {
		if _, err := Verify(all); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(all))/b.Elapsed().Seconds(), "rec/s")
}

func BenchmarkVerifyExport(b *testing.B) {
	all, _ := chain(1000)
	var f bytes.Buffer
	if err := WriteExport(&f, all); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(f.Len()))
	for b.Loop() {
		if _, err := VerifyExport(bytes.NewReader(f.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(all))/b.Elapsed().Seconds(), "rec/s")
}

func BenchmarkSeal(b *testing.B) {
	all, _ := chain(1)
	var h Head
	for b.Loop() {
		_, h = Seal(h, all[0])
	}
}

func ExampleVerifyTo() {
	var head Head
	var all []Entry
	for _, kind := range []Kind{GatePassed, AliasPromoted, PromotionVerified} {
		var e Entry
		e, head = Seal(head, Entry{At: day, Kind: kind, Model: "heart", To: 1, Actor: Actor{Agent, "agent"}})
		all = append(all, e)
	}
	fmt.Println(VerifyTo(all, head), head.Seq)
	all[1].To = 7
	fmt.Println(strings.SplitAfter(VerifyTo(all, head).Error(), "content")[0])
	// Output:
	// <nil> 3
	// the ledger is broken at entry 2: its content
}
