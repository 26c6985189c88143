// Fetch is `make data`: it gets the four real heart disease tables of the UCI repository, checks that they are the ones meant, and joins
// them to data/heart_uci.csv, with a header and the hospital in front.
//
//	go run ./testdata/datasets/fetch                  over HTTPS from archive.ics.uci.edu
//	go run ./testdata/datasets/fetch -from directory  from files that are already there (also: FROM=directory)
//
// Source: Janosi, Steinbrunn, Pfisterer, Detrano (1988), Heart Disease, UCI Machine Learning Repository,
// https://doi.org/10.24432/C52P4X, CC BY 4.0.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// table is one hospital's file, as UCI serves it.
type table struct {
	site, file, sha256 string
}

var tables = []table{
	{"cleveland", "processed.cleveland.data", "a74b7efa387bc9d108d7d0115d831fe9b414b29ae7124f331b622b4efa0427c8"},
	{"hungarian", "processed.hungarian.data", "d1ad108f785768cd3d7e82dc522e6f5a61eea93cccfb3a46ee8076f73fc3d796"},
	{"switzerland", "processed.switzerland.data", "834a405ccf5b66ab4056bb77794adc8df0b7125186454c0a1d002d33c6c3b314"},
	{"va", "processed.va.data", "e7c93d8d0d2acdadfa4c5e8de768e2191e7f618b952e29623f1f0d5949ff6b8f"},
}

const (
	archive  = "https://archive.ics.uci.edu/ml/machine-learning-databases/heart-disease/"
	header   = "site,age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,num"
	maxBytes = 1 << 20 // of one table; the greatest has 18,461
	patience = 30 * time.Second
)

func main() {
	if err := run(os.Args[1:], os.Getenv("FROM"), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
}

// run is the program: its arguments, the directory that the environment names, where it speaks.
func run(args []string, from string, out io.Writer) error {
	flags := flag.NewFlagSet("fetch", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&from, "from", from, "directory with the files, instead of the network")
	base := flags.String("url", archive, "where the files are served")
	target := flags.String("out", filepath.Join("data", "heart_uci.csv"), "the file to write")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q; -h shows the flags", flags.Arg(0))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	joined, err := join(func(file string) ([]byte, error) {
		if from != "" {
			return readFile(filepath.Join(from, file))
		}
		return download(ctx, strings.TrimSuffix(*base, "/")+"/"+file)
	})
	if unreachable := (*url.Error)(nil); errors.As(err, &unreachable) {
		return fmt.Errorf("%w\nwithout a network, -from takes a directory with the files", err)
	}
	if err != nil {
		return err
	}
	if err := write(*target, joined); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d rows of %d hospitals (https://doi.org/10.24432/C52P4X, CC BY 4.0), SHA-256 sums as expected\n", *target, bytes.Count(joined, []byte("\n"))-1, len(tables))
	fmt.Fprintf(out, "make run DATA=%s TARGET='num>0'\n", *target)
	return nil
}

// join gets every table and puts them below each other. It tries all before it complains about any.
func join(get func(file string) ([]byte, error)) ([]byte, error) {
	joined := bytes.NewBufferString(header + "\n")
	var problems []error
	for _, t := range tables {
		content, err := get(t.file)
		if err == nil {
			err = t.check(content)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		for line := range strings.Lines(string(content)) {
			if line = strings.TrimSpace(line); line != "" {
				fmt.Fprintf(joined, "%s,%s\n", t.site, line)
			}
		}
	}
	return joined.Bytes(), errors.Join(problems...)
}

// check says whether content is the file that the sum was taken of.
func (t table) check(content []byte) error {
	sum := sha256.Sum256(content)
	if got := hex.EncodeToString(sum[:]); got != t.sha256 {
		return fmt.Errorf("%s is not the file expected: SHA-256 got %s, wanted %s (%d bytes); many copies in circulation are altered, take UCI's own (%s)",
			t.file, got, t.sha256, len(content), archive)
	}
	return nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded(f, name)
}

func download(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: the server answers %s", address, answer.Status)
	}
	return bounded(answer.Body, address)
}

// bounded reads r to its end, or to where it is too long to be one of the tables.
func bounded(r io.Reader, name string) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(content) > maxBytes {
		return nil, fmt.Errorf("read %s: more than %d bytes, which none of the tables has", name, maxBytes)
	}
	return content, nil
}

// write puts content in place under its name, whole or not at all.
func write(name string, content []byte) error {
	directory := filepath.Dir(name)
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	part, err := os.CreateTemp(directory, "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) // in vain once it is renamed
	_, err = part.Write(content)
	if err = errors.Join(err, part.Chmod(0o644), part.Sync(), part.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(part.Name(), name)
}
