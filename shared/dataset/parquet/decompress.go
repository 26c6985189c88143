package parquet

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// unpacker unpacks pages, one at a time.
type unpacker struct {
	gzip *gzip.Reader
	zstd *zstd.Decoder
}

// decompress unpacks a page into dst, which holds nothing yet, to exactly size bytes. It makes no more room than what does come needs, twice over.
func (u *unpacker) decompress(codec format.CompressionCodec, dst, src []byte, size int) ([]byte, error) {
	var err error
	switch codec {
	case format.Uncompressed:
		dst = append(dst, src...)
	case format.Snappy:
		n, e := snappy.DecodedLen(src)
		if e != nil || n != size || n > 64*len(src) { // an element of 3 bytes copies at most 64
			return nil, errPage
		}
		dst, err = snappy.Decode(room(dst, n), src)
	case format.Lz4Raw:
		if size > 256*len(src) { // a byte says 255 at most
			return nil, errPage
		}
		dst = room(dst, size)
		var n int
		n, err = lz4.UncompressBlock(src, dst)
		dst = dst[:max(n, 0)]
	case format.Gzip:
		if u.gzip == nil {
			u.gzip = new(gzip.Reader)
		}
		if err = u.gzip.Reset(bytes.NewReader(src)); err == nil {
			dst, err = all(dst, u.gzip, size)
		}
	case format.Brotli:
		dst, err = all(dst, brotli.NewReader(bytes.NewReader(src)), size)
	case format.Zstd:
		if u.zstd == nil {
			u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxPage))
		}
		if err == nil {
			err = u.zstd.Reset(bytes.NewReader(src))
		}
		if err == nil {
			dst, err = all(dst, u.zstd, size)
		}
	default:
		return nil, fmt.Errorf("pages compressed by %v, which is not read here; write it by snappy, gzip, zstd, lz4_raw, brotli, or plain", codec)
	}
	if err != nil {
		return nil, fmt.Errorf("a page that %v does not unpack: %w", codec, err)
	}
	if len(dst) != size {
		return nil, fmt.Errorf("a page that unpacks to %d bytes instead of %d", len(dst), size)
	}
	return dst, nil
}

// room is dst with n bytes of whatever.
func room(dst []byte, n int) []byte {
	if cap(dst) < n {
		return make([]byte, n)
	}
	return dst[:n]
}

// all reads r to its end, but at most one byte more than size.
func all(dst []byte, r io.Reader, size int) ([]byte, error) {
	for len(dst) <= size {
		if len(dst) == cap(dst) {
			dst = append(make([]byte, 0, min(max(4096, 2*cap(dst)), size+1)), dst...)
		}
		n, err := r.Read(dst[len(dst):min(cap(dst), size+1)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}
