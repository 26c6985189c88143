package main

import (
	"debug/elf"
	"fmt"
	"maps"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"mlops/shared/topology"
)

// settings is what a person chooses about a stack, by -c key=value or in cdk.json's context.
type settings struct {
	env       string            // dev or prod
	arch      string            // arm64 or x86_64
	account   string            // "" = the one that the credentials belong to
	region    string            //
	owners    []string          // who is told by mail: alarms, incidents
	approvers []string          // who is asked by mail, each with a link of their own
	publicURL string            // where links of mails lead; "" = the approvals API's own address
	reserved  bool              // reserve the concurrency that the topology asks for
	logDays   int               // how long logs are kept
	rate      int               // requests a second of the predict usage plan
	burst     int               //
	schedules map[string]string // a schedule's expression by its name; "off" = none
	logsRole  bool              // make the role by which API Gateway writes logs: one in an account and region
	dist      string            // where the functions' folders lie; "" = dist of the project's root
}

// production says whether mistakes are to be hard.
func (s settings) production() bool { return s.env == "prod" }

var (
	architectures  = map[string]elf.Machine{"arm64": elf.EM_AARCH64, "x86_64": elf.EM_X86_64}
	expressionForm = regexp.MustCompile(`^(off|(rate|cron)\([^()]+\))$`)
	keyForm        = regexp.MustCompile(`^[A-Za-z.]+$`)
	accountForm    = regexp.MustCompile(`^([0-9]{12})?$`)
	regionForm     = regexp.MustCompile(`^([a-z]{2}(-[a-z]+)+-[0-9])?$`)
	urlForm        = regexp.MustCompile(`^(https://[A-Za-z0-9.-]+(/[A-Za-z0-9._~/-]*)?)?$`)
	logDays        = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)

// load reads the settings from the app's context and names every fault at once.
func load(app awscdk.App) (settings, error) {
	var problems, known []string
	value := func(key, otherwise string) string {
		known = append(known, key)
		v := app.Node().TryGetContext(&key)
		if v == nil {
			return otherwise
		}
		return strings.TrimSpace(fmt.Sprint(v))
	}
	must := func(ok bool, key, got, want string) {
		if !ok {
			problems = append(problems, fmt.Sprintf("-c %s=%s: want %s", key, got, want))
		}
	}
	number := func(key string, otherwise int) int {
		text := value(key, strconv.Itoa(otherwise))
		n, err := strconv.Atoi(text)
		must(err == nil && n > 0, key, text, "a number above 0")
		return n
	}
	flag := func(key string, otherwise bool) bool {
		text := value(key, strconv.FormatBool(otherwise))
		b, err := strconv.ParseBool(text)
		must(err == nil, key, text, "true or false")
		return b
	}
	people := func(key string) []string {
		var out []string
		for _, one := range strings.FieldsFunc(value(key, ""), func(r rune) bool { return r == ',' || r == ' ' }) {
			a, err := mail.ParseAddress(one)
			must(err == nil && a.Address == one, key, one, "mail addresses with commas between them")
			must(!slices.Contains(out, one), key, one, "each address once")
			out = append(out, one)
		}
		return out
	}

	s := settings{env: value("env", "dev"), arch: value("arch", "arm64"), account: value("account", ""), region: value("region", ""), publicURL: strings.TrimSuffix(value("publicUrl", ""), "/"),
		owners: people("owners"), approvers: people("approvers"), dist: os.Getenv("MLOPS_DIST"), schedules: map[string]string{}}
	must(s.env == "dev" || s.env == "prod", "env", s.env, "dev or prod")
	must(architectures[s.arch] != 0, "arch", s.arch, "arm64 or x86_64")
	must(accountForm.MatchString(s.account), "account", s.account, "12 digits")
	must(regionForm.MatchString(s.region), "region", s.region, "a region's name, e.g. eu-central-1")
	must(urlForm.MatchString(s.publicURL), "publicUrl", s.publicURL, "an https:// address without query")
	s.reserved, s.logsRole = flag("reserved", s.production()), flag("apiLogsRole", true)
	s.rate, s.burst = number("rate", 50), number("burst", 100)
	s.logDays = number("logDays", map[bool]int{false: 30, true: 365}[s.production()])
	must(slices.Contains(logDays, s.logDays), "logDays", strconv.Itoa(s.logDays), fmt.Sprintf("one of %v", logDays))
	for _, schedule := range topology.Schedules() {
		key := "schedule." + schedule.Name
		s.schedules[schedule.Name] = value(key, expression(schedule))
		must(expressionForm.MatchString(s.schedules[schedule.Name]), key, s.schedules[schedule.Name], "rate(..), cron(..) or off")
	}
	must(!s.production() || len(s.owners) > 0, "owners", "", "who is told, in production")
	must(!s.production() || len(s.approvers) > 0, "approvers", "", "who is asked, in production")
	all, _ := app.Node().GetAllContext(nil).(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(all)) { // what the CDK keeps for itself has @ or : in its name
		must(!keyForm.MatchString(key) || slices.Contains(known, key), key, fmt.Sprint(all[key]), "a setting that there is: "+strings.Join(known, ", "))
	}
	if len(problems) > 0 {
		return s, fmt.Errorf("the settings are wrong:\n  %s", strings.Join(problems, "\n  "))
	}
	return s, nil
}

// built checks that each function was built, and for the machine it is to run on.
func (s settings) built() error {
	var problems []string
	for _, f := range topology.Functions {
		path := filepath.Join(s.dist, string(f.Name), "bootstrap")
		binary, err := elf.Open(path)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", path, err))
			continue
		}
		if binary.Machine != architectures[s.arch] {
			problems = append(problems, fmt.Sprintf("%s is built for %v, the stack is for %s", path, binary.Machine, s.arch))
		}
		binary.Close()
	}
	if len(problems) > 0 {
		return fmt.Errorf("the functions are not built as the stack wants them, run `make build` first:\n  %s", strings.Join(problems, "\n  "))
	}
	return nil
}
