package training

import (
	"fmt"

	"mlops/shared/fault"
)

// CodeTooLittle marks a training that has not enough memory.
const CodeTooLittle = "too_little_memory"

// Bytes that a training takes, measured on tables of 32,561 to 1,000,000 rows: a value stands in the table that was read, in the
// fold at hand where that is copied, and twice in its bins; a row also holds each candidate's out-of-fold predictions and losses.
const (
	programBytes = 64 << 20
	valueBytes   = 8 + 8 + 2 + 2 // the last: garbage that is not yet collected
	rowBytes     = 64
)

// MemoryNeeded is about how many bytes training on a table takes, whose text has so many bytes (0 where it is not held): an estimate to within a third
// of the algorithm that takes most, made before the table is read.
func MemoryNeeded(rows, columns, classes, candidates int, text int64) int64 {
	width := int64(max(1, classes))
	perRow := int64(columns)*valueBytes + rowBytes + int64(candidates)*(8*width+8)
	return programBytes + int64(rows)*perRow + text
}

// CheckMemory refuses, before anything is read, a table that does not fit: the error says how much it needs, and what to raise. A limit of 0 is unknown.
func CheckMemory(need int64, limitMB int, what, remedy string) error {
	if limitMB == 0 || need <= int64(limitMB)<<20 {
		return nil
	}
	return fault.Invalidf("train on %s: it needs about %d MB of memory, %d MB are there", what, need>>20, limitMB).WithCode(CodeTooLittle).With(
		fault.Detail{Field: "memory", Code: CodeTooLittle, Got: fmt.Sprintf("%d MB", limitMB), Expected: fmt.Sprintf("at least %d MB: %s", need>>20, remedy)})
}
