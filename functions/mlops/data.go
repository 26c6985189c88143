package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mlops/functions/internal/dashboard"
	"mlops/functions/internal/train"
	"mlops/shared/dataset/version"
	"mlops/shared/fault"
	"mlops/shared/registry"
	"mlops/shared/training/selection"
)

func dataCommand(a *app) *cobra.Command {
	parent := &cobra.Command{Use: "data", Short: "Data versions: their log, manifests, differences, rows, and which is trained on"}
	for _, c := range []func(*app) *cobra.Command{dataLogCommand, dataShowCommand, dataDiffCommand, dataCheckoutCommand, dataSelectCommand, dataPinCommand, dataUnpinCommand, dataPushCommand, dataQualityCommand} {
		parent.AddCommand(c(a))
	}
	return parent
}

func versionPath(name, id string) string {
	return "/datasets/" + url.PathEscape(name) + "/versions/" + url.PathEscape(id)
}

// ask makes one request and reads its answer.
func (r *remote) ask(ctx context.Context, method, path string, body, into any) error {
	b, err := r.call(ctx, method, path, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fault.New(fault.Internal, "the platform's answer to %s is not what this command reads", path).Because(err)
	}
	return nil
}

// history is one page of a dataset's log.
type history struct {
	Dataset  string             `json:"dataset"`
	Model    string             `json:"model"`
	Total    int                `json:"total"`
	Versions []dashboard.Logged `json:"versions"`
}

