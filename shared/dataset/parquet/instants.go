package parquet

import (
	"io"
	"time"

	"mlops/shared/dataset"
)

// Instants are the names of the columns that are dates, or dates with times, by type: in a table they are texts. The error is that of Read.
func Instants(r io.ReaderAt, size int64, o dataset.Options) ([]string, error) {
	f, err := open(r, size, o)
	if err != nil {
		return nil, blame(err)
	}
	var names []string
	for i := range f.columns {
		if f.columns[i].instant {
			names = append(names, f.columns[i].name)
		}
	}
	return names, nil
}

// Instant is what a text of such a column stands for, in UTC where no zone is told; ok is false when it is none.
func Instant(text string) (t time.Time, ok bool) {
	for _, form := range [...]string{dateForm + "T" + clockForm + "Z07:00", dateForm + "T" + clockForm, dateForm} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), true
		}
	}
	return t, false
}
