package capture

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"mlops/shared/fault"
)

// parallel is how many objects are fetched at once: enough to hide the store's latency, few enough to leave the others their share.
const parallel = 4

// Partition is one hour's objects of a capture or ground-truth folder, keys ascending.
type Partition struct {
	Hour time.Time // UTC
	Keys []string
}

// Broken is a line that could not be read, and where it lies.
type Broken struct {
	Key     string `json:"key"`
	Line    int    `json:"line"` // from 1
	Problem string `json:"problem"`
}

// Partitions are the hours from the one that start falls in to the one that end falls in, those without objects left out. It lists by day,
// not by hour: a week is seven listings. ahead counts objects of the last day that lie in later hours: written by a clock that runs ahead.
func Partitions(ctx context.Context, b Blobs, root string, start, end time.Time) (out []Partition, ahead int, err error) {
	first, last := start.UTC().Truncate(time.Hour), end.UTC()
	if last.Sub(first) > MaxHours*time.Hour {
		return nil, 0, fault.Invalidf("a window of %s is longer than the %d days that captures are kept", last.Sub(first), MaxHours/24)
	}
	for day := first.Truncate(24 * time.Hour); !day.After(last); day = day.Add(24 * time.Hour) {
		keys, err := list(ctx, b, root+"/"+day.Format("2006/01/02")+"/")
		if err != nil {
			return nil, 0, err
		}
		for _, k := range keys {
			at, err := time.Parse("2006/01/02/15", strings.TrimPrefix(path.Dir(k), root+"/"))
			switch n := len(out); {
			case err != nil || at.Before(first): // a foreign object in our folder, or an hour before the window
			case at.After(last):
				ahead++
			case n > 0 && out[n-1].Hour.Equal(at):
				out[n-1].Keys = append(out[n-1].Keys, k)
			default:
				out = append(out, Partition{at, []string{k}})
			}
		}
	}
	return out, ahead, nil
}

// Each reads the partition's records in the order of its objects and lines. A line that cannot be read is given to broken instead.
func (p Partition) Each(ctx context.Context, b Blobs, variant string, do func(Record) error, broken func(Broken)) error {
	for _, key := range p.Keys {
		err := readObject(ctx, b, key, func(line int, l []byte) error {
			r, err := Decode(l)
			if err == nil && (r.ID == "" || r.At.IsZero()) {
				err = fault.Invalidf("read a capture line: it has no eventId or no inferenceTime")
			}
			if err != nil {
				broken(Broken{key, line, err.Error()})
				return nil
			}
			r.Variant = variant
			return do(r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// inOrder calls do for every line of the objects, in order of keys and lines, while the next objects are fetched.
func inOrder(ctx context.Context, b Blobs, keys []string, do func(key string, line int, l []byte) error) error {
	for len(keys) > 0 {
		n := min(parallel, len(keys))
		bodies, errs := make([][]byte, n), make([]error, n)
		var wait sync.WaitGroup
		for i, k := range keys[:n] {
			wait.Go(func() { bodies[i], errs[i] = fetch(ctx, b, k) })
		}
		wait.Wait()
		for i, k := range keys[:n] {
			if errs[i] != nil {
				return errs[i]
			}
			if err := eachLine(bodies[i], func(line int, l []byte) error { return do(k, line, l) }); err != nil {
				return err
			}
		}
		keys = keys[n:]
	}
	return nil
}

func readObject(ctx context.Context, b Blobs, key string, do func(line int, l []byte) error) error {
	body, err := fetch(ctx, b, key)
	if err != nil {
		return err
	}
	return eachLine(body, do)
}

// fetch reads an object; what ends in .gz is unpacked, up to MaxObject.
func fetch(ctx context.Context, b Blobs, key string) ([]byte, error) {
	body, err := b.Get(ctx, key, MaxObject)
	if err != nil || !strings.HasSuffix(key, ".gz") {
		return body, err
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body, nil // not what its name says: its lines show as broken
	}
	body, err = io.ReadAll(io.LimitReader(z, MaxObject+1))
	if len(body) > MaxObject {
		return nil, fault.Invalidf("read %s: unpacked it has more than %d bytes", key, MaxObject)
	}
	if err != nil { // cut short: the lines before the cut are whole, and the last one shows as broken
		return body, nil
	}
	return body, nil
}

func list(ctx context.Context, b Blobs, prefix string) ([]string, error) {
	var keys []string
	after := ""
	for {
		page, err := b.List(ctx, prefix, after, pageSize)
		if err != nil {
			return nil, fault.Wrap(err, "list %s", prefix)
		}
		keys = append(keys, page...)
		if len(page) < pageSize {
			return keys, nil
		}
		after = page[len(page)-1]
	}
}

// eachLine calls do for every line that is not blank, with its number from 1.
func eachLine(body []byte, do func(line int, l []byte) error) error {
	for line := 1; len(body) > 0; line++ {
		var l []byte
		if i := bytes.IndexByte(body, '\n'); i >= 0 {
			l, body = body[:i], body[i+1:]
		} else {
			l, body = body, nil
		}
		if len(bytes.TrimSpace(l)) == 0 {
			continue
		}
		if err := do(line, l); err != nil {
			return err
		}
	}
	return nil
}
