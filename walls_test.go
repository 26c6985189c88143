// Package walls holds the test that keeps the rooms of the house apart. The table below is the plan; each wall says why it stands.
package walls

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
)

const module = "mlops/"

// room is one room of shared/: its storey, the rooms of its own storey that it may enter, and the libraries it may use beside the standard
// library and gonum.
type room struct {
	storey    int
	neighbour []string
	libraries []string
}

// rooms is the house, from the ground up. A room imports lower storeys only, and what stands beside it here.
var rooms = map[string]room{
	"fault":                  {storey: 0},
	"number":                 {storey: 0},
	"elementary":             {storey: 0},
	"event":                  {storey: 0, neighbour: []string{"fault"}},
	"topology":               {storey: 0, neighbour: []string{"event"}},
	"config":                 {storey: 0, neighbour: []string{"fault"}},
	"dataset":                {storey: 1, libraries: []string{"github.com/klauspost/compress"}},
	"dataset/version":        {storey: 2},                                                                                                                                                                                                                                                                                                // apart from dataset, so that what reads tables knows no manifest
	"dataset/parquet":        {storey: 1, neighbour: []string{"dataset"}, libraries: []string{"github.com/parquet-go/parquet-go/format", "github.com/parquet-go/parquet-go/encoding/thrift", "github.com/parquet-go/parquet-go/deprecated", "github.com/klauspost/compress", "github.com/pierrec/lz4", "github.com/andybalholm/brotli"}}, // the format's structs, and the compressions of its pages: not the whole library, which links a writer and protobuf
	"dataset/parquet/writer": {storey: 1, neighbour: []string{"dataset"}, libraries: []string{"github.com/parquet-go/parquet-go"}},
	"registry":               {storey: 1},
	"approval":               {storey: 1},
	"audit":                  {storey: 1},
	"rule":                   {storey: 2},
	"expect":                 {storey: 2, neighbour: []string{"drift/stattest", "rule"}, libraries: []string{"github.com/santhosh-tekuri/jsonschema", "github.com/dlclark/regexp2/v2"}}, // one set of tests, KS among them
	"model/wire":             {storey: 1},
	"model/tree":             {storey: 2, neighbour: []string{"model"}},
	"model":                  {storey: 2},
	"model/fit":              {storey: 2, neighbour: []string{"model", "model/tree", "evaluate"}}, // evaluate: out-of-bag scores
	"model/modeltest":        {storey: 2, neighbour: []string{"model", "model/fit"}},
	"evaluate":               {storey: 2},
	"explain":                {storey: 2, neighbour: []string{"model"}}, // apart from training, so that what shows an explanation links no trainer
	"control":                {storey: 2},
	"drift":                  {storey: 3, neighbour: []string{"drift/joint"}},
	"drift/evidently":        {storey: 3, neighbour: []string{"drift", "drift/stattest"}},
	"drift/stattest":         {storey: 2},
	"drift/joint":            {storey: 3},
	"drift/domain":           {storey: 3, neighbour: []string{"drift/joint"}}, // apart from drift, so that what reads a report links no trainer
	"drift/stream":           {storey: 3},
	"drift/alert":            {storey: 3, neighbour: []string{"drift"}},
	"drift/export":           {storey: 3, neighbour: []string{"drift"}},
	"training":               {storey: 3},
	"quality":                {storey: 2},
	"training/selection":     {storey: 3},
	"remedy":                 {storey: 4},
	"remedy/replay":          {storey: 4, neighbour: []string{"remedy"}, libraries: []string{"golang.org/x/tools/txtar"}},
	"document":               {storey: 5, neighbour: []string{"document/figure"}},
	"document/figure":        {storey: 5},
	"platform":               {storey: 6, libraries: []string{"github.com/goccy/go-yaml"}},
	"platform/store":         {storey: 6},
	"platform/local":         {storey: 6, neighbour: []string{"platform/store"}, libraries: []string{"modernc.org/sqlite"}},
	"platform/storetest":     {storey: 6, neighbour: []string{"platform/store"}},
	"platform/start":         {storey: 6, libraries: []string{"github.com/aws/aws-lambda-go"}},
	"platform/aws":           {storey: 6, neighbour: []string{"platform/store"}, libraries: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},

	"platform/aws/awstest": {storey: 6, neighbour: []string{"platform/aws", "platform/store", "platform/storetest"}, libraries: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
}

const (
	whyStoreys   = "a room imports lower storeys only, so that the pure rules can be read, tested and replayed without anything above them"
	whyLibraries = "a room uses the libraries that stand beside it in this table: each further one is a decision, not an accident"
	whyPure      = "everything in shared/ outside platform is pure: now, seeds and bytes are arguments, so that a replay decides the same"
	whyHandlers  = "handlers know their own small interfaces, never platform: the same handler runs on one machine and in the cloud"
	whyPredict   = "predict's size is its cold start: it links no trainer, no decision, no document"
	whyUnlisted  = "every room of shared/ has a place in the house: add it to the table of rooms, with its storey"
	whySDK       = "the AWS SDK stays in platform/aws, so that nothing else depends on one cloud, and a fault of it is mended in one place"
	whyTrace     = "platform/aws/trace.go alone knows X-Ray: what draws the traces can be replaced in one place, and no library of it is linked"
	whyMain      = "a function's main joins and starts; what it does lies in functions/internal/<name>"
)

// imports are the imports of a package's files, tests apart.
type imports map[string][]string

// load parses the imports of every package of the module.
func load(t *testing.T) (production, tests imports) {
	t.Helper()
	production, tests = imports{}, imports{}
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "dist" || name == "cdk.out") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		into := production
		if strings.HasSuffix(path, "_test.go") {
			into = tests
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		into[dir] = append(into[dir], importsOf(f)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(production) < 20 {
		t.Fatalf("only %d packages were found: the test must run in the module's root", len(production))
	}
	return production, tests
}

func importsOf(f *ast.File) []string {
	var out []string
	for _, i := range f.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

func (m imports) dirs() []string {
	var out []string
	for d := range m {
		out = append(out, d)
	}
	sort.Strings(out)
	return out
}

// breach reports one broken wall with its reason.
func breach(t *testing.T, why, format string, args ...any) {
	t.Helper()
	t.Errorf("%s\n\twhy: %s", fmt.Sprintf(format, args...), why)
}

func TestStoreys(t *testing.T) {
	production, _ := load(t)
	for _, dir := range production.dirs() {
		name, ok := strings.CutPrefix(dir, "shared/")
		if !ok {
			continue
		}
		r, ok := rooms[name]
		if !ok {
			breach(t, whyUnlisted, "shared/%s is not in the table of rooms", name)
			continue
		}
		for _, i := range production[dir] {
			checkImport(t, name, r, i)
		}
	}
}

func checkImport(t *testing.T, name string, r room, path string) {
	t.Helper()
	if other, ok := strings.CutPrefix(path, module+"shared/"); ok {
		o, known := rooms[other]
		if !known || o.storey > r.storey || o.storey == r.storey && !slices.Contains(r.neighbour, other) {
			breach(t, whyStoreys, "shared/%s (storey %d) imports shared/%s (storey %d)", name, r.storey, other, o.storey)
		}
		return
	}
	if strings.HasPrefix(path, module) {
		breach(t, whyStoreys, "shared/%s imports %s: shared knows no function", name, path)
		return
	}
	if !strings.Contains(strings.SplitN(path, "/", 2)[0], ".") || strings.HasPrefix(path, "gonum.org/v1/gonum/") {
		return // the standard library, and gonum
	}
	if !slices.ContainsFunc(r.libraries, func(l string) bool { return path == l || strings.HasPrefix(path, l+"/") }) {
		breach(t, whyLibraries, "shared/%s imports %s", name, path)
	}
}

// impure are the standard library's packages whose use makes a room depend on more than its arguments.
var impure = []string{"context", "os", "os/exec", "net", "net/http", "log", "log/slog", "math/rand", "crypto/rand", "syscall", "runtime/debug"}

// impureCalls are functions that read the world though their package is otherwise welcome.
var impureCalls = map[string][]string{"time": {"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker"}, "rand": {"Int", "IntN", "Float64", "Perm", "Shuffle", "N"}}

func TestPurity(t *testing.T) {
	production, _ := load(t)
	fset := token.NewFileSet()
	for _, dir := range production.dirs() {
		name, ok := strings.CutPrefix(dir, "shared/")
		if !ok || name == "platform" || strings.HasPrefix(name, "platform/") {
			continue
		}
		for _, i := range production[dir] {
			if slices.Contains(impure, i) {
				breach(t, whyPure, "shared/%s imports %s", name, i)
			}
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(fset, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && x.Obj == nil && slices.Contains(impureCalls[x.Name], s.Sel.Name) {
						breach(t, whyPure, "%s calls %s.%s", fset.Position(n.Pos()), x.Name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// joiners are the packages of functions/internal that join rather than handle.
var joiners = []string{"functions/internal/host", "functions/internal/story", "functions/internal/cloud", "functions/internal/settings", "functions/internal/loopback"}

func TestHandlersKnowNoPlatform(t *testing.T) {
	production, _ := load(t)
	for _, dir := range production.dirs() {
		if !strings.HasPrefix(dir, "functions/internal/") || slices.Contains(joiners, dir) {
			continue
		}
		for _, i := range production[dir] {
			if strings.HasPrefix(i, module+"shared/platform") {
				breach(t, whyHandlers, "%s imports %s", dir, i)
			}
		}
	}
}

func TestPredictStaysSmall(t *testing.T) {
	production, _ := load(t)
	forbidden := []string{"shared/model/fit", "shared/training", "shared/drift", "shared/remedy", "shared/document", "shared/dataset/parquet"}
	seen := map[string][]string{} // package -> the way to it
	var walk func(dir string, way []string)
	walk = func(dir string, way []string) {
		if _, done := seen[dir]; done {
			return
		}
		way = append(slices.Clone(way), dir)
		seen[dir] = way
		if slices.Contains(forbidden, dir) {
			breach(t, whyPredict, "predict links %s by %s", dir, strings.Join(way, " -> "))
		}
		for _, i := range production[dir] {
			if next, ok := strings.CutPrefix(i, module); ok {
				walk(next, way)
			} else if strings.Contains(i, "aws-cdk") || strings.Contains(i, "jsii") || strings.Contains(i, "parquet") {
				breach(t, whyPredict, "predict links %s by %s", i, strings.Join(way, " -> "))
			}
		}
	}
	walk("functions/predict", nil)
	if len(seen) < 5 {
		t.Fatalf("only %d packages are reached from predict: the test looks at the wrong place", len(seen))
	}
}

func TestOnlyPlatformSpeaksToAWS(t *testing.T) {
	production, _ := load(t)
	for _, dir := range production.dirs() {
		if strings.HasPrefix(dir, "shared/platform/aws") {
			continue
		}
		for _, i := range production[dir] {
			if strings.HasPrefix(i, "github.com/aws/aws-sdk-go-v2") {
				breach(t, whySDK, "%s imports %s", dir, i)
			}
		}
	}
}

// TestOnlyTraceKnowsXRay finds whoever else reads the daemon's address, or imports a library that knows X-Ray.
func TestOnlyTraceKnowsXRay(t *testing.T) {
	const only, address = "shared/platform/aws/trace.go", "AWS_XRAY_DAEMON_ADDRESS"
	production, _ := load(t)
	seen := false
	for _, dir := range production.dirs() {
		for _, i := range production[dir] {
			if strings.Contains(i, "xray") || strings.Contains(i, "opentelemetry") {
				breach(t, whyTrace, "%s imports %s", dir, i)
			}
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			file = filepath.ToSlash(file)
			knows := strings.Contains(string(b), address)
			seen = seen || knows && file == only
			if knows && file != only && !strings.HasSuffix(file, "_test.go") {
				breach(t, whyTrace, "%s reads %s", file, address)
			}
		}
	}
	if !seen {
		t.Errorf("%s does not read %s: the test looks at the wrong place", only, address)
	}
}

// TestMainsAreThin holds the size of every function's main.
func TestMainsAreThin(t *testing.T) {
	mains, err := filepath.Glob("functions/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mains {
		if m == filepath.Join("functions", "mlops", "main.go") {
			continue // the binary of one machine has commands of its own
		}
		b, err := os.ReadFile(m)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), "\n"); n > 40 {
			breach(t, whyMain, "%s has %d lines, more than 40", m, n)
		}
	}
}
