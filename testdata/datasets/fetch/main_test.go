package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// small replaces the tables by two short ones for the time of a test.
func small(t *testing.T) map[string]string {
	t.Helper()
	kept := tables
	t.Cleanup(func() { tables = kept })
	files := map[string]string{"a.data": "63.0,1.0,?\n67,0,3\n", "b.data": "1,2,3\r\n4,5,6"}
	tables = nil
	for _, site := range []string{"a", "b"} {
		sum := sha256.Sum256([]byte(files[site+".data"]))
		tables = append(tables, table{site, site + ".data", hex.EncodeToString(sum[:])})
	}
	return files
}

const smallJoined = header + "\na,63.0,1.0,?\na,67,0,3\nb,1,2,3\nb,4,5,6\n"

func TestFetchFromServer(t *testing.T) {
	files := small(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(files[strings.TrimPrefix(r.URL.Path, "/heart/")]))
	}))
	defer server.Close()
	name := filepath.Join(t.TempDir(), "data", "heart_uci.csv")
	var out bytes.Buffer
	if err := run([]string{"-url", server.URL + "/heart/", "-out", name}, "", &out); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); string(got) != smallJoined || err != nil {
		t.Errorf("wrote %q, %v", got, err)
	}
	if !strings.Contains(out.String(), "4 rows") || !strings.Contains(out.String(), "make run DATA="+name+" TARGET='num>0'") {
		t.Errorf("said %q", out.String())
	}
}

func TestFetchFromDirectory(t *testing.T) {
	directory, name := t.TempDir(), filepath.Join(t.TempDir(), "heart_uci.csv")
	for file, content := range small(t) {
		if err := os.WriteFile(filepath.Join(directory, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		from string
	}{{[]string{"-from", directory}, ""}, {nil, directory}} {
		os.Remove(name)
		if err := run(append(c.args, "-out", name), c.from, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); string(got) != smallJoined || err != nil {
			t.Errorf("%v: wrote %q, %v", c, got, err)
		}
	}
}

// Whatever goes wrong is said for every file, and the file that was there stays as it was.
func TestFetchProblems(t *testing.T) {
	files := small(t)
	for _, c := range []struct {
		name  string
		serve http.HandlerFunc
		want  []string
	}{
		{"altered", func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(strings.ReplaceAll(files[strings.TrimPrefix(r.URL.Path, "/")], "?", "0")))
		}, []string{"a.data is not the file expected: SHA-256 got ", "wanted " + tables[0].sha256}},
		{"absent", http.NotFound, []string{"a.data: the server answers 404", "b.data: the server answers 404"}},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			for range 2 * maxBytes / 1000 {
				w.Write(bytes.Repeat([]byte("x"), 1000))
			}
		}, []string{"more than 1048576 bytes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.serve)
			defer server.Close()
			directory := t.TempDir()
			name := filepath.Join(directory, "heart_uci.csv")
			os.WriteFile(name, []byte("before"), 0o600)
			err := run([]string{"-url", server.URL, "-out", name}, "", &bytes.Buffer{})
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nwant %q", err, want)
				}
			}
			if got, _ := os.ReadFile(name); string(got) != "before" {
				t.Errorf("the file became %q", got)
			}
			if entries, _ := os.ReadDir(directory); len(entries) != 1 {
				t.Errorf("%d files left behind", len(entries))
			}
		})
	}
	if err := run([]string{"-url", "http://127.0.0.1:1", "-out", filepath.Join(t.TempDir(), "x")}, "", &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "-from takes a directory") {
		t.Errorf("no server: %v", err)
	}
	if err := run([]string{"-from", t.TempDir(), "-out", filepath.Join(t.TempDir(), "x")}, "", &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "b.data") {
		t.Errorf("no files: %v", err)
	}
	if err := run([]string{"stray"}, "", &bytes.Buffer{}); err == nil {
		t.Error("a stray argument is taken")
	}
}

// The real files, where somebody has put them.
func TestFetchRealTables(t *testing.T) {
	shared := os.Getenv("MLOPS_SHARED")
	if shared == "" {
		shared = "../../../../shared"
	}
	want, err := os.ReadFile(filepath.Join(shared, "data", "heart_uci_4sites.csv"))
	if err != nil {
		t.Skip("the real tables are not here: ", err)
	}
	name := filepath.Join(t.TempDir(), "heart_uci.csv")
	if err := run([]string{"-from", filepath.Join(shared, "data", "uci_heart"), "-out", name}, "", &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(name); !bytes.Equal(got, want) {
		t.Error("not the table that others made of the same files")
	}
	if got := bytes.Count(want, []byte("\n")) - 1; got != 303+294+123+200 {
		t.Errorf("%d rows", got)
	}
}
