package driftcheck

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"

	"mlops/shared/fault"
	"mlops/shared/topology"
)

// Where the function keeps what it counted, and the profiles of the past.
const (
	talliesDir = "reports/tallies"
	seasonsDir = "reports/seasons"
)

// expire removes what was kept of a model for longer than the topology says. In the cloud rules of the bucket do.
func (h *Handler) expire(ctx context.Context, name string) error {
	if h.Expire == nil {
		return nil
	}
	for _, k := range topology.Of(topology.DriftCheck).Keeps {
		if err := h.Expire(ctx, k.Prefix+name+"/", k.For); err != nil {
			return fault.Wrap(err, "remove what is old under %s%s", k.Prefix, name)
		}
	}
	return nil
}

// pack is v as packed JSON, and the beginning of the JSON's digest.
func pack(v any) (b []byte, sum string, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, "", err
	}
	digest := sha256.Sum256(text)
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write(text); err != nil {
		return nil, "", err
	}
	err = z.Close()
	return buf.Bytes(), hex.EncodeToString(digest[:8]), err
}

// unpack is what was packed. Invalid: it is damaged, or has more than limit bytes.
func unpack(b []byte, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err == nil {
		b, err = io.ReadAll(io.LimitReader(z, limit+1))
	}
	if err != nil {
		return nil, fault.Invalidf("unpack what was kept: it is damaged").Because(err)
	}
	if int64(len(b)) > limit {
		return nil, fault.Invalidf("unpack what was kept: it has more than %d bytes", limit).WithCode(fault.CodeTooLarge)
	}
	return b, nil
}
