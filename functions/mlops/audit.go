package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"mlops/shared/audit"
	"mlops/shared/fault"
)

func auditCommand(a *app) *cobra.Command {
	parent := &cobra.Command{Use: "audit", Short: "The ledger: who decided what, when and why"}
	var r remote
	var export, model, save string
	verify := &cobra.Command{
		Use: "verify", Short: "Walk the hash chain of every model, or of an export, and name the first entry that does not hold; exit 1 when one does not", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out []verified
			if export != "" {
				f, err := os.Open(export)
				if err != nil {
					return usage{fmt.Errorf("read the export: %w", err)}
				}
				defer f.Close()
				entries, err := audit.ReadExport(f)
				if err != nil {
					return fault.Wrap(err, "read %s", export)
				}
				out = append(out, check(export, entries, nil))
			} else {
				names, err := models(c, &r, model)
				if err != nil {
					return err
				}
				for _, n := range names {
					entries, head, err := ledger(c, &r, n)
					if err != nil {
						return err
					}
					out = append(out, check(n, entries, head))
					if save != "" {
						if err := saveExport(save, entries); err != nil {
							return err
						}
					}
				}
			}
			a.answer = map[string]any{"ledgers": out}
			ok := true
			for _, v := range out {
				ok = ok && v.OK
				if a.json {
					continue
				}
				if v.OK {
					a.printf("%s: %d entries, chain holds, head %.12s\n", v.Ledger, v.Entries, v.Head)
				} else {
					a.printf("%s: BROKEN: %s\n", v.Ledger, v.Problem)
				}
			}
			if !ok {
				return errNegative
			}
			return nil
		},
	}
	verify.Flags().StringVar(&export, "export", "", "verify this export offline, instead of a platform's ledger")
	verify.Flags().StringVar(&model, "model", "", "of this model only")
	verify.Flags().StringVar(&save, "save", "", "also write the entries to this file, one JSON object a line")
	r.flags(verify)
	parent.AddCommand(verify)
	return parent
}

type verified struct {
	Ledger  string `json:"ledger"`
	Entries int    `json:"entries"`
	Head    string `json:"head"`
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
}

func check(name string, entries []audit.Entry, want *audit.Head) verified {
	v := verified{Ledger: name, Entries: len(entries)}
	head, err := audit.Verify(entries)
	v.Head, v.OK = head.Hash, err == nil
	if err == nil && want != nil && head != *want {
		err = fmt.Errorf("the chain ends at entry %d, the head says %d: the end is missing", head.Seq, want.Seq)
	}
	if err != nil {
		v.OK, v.Problem = false, err.Error()
	}
	return v
}

func models(c *cobra.Command, r *remote, only string) ([]string, error) {
	if only != "" {
		return []string{only}, nil
	}
	b, err := r.call(c.Context(), http.MethodGet, "/models", nil)
	if err != nil {
		return nil, err
	}
	var v struct {
		Models []struct {
			Model string `json:"model"`
		} `json:"models"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, err
	}
	var out []string
	for _, m := range v.Models {
		out = append(out, m.Model)
	}
	return out, nil
}

func ledger(c *cobra.Command, r *remote, name string) ([]audit.Entry, *audit.Head, error) {
	var all []audit.Entry
	for from := int64(1); ; {
		b, err := r.call(c.Context(), http.MethodGet, fmt.Sprintf("/models/%s/audit?from=%d", url.PathEscape(name), from), nil)
		if err != nil {
			return nil, nil, err
		}
		var page struct {
			Entries []audit.Entry `json:"entries"`
			Head    audit.Head    `json:"head"`
		}
		if err := json.Unmarshal(b, &page); err != nil {
			return nil, nil, err
		}
		all = append(all, page.Entries...)
		if len(page.Entries) < 500 {
			return all, &page.Head, nil
		}
		from = all[len(all)-1].Seq + 1
	}
}

func saveExport(file string, entries []audit.Entry) error {
	f, err := os.Create(file)
	if err != nil {
		return usage{fmt.Errorf("write the export: %w", err)}
	}
	if err := audit.WriteExport(f, entries); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
