package parquet

import (
	"encoding/binary"
	"errors"

	"github.com/parquet-go/parquet-go/encoding/thrift"
)

// Parquet's metadata are Thrift structs in the compact protocol. Its decoder makes room for as many bytes or elements as the data claim
// before it looks for them, so that twenty bytes can ask for gigabytes; what it gets is measured first.

var (
	errThrift = errors.New("damaged metadata")
	errShort  = errors.New("metadata are cut off")
)

const (
	maxNesting  = 24
	leastStruct = 3  // bytes of a struct in a list
	leastChunk  = 24 // of one that says where a column lies, which takes by far the most room when decoded: what its required fields take
)

// decode reads the struct that b begins with into v, and returns how many bytes it takes.
func decode(b []byte, v any) (int, error) {
	m := measurer{b: b}
	if err := m.structure(0); err != nil {
		return 0, err
	}
	n := len(b) - len(m.b)
	return n, thrift.Unmarshal(&thrift.CompactProtocol{}, b[:n], v)
}

// measurer steps over Thrift values; b is the rest.
type measurer struct{ b []byte }

func (m *measurer) take(n uint64) error {
	if n > uint64(len(m.b)) {
		return errShort
	}
	m.b = m.b[n:]
	return nil
}

func (m *measurer) uvarint() (uint64, error) {
	v, n := binary.Uvarint(m.b)
	if n < 0 {
		return 0, errThrift
	}
	if n == 0 {
		return 0, errShort
	}
	m.b = m.b[n:]
	return v, nil
}

func (m *measurer) byte() (byte, error) {
	if len(m.b) == 0 {
		return 0, errShort
	}
	b := m.b[0]
	m.b = m.b[1:]
	return b, nil
}

func (m *measurer) structure(depth int) error {
	if depth > maxNesting {
		return errThrift
	}
	for field := 0; ; {
		head, err := m.byte()
		if err != nil || head == 0 {
			return err
		}
		if field += int(head >> 4); head>>4 == 0 {
			id, err := m.uvarint()
			if err != nil {
				return err
			}
			field = int(id >> 1)
		}
		kind := thrift.Type(head & 15)
		if kind == thrift.TRUE || kind == thrift.FALSE {
			continue // the value is in the type
		}
		least := uint64(leastStruct)
		if depth == 1 && field == 1 {
			least = leastChunk
		}
		if err := m.value(kind, depth, least); err != nil {
			return err
		}
	}
}

// value steps over a value in a struct at that depth; least is for the structs of a list.
func (m *measurer) value(kind thrift.Type, depth int, least uint64) error {
	switch kind {
	case thrift.TRUE, thrift.FALSE, thrift.I8:
		return m.take(1)
	case thrift.I16, thrift.I32, thrift.I64:
		_, err := m.uvarint()
		return err
	case thrift.DOUBLE:
		return m.take(8)
	case thrift.BINARY:
		n, err := m.uvarint()
		if err != nil {
			return err
		}
		return m.take(n)
	case thrift.LIST, thrift.SET:
		return m.list(depth, least)
	case thrift.STRUCT:
		return m.structure(depth + 1)
	}
	return errThrift // Parquet has no maps
}

func (m *measurer) list(depth int, least uint64) error {
	head, err := m.byte()
	if err != nil {
		return err
	}
	n, kind := uint64(head>>4), thrift.Type(head&15)
	if n == 15 {
		if n, err = m.uvarint(); err != nil {
			return err
		}
	}
	if kind != thrift.STRUCT {
		least = 1
	}
	if n > uint64(len(m.b))/least {
		return errShort
	}
	for range n {
		if err := m.value(kind, depth, 1); err != nil {
			return err
		}
	}
	return nil
}
