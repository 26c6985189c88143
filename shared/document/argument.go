package document

import (
	"slices"
	"strings"

	"mlops/shared/approval"
	"mlops/shared/document/figure"
	"mlops/shared/remedy"
)

// section is one heading of the argument for a decision, with its paragraphs. Mail and page show the same.
type section struct {
	Title string
	Text  []string
}

// argument tells a decision in the order a reader asks: what happened, does it matter, what is to be done, why nothing else, what if I do
// nothing. It says what the decision carries and nothing more; a section without anything to say is left out. The request is nil where
// nobody is asked.
func argument(d remedy.Decision, r *approval.Request) []section {
	happened, matters := evidence(d)
	title := "What I did"
	switch {
	case d.Proceeds():
		title = "What I do"
	case r != nil || remedy.Acts(d.Action):
		title = "What I would do"
	}
	var out []section
	for _, s := range []section{
		{"What happened", []string{figure.Finished(happened)}},
		{"Does it matter", []string{figure.Finished(matters)}},
		{title, []string{strings.Join(deed(d, r), " ")}},
		{"Why not else", others(d)},
		{"What you could do", []string{figure.Sentence(d.Advice)}},
		{"If you do nothing", []string{otherwise(d, r)}},
	} {
		if s.Text = slices.DeleteFunc(s.Text, func(t string) bool { return t == "" }); len(s.Text) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// evidence splits what speaks for the decision: what was seen, and what it costs. The reasons are the second; what the best hypothesis has
// beyond them is the first. Where it has nothing beyond, or there is none, the first reason tells what happened. Evidence keeps the case it
// has, since it may begin with the name of a feature.
func evidence(d remedy.Decision) (happened, matters string) {
	var seen, costs []string
	for _, r := range d.Reasons {
		if text := figure.Line(r.Text, figure.MaxText); text != "" {
			costs = append(costs, text)
		}
	}
	if hs := d.Diagnosis.Hypotheses; len(hs) > 0 && hs[0].Cause != remedy.CauseNone {
		for _, f := range hs[0].For[:min(len(hs[0].For), maxEvidence)] {
			if f = figure.Line(f, figure.MaxText); !slices.ContainsFunc(costs, func(c string) bool { return repeats(c, f) }) {
				seen = append(seen, f)
			}
		}
	}
	if len(seen) == 0 && len(costs) > 0 {
		seen, costs = costs[:1], costs[1:]
	}
	happened, matters = strings.Join(seen, "; "), strings.Join(costs, "; ")
	if c := causeName(d.Cause); c != "" && happened != "" {
		happened = c + ": " + happened
	}
	if s := figure.Words(d.Diagnosis.Severity); s != "" {
		matters = strings.TrimSuffix("severity "+s+": "+matters, ": ")
	}
	return happened, matters
}

// maxEvidence is how many pieces of evidence the text names; the tables have them all.
const maxEvidence = 4

// repeats reports whether one of two sentences is how the other begins, up to its conclusion after a colon.
func repeats(a, b string) bool {
	a, _, _ = strings.Cut(a, ": ")
	return strings.HasPrefix(b, a) || strings.HasPrefix(a, b)
}

// deed is what the action does, what it should bring, what it costs, and what it cannot do.
func deed(d remedy.Decision, r *approval.Request) []string {
	out := []string{actionName(d.Action)}
	from := ""
	if r != nil && r.From > 0 {
		from = " instead of " + figure.Version(r.From)
	}
	switch d.Action {
	case remedy.Retrain:
		out[0] = "retrain " + figure.Line(d.Model, figure.MaxName) + " on its data and the newer labelled rows"
	case remedy.Promote:
		out[0] = "serve " + figure.Version(d.Target) + artefact(d) + from
	case remedy.Rollback, remedy.Undo:
		out[0] = "serve " + figure.Version(d.Target) + artefact(d) + " again" + from
	}
	if e := d.Expected; e.Metric != "" && figure.Finite(e.Value) {
		out = append(out, "expected "+expected(e))
	}
	if remedy.Acts(d.Action) {
		out = append(out, "it takes about "+figure.Duration(d.ETASeconds)+" and costs "+figure.Dollars(d.CostUSD))
		if d.Action == remedy.Retrain {
			out = append(out, "nothing goes live unless it beats the serving version on the same rows")
		} else {
			out = append(out, "its golden rows are scored through the serving path afterwards; if they differ, a person is told")
		}
	}
	if d.Blocked != "" {
		out = append(out, "this is proposed only: held back by "+figure.Words(d.Blocked))
	}
	for i := range out {
		out[i] = figure.Sentence(out[i])
	}
	return out
}

func artefact(d remedy.Decision) string {
	if d.TargetSHA256 == "" {
		return ""
	}
	return " (artefact " + figure.Digest(d.TargetSHA256) + ")"
}

// expected is "AUC 0.866 [0.830, 0.902]"; a difference has its sign.
func expected(e remedy.Effect) string {
	print := figure.Number
	if strings.HasSuffix(e.Metric, " difference") {
		print = figure.Signed
	}
	return figure.Metric(e.Metric) + " " + print(e.Value) + figure.Interval(e.Low, e.High, print)
}

// others is each alternative and each explanation that was weighed and left, with why.
func others(d remedy.Decision) []string {
	var out []string
	for _, a := range d.Alternatives {
		out = append(out, figure.Sentence(actionName(a.Action)+": "+a.WhyNot))
	}
	for _, h := range d.Diagnosis.Hypotheses[min(1, len(d.Diagnosis.Hypotheses)):] {
		if causeName(h.Cause) != "" && len(h.Against) > 0 && len(out) < 5 {
			out = append(out, figure.Sentence("not "+causeName(h.Cause)+": "+strings.Join(h.Against, "; ")))
		}
	}
	return out
}

func otherwise(d remedy.Decision, r *approval.Request) string {
	s := figure.Sentence(d.Otherwise)
	if r != nil {
		s += " The request ends " + figure.Moment(r.ExpiresAt, "Mon 2 Jan 15:04 UTC") + ", and silence counts as no."
	}
	return strings.TrimSpace(s)
}

// actionName is an action in the imperative.
func actionName(action string) string {
	switch action {
	case remedy.None:
		return "nothing"
	case remedy.Inform:
		return "wrote it down"
	case remedy.Raise:
		return "told the owner, once"
	case remedy.RequestLabels:
		return "asked for labels"
	case remedy.Rollback:
		return "roll back"
	case remedy.KeepChampion:
		return "keep the champion"
	case remedy.Resolve:
		return "closed the incident, as measured"
	case remedy.Escalate:
		return "stopped: a person must look"
	case remedy.Fold:
		return "counted it with the open incident"
	}
	return figure.Words(action)
}

// causeName is a cause in words, "" for none.
func causeName(cause string) string {
	if cause == remedy.CauseNone {
		return ""
	}
	return figure.Words(cause)
}