func dataLogCommand(a *app) *cobra.Command {
	var r remote
	var limit int
	c := &cobra.Command{
		Use: "log [name]", Short: "The versions of a dataset, newest first; without a name, of every dataset", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if limit < 1 {
				return usage{fmt.Errorf("--limit %d: at least 1", limit)}
			}
			names := args
			if len(args) == 0 {
				var all struct{ Datasets []dashboard.Named }
				if err := r.ask(c.Context(), http.MethodGet, "/datasets", nil, &all); err != nil {
					return err
				}
				for _, d := range all.Datasets {
					names = append(names, d.Name)
				}
			}
			out := []history{}
			for _, name := range names {
				h, err := r.log(c.Context(), name, limit)
				if err != nil {
					return err
				}
				out = append(out, h)
				a.printLog(h)
			}
			if len(names) == 0 {
				a.printf("no data was uploaded yet\n")
			}
			a.answer = map[string]any{"datasets": out}
			return nil
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", 50, "how many versions of each at most")
	r.flags(c)
	return c
}

// log reads the newest versions, page by page.
func (r *remote) log(ctx context.Context, name string, limit int) (history, error) {
	var out history
	for {
		var page history
		path := fmt.Sprintf("/datasets/%s/versions?skip=%d&limit=%d", url.PathEscape(name), len(out.Versions), min(50, limit-len(out.Versions)))
		if err := r.ask(ctx, http.MethodGet, path, nil, &page); err != nil {
			return out, err
		}
		page.Versions = append(out.Versions, page.Versions...)
		done := len(page.Versions) == len(out.Versions) || len(page.Versions) >= min(limit, page.Total)
		if out = page; done {
			return out, nil
		}
	}
}

func (a *app) printLog(h history) {
	if a.json {
		return
	}
	for _, v := range h.Versions {
		if v.Problem != "" {
			a.printf("%s@%.12s  DAMAGED: %s\n", h.Dataset, v.Version, v.Problem)
			continue
		}
		a.printf("%s@%.12s  %s  %5d rows  %s  %s%s%s\n", h.Dataset, v.Version, v.Created.UTC().Format(time.RFC3339), v.Rows["train"]+v.Rows["val"]+v.Rows["test"],
			verdict(v.Passed, v.Warnings), origin(v), trainedOn(v.Models), pinnedNote(v.Pinned))
	}
	if left := h.Total - len(h.Versions); left > 0 {
		a.printf("%s: %d older versions\n", h.Dataset, left)
	}
}

func verdict(passed bool, warnings int) string {
	switch {
	case !passed:
		return "failed"
	case warnings > 0:
		return fmt.Sprintf("passed, %d warnings", warnings)
	}
	return "passed"
}

func origin(v dashboard.Logged) string {
	if len(v.Parents) == 0 {
		name := v.Source[strings.LastIndexByte(v.Source, '/')+1:]
		digest, ext, _ := strings.Cut(name, ".")
		return fmt.Sprintf("uploaded %.12s.%s", digest, ext)
	}
	short := make([]string, len(v.Parents))
	for i, p := range v.Parents {
		name, id, _ := strings.Cut(p, "@")
		short[i] = fmt.Sprintf("%s@%.12s", name, id)
	}
	return fmt.Sprintf("%s and %d labelled rows", strings.Join(short, ", "), v.Fresh)
}

func trainedOn(models []dashboard.Trained) string {
	if len(models) == 0 {
		return ""
	}
	words := make([]string, len(models))
	for i, m := range models {
		words[i] = fmt.Sprintf("%s v%d", m.Model, m.Version)
		for _, alias := range m.Aliases {
			words[i] += " (" + string(alias) + ")"
		}
	}
	return "  -> " + strings.Join(words, ", ")
}

func pinnedNote(pinned bool) string {
	if pinned {
		return "  PINNED"
	}
	return ""
}

// shown is a data version with its models.
type shown struct {
	Manifest version.Manifest    `json:"manifest"`
	Models   []dashboard.Trained `json:"models"`
	Pinned   bool                `json:"pinned"`
}

func dataShowCommand(a *app) *cobra.Command {
	var r remote
	var model string
	c := &cobra.Command{
		Use: "show <name>[@version] | --model <model>[@n]|folder", Short: "The manifest of a data version, or of the one that a model was trained on", Args: cobra.MaximumNArgs(1),
		Long: "A version is its digest or the first digits of it, at least 4; name^ is the one before the newest, name~2 the one before that.\nWith --model, a model's version is its number; without one the champion is meant.",
		RunE: func(c *cobra.Command, args []string) error {
			if (len(args) == 1) == (model != "") {
				return usage{fmt.Errorf("name a data version, or a model with --model")}
			}
			ref := strings.Join(args, "")
			if model != "" {
				of, err := r.dataOf(c.Context(), model)
				if err != nil {
					return err
				}
				ref = of
			}
			v, err := r.show(c.Context(), ref)
			if err != nil {
				return err
			}
			a.answer = v
			if !a.json {
				a.printManifest(v)
			}
			return nil
		},
	}
	c.Flags().StringVar(&model, "model", "", "show the data that this model's version was trained on, or the model in this folder")
	r.flags(c)
	return c
}

func (r *remote) show(ctx context.Context, ref string) (shown, error) {
	var v shown
	name, id, err := version.ParseReference(ref)
	if err != nil {
		return v, err
	}
	if id == "" {
		id = version.Latest
	}
	err = r.ask(ctx, http.MethodGet, versionPath(name, id), nil, &v)
	return v, err
}

// dataOf is the data version that a model's version was trained on, model@n, or model for the champion; or that a folder's model was, which mlops train
// wrote.
func (r *remote) dataOf(ctx context.Context, ref string) (string, error) {
	if b, err := os.ReadFile(filepath.Join(ref, "metadata.json")); err == nil {
		var meta train.Metadata
		if err := json.Unmarshal(b, &meta); err != nil {
			return "", fault.Invalidf("read %s: it does not describe a model", filepath.Join(ref, "metadata.json")).Because(err)
		}
		return meta.Dataset + "@" + meta.Data, nil
	}
	name, number, named := strings.Cut(ref, "@")
	var all struct{ Models []registry.State }
	if err := r.ask(ctx, http.MethodGet, "/models", nil, &all); err != nil {
		return "", err
	}
	for _, s := range all.Models {
		if s.Model != name {
			continue
		}
		v, _, ok := s.At(registry.Champion)
		if named {
			n, err := strconv.Atoi(number)
			if err != nil {
				return "", usage{fmt.Errorf("--model %q: behind @ stands a version's number", ref)}
			}
			v, ok = s.Version(n)
		}
		if !ok {
			return "", fault.NotFoundf("model %s has no version %s", name, strings.TrimPrefix(strings.TrimPrefix(ref, name), "@"))
		}
		return v.Dataset + "@" + v.DataVersion, nil
	}
	return "", fault.NotFoundf("there is no model %.60q", name)
}

func (a *app) printManifest(v shown) {
	m := v.Manifest
	line := func(name, format string, args ...any) {
		a.printf("%-11s "+format+"\n", append([]any{name}, args...)...)
	}
	line("version", "%s@%s%s", m.Dataset, m.Version, pinnedNote(v.Pinned))
	line("content", "%s", m.Content)
	line("created", "%s by %s", m.Created.UTC().Format(time.RFC3339), m.Code)
	line("source", "%s (SHA-256 %.12s)", m.Source, m.Digest)
	for _, p := range m.Parents {
		line("parent", "%s, and %d rows of labelled traffic", p, m.Fresh)
	}
	if s := m.Selection; s != nil {
		line("chosen", "by %s: %s", s.Decided, strings.Join(s.Reasons, "; "))
	}
	line("target", "%s, %s", m.Target, m.Task)
	line("rows", "%d train, %d val, %d test, %d rejected; %s, seed %d", m.Rows["train"], m.Rows["val"], m.Rows["test"], m.Rows["rejected"], m.Split.Rule, m.Seed)
	line("validation", "%s: %d expectations of %s (SHA-256 %.12s)", verdict(m.Validation.Passed, m.Validation.Warnings), m.Validation.Expectations, m.Suite, m.SuiteSHA)
	if q := m.Quick; q != nil {
		line("quick", "%s: %s %.4f +-%.4f over %d folds of %d rows", q.Algorithm, q.Metric, float64(q.Mean), float64(q.SE), q.Folds, q.Rows)
	}
	line("columns", "%d", len(m.Schema.Fields))
	for _, f := range m.Schema.Fields {
		a.printf("  %-20s %-11s %-8s %d values, %.1f %% missing\n", f.Name, f.Kind, f.Role, f.Distinct, 100*f.Missing)
	}
	for _, t := range v.Models {
		line("model", "%s", strings.TrimPrefix(trainedOn([]dashboard.Trained{t}), "  -> "))
	}
}

func dataSelectCommand(a *app) *cobra.Command {
	var r remote
	var dry, renewal bool
	c := &cobra.Command{
		Use: "select <name>", Short: "Which version the rule of selection trains on, and why not the others; the choice goes into the ledger", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var choice selection.Choice
			body := map[string]bool{"dry_run": dry, "renewal": renewal}
			if err := r.ask(c.Context(), http.MethodPost, "/datasets/"+url.PathEscape(args[0])+"/selection", body, &choice); err != nil {
				return err
			}
			a.answer = choice
			for _, v := range choice.Verdicts {
				if !a.json {
					a.printf("%-11s %-24s %s\n", v.Status, v.Name(), measures(v))
					for _, why := range v.Why {
						a.printf("%-11s   %s\n", "", why)
					}
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "do not record the choice")
	c.Flags().BoolVar(&renewal, "renewal", false, "as the scheduled retraining chooses, among all datasets of the model")
	r.flags(c)
	return c
}

// measures is what the rule saw of a candidate, in one line.
func measures(v selection.Verdict) string {
	if v.Unread != "" {
		return "cannot be read"
	}
	words := []string{v.Created.UTC().Format("2006-01-02"), fmt.Sprintf("%d rows", v.Rows)}
	if v.Positives >= 0 {
		words = append(words, fmt.Sprintf("%d of the rarest class", v.Positives))
	}
	if s := v.Score; s != nil {
		words = append(words, fmt.Sprintf("%s %.4f +-%.4f", s.Metric, float64(s.Mean), float64(s.SE)))
	}
	if d := v.Drift; d != nil {
		words = append(words, fmt.Sprintf("%d of %d features drifted", d.Drifted, d.Columns))
	} else if v.NoDrift != "" {
		words = append(words, "drift not measured: "+v.NoDrift)
	}
	return strings.Join(words, ", ")
}

func dataPinCommand(a *app) *cobra.Command {
	var r remote
	var reason string
	c := &cobra.Command{
		Use: "pin <name>@<version>", Short: "Train on this version, whatever the rule would choose, until it is unpinned", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			name, id, err := version.ParseReference(args[0])
			if err != nil {
				return err
			}
			if id == "" {
				return usage{fmt.Errorf("name the version to pin: %s@version, or %s@latest", name, name)}
			}
			return a.pin(c.Context(), &r, name, id, reason)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why")
	r.flags(c)
	return c
}

func dataUnpinCommand(a *app) *cobra.Command {
	var r remote
	var reason string
	c := &cobra.Command{
		Use: "unpin <name>", Short: "Let the rule of selection choose again", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.pin(c.Context(), &r, args[0], "", reason) },
	}
	c.Flags().StringVar(&reason, "reason", "", "why")
	r.flags(c)
	return c
}

func (a *app) pin(ctx context.Context, r *remote, name, id, reason string) error {
	if reason == "" {
		return usage{fmt.Errorf("--reason is missing: it goes into the ledger")}
	}
	var v struct {
		Dataset string         `json:"dataset"`
		Pin     *selection.Pin `json:"pin"`
	}
	if err := r.ask(ctx, http.MethodPost, "/datasets/"+url.PathEscape(name)+"/pin", map[string]string{"version": id, "reason": reason}, &v); err != nil {
		return err
	}
	a.answer = v
	if a.json {
		return nil
	}
	if v.Pin == nil {
		a.printf("%s: nothing is pinned, the rule chooses\n", v.Dataset)
		return nil
	}
	a.printf("%s@%.12s is pinned by %s: %s\n", v.Dataset, v.Pin.Version, v.Pin.By, v.Pin.Why)
	return nil
}
