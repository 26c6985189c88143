package expect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"mlops/shared/fault"
)

// What is done about a failed expectation of one severity.
const (
	Refuse = "refuse" // the upload is refused whole: nothing trains on it. Of a request: the same as reject
	Reject = "reject" // the rows that failed are set aside and the others go on; where no row is to blame, as refuse does. Of a request: it is refused
	Warn   = "warn"   // the rows that failed are listed and go on. Of a request: it is answered, with a warning
	Ignore = "ignore" // only the result tells
)

// Checkpoint binds a dataset to what it is checked against. Zero values mean what Checkpoints.Of says.
type Checkpoint struct {
	Suite     string            `json:"suite,omitempty" yaml:"suite"`                 // a file under config/suites; "" = <dataset>.json there, else the one proposed from the first upload
	Inline    map[string]any    `json:"inline,omitempty" yaml:"inline"`               // the suite itself, instead of a file
	Format    string            `json:"result_format,omitempty" yaml:"result_format"` // of the stored result; SUMMARY
	OnFailure map[string]string `json:"on_failure,omitempty" yaml:"on_failure"`       // severity -> refuse, reject, warn or ignore
	Requests  *Checkpoint       `json:"requests,omitempty" yaml:"requests"`           // what each row that is to be predicted is checked against; nil = the model's own checks only
}

// Checkpoints are the checkpoints of a platform: config/checkpoints.yaml.
type Checkpoints struct {
	Default  Checkpoint            `json:"default" yaml:"default"` // what a dataset's own leaves out
	Datasets map[string]Checkpoint `json:"datasets" yaml:"datasets"`
}

// DefaultCheckpoints are those of a new installation: data that fails at severity critical trains nothing, and whatever else fails is listed.
func DefaultCheckpoints() Checkpoints {
	return Checkpoints{Default: Checkpoint{Format: string(Summary), OnFailure: map[string]string{Critical: Refuse, Warning: Warn, Info: Warn}}, Datasets: map[string]Checkpoint{}}
}

// requestFailure is what is done about a request where its checkpoint does not say.
var requestFailure = map[string]string{Critical: Reject, Warning: Warn, Info: Ignore}

// Of is the checkpoint of a dataset, with nothing left open but the suite.
func (c Checkpoints) Of(dataset string) Checkpoint {
	p, d := c.Datasets[dataset], DefaultCheckpoints().Default
	p.Format = cmp.Or(p.Format, c.Default.Format, d.Format)
	p.OnFailure = merged(d.OnFailure, c.Default.OnFailure, p.OnFailure)
	if p.Requests == nil && c.Default.Requests != nil {
		p.Requests = c.Default.Requests
	}
	if p.Requests != nil {
		r := *p.Requests
		r.OnFailure = merged(requestFailure, r.OnFailure)
		p.Requests = &r
	}
	return p
}

// merged is the union of maps; the later wins.
func merged(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

// Digest is the SHA-256 of the checkpoints as JSON: it stands beside every verdict made by them.
func (c Checkpoints) Digest() string {
	b, err := json.Marshal(c)
	if err != nil { // Validate has marshalled what is not a plain value
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Validate names everything that is wrong, suites that stand in the checkpoints themselves included. Files are looked for when they are used.
func (c Checkpoints) Validate() error {
	var problems []fault.Detail
	audit(c.Default, "default", &problems)
	if c.Default.Suite != "" || c.Default.Inline != nil {
		problems = append(problems, fault.Detail{Field: "default.suite", Code: "not_allowed", Expected: "a suite under a dataset's name: no suite fits every dataset"})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Datasets)) {
		if !datasetName.MatchString(name) {
			problems = append(problems, fault.Detail{Field: "datasets." + name, Code: "wrong_name", Got: brief(name), Expected: "1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit"})
		}
		audit(c.Datasets[name], "datasets."+name, &problems)
	}
	if len(problems) > 0 {
		return fault.Invalidf("the checkpoints are wrong").With(problems...)
	}
	return nil
}

var (
	datasetName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	suiteFile   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.json$`)
)

// audit appends the problems of one checkpoint.
func audit(c Checkpoint, field string, problems *[]fault.Detail) {
	wrong := func(name, code string, got any, expected string) {
		*problems = append(*problems, fault.Detail{Field: field + "." + name, Code: code, Got: got, Expected: expected})
	}
	if c.Suite != "" && !suiteFile.MatchString(c.Suite) {
		wrong("suite", "wrong_name", brief(c.Suite), "the name of a .json file under config/suites")
	}
	if c.Suite != "" && c.Inline != nil {
		wrong("inline", "not_allowed", nil, "suite or inline, not both")
	}
	if c.Inline != nil {
		if _, err := c.inline(); err != nil {
			wrong("inline", "wrong_suite", err.Error(), "a suite of Great Expectations")
		}
	}
	if _, err := ParseFormat(c.Format); err != nil {
		wrong("result_format", "out_of_range", brief(c.Format), "BOOLEAN_ONLY, BASIC, SUMMARY or COMPLETE")
	}
	for _, severity := range slices.Sorted(maps.Keys(c.OnFailure)) {
		action := c.OnFailure[severity]
		switch {
		case !slices.Contains(severities, severity):
			wrong("on_failure", "unknown_value", brief(severity), "critical, warning or info")
		case !slices.Contains([]string{Refuse, Reject, Warn, Ignore}, action):
			wrong("on_failure."+severity, "unknown_value", brief(action), "refuse, reject, warn or ignore")
		case severity == Critical && action != Refuse && action != Reject && !strings.HasSuffix(field, ".requests"):
			wrong("on_failure.critical", "not_allowed", action, "refuse or reject: data that fails critically is not trained on")
		}
	}
	if c.Requests != nil {
		if c.Requests.Requests != nil {
			wrong("requests.requests", "not_allowed", nil, "one suite for requests")
		}
		if c.Requests.Suite == "" && c.Requests.Inline == nil {
			wrong("requests.suite", "missing", nil, "the name of a .json file under config/suites, or inline")
		}
		r := *c.Requests
		r.Requests = nil
		audit(r, field+".requests", problems)
	}
}

// inline is the suite that stands in the checkpoint.
func (c Checkpoint) inline() ([]byte, error) {
	b, err := json.Marshal(c.Inline)
	if err != nil {
		return nil, err
	}
	_, err = ReadSuite(b)
	return b, err
}

// Source is where the suite is: a key of the data bucket, or the suite's own JSON where it stands in the checkpoint. Both are empty where the
// checkpoint names none.
func (c Checkpoint) Source() (key string, suite []byte, err error) {
	if c.Inline != nil {
		suite, err = c.inline()
		return "", suite, err
	}
	if c.Suite != "" {
		key = path.Join("config/suites", c.Suite)
	}
	return key, nil, nil
}
