package capture

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mlops/shared/fault"
)

// folder is a bucket in memory.
type folder map[string][]byte

func (f folder) Create(_ context.Context, key string, body []byte) error { f[key] = body; return nil }

func (f folder) Get(_ context.Context, key string, limit int64) ([]byte, error) {
	if b, ok := f[key]; ok && int64(len(b)) <= limit {
		return b, nil
	}
	return nil, fault.NotFoundf("no %s", key)
}

func (f folder) List(_ context.Context, prefix, after string, limit int) (keys []string, err error) {
	for k := range f {
		if strings.HasPrefix(k, prefix) && k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys[:min(limit, len(keys))], nil
}

var ctx, noon = context.Background(), time.Date(2026, 3, 9, 12, 30, 0, 0, time.UTC)

func record(id string, at time.Time) Record {
	return Record{ID: id, At: at, Model: "m", Variant: "champion", Version: 1, Status: 200, Features: map[string]any{"x": 1.5}, Prediction: 1.0}
}

// TestLinesThatCannotBeRead: packed objects and whole lines are read, the others are named with object and line, and no reader stops at them.
func TestLinesThatCannotBeRead(t *testing.T) {
	f := folder{}
	if err := Write(ctx, f, []Record{record("a", noon), record("b", noon)}); err != nil {
		t.Fatal(err)
	}
	dir := "capture/m/champion/2026/03/09/12/"
	plain := f[dir+"a.jsonl"]
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprintf(z, "%s\n\n{\"half", bytes.ReplaceAll(plain, []byte(`"eventId":"`), []byte(`"eventId":"z`)))
	z.Close()
	f[dir+"c.jsonl.gz"], f[dir+"d.jsonl.gz"], f[dir+"e.jsonl"] = packed.Bytes(), []byte("no gzip\n"), []byte("[]\n{}\n")
	f["capture/m/champion/foreign.txt"], f["capture/m/champion/2026/03/09/23/later.jsonl"] = []byte("x"), plain
	partitions, ahead, err := Partitions(ctx, f, "capture/m/champion", noon, noon)
	if err != nil || len(partitions) != 1 || ahead != 1 || len(partitions[0].Keys) != 4 {
		t.Fatalf("%v, %d ahead, %v", partitions, ahead, err)
	}
	var ids, at []string
	err = partitions[0].Each(ctx, f, "champion", func(r Record) error { ids = append(ids, r.ID); return nil }, func(b Broken) {
		at = append(at, fmt.Sprint(strings.TrimPrefix(b.Key, dir), ":", b.Line))
		if b.Problem == "" {
			t.Errorf("%+v says nothing", b)
		}
	})
	if want := []string{"c.jsonl.gz:5", "d.jsonl.gz:1", "e.jsonl:1", "e.jsonl:2"}; err != nil || !slices.Equal(at, want) || !slices.Equal(ids, []string{"a", "b", "za", "zb"}) {
		t.Errorf("read %v, broken %v, %v", ids, at, err)
	}
	if all, err := Window(ctx, f, "m", "champion", noon.Add(-time.Hour), noon.Add(time.Hour)); err != nil || len(all) != 4 {
		t.Errorf("%d records, %v", len(all), err)
	}
	if r, err := Find(ctx, f, "m", "champion", "b", noon); err != nil || r.ID != "b" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestTruths: the later stored of two labels counts, and lines that are none are named.
func TestTruths(t *testing.T) {
	f := folder{}
	for i, v := range []string{"0", "1"} {
		if err := WriteLabels(ctx, f, "m", fmt.Sprint(i), noon.Add(time.Duration(i)*time.Hour), []Label{{Inference: "a", Value: v, At: noon}}); err != nil {
			t.Fatal(err)
		}
	}
	f["groundtruth/m/2026/03/09/12/x.jsonl"] = []byte("{}\nlabel")
	got, broken, err := Truths(ctx, f, "m", noon, noon.Add(2*time.Hour))
	if err != nil || len(got) != 1 || got["a"].Value != "1" || len(broken) != 2 || broken[1].Line != 2 {
		t.Errorf("%v, %v, %v", got, broken, err)
	}
	if _, _, err := Partitions(ctx, f, "groundtruth/m", noon.AddDate(-3, 0, 0), noon); !fault.Is(err, fault.Invalid) {
		t.Errorf("three years: %v", err)
	}
}
