package version

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mlops/shared/fault"
)

// leastPrefix is how many digits name a version at least, as in git.
const leastPrefix = 4

// Latest is the newest version; so is "".
const Latest = "latest"

// ParseReference takes name, name@version, name^ or name@version~2 apart: the dataset, and what Resolve reads.
func ParseReference(s string) (dataset, version string, err error) {
	dataset, version, named := strings.Cut(s, "@")
	if !named {
		if i := strings.IndexAny(s, "^~"); i >= 0 {
			dataset, version = s[:i], s[i:]
		}
	}
	if dataset == "" || named && version == "" {
		return "", "", fault.Invalidf("%.100q names no data version: write name, name@version, name^ (the one before the newest) or name~2", s)
	}
	return dataset, version, nil
}

// Resolve gives the whole digest that ref means among versions, which are in order of age, the newest last. ref is "" or latest, a whole
// digest, or its first digits, at least 4; each ^ behind it, or ~n, steps back to versions before. A digest that is whole is taken as it is
// where nothing is stepped back from it: the list need not remember the oldest. Invalid: it does not parse, or the digits fit several, which Detail lists.
// NotFound: they fit none, or there are not so many before.
func Resolve(versions []string, ref string) (string, error) {
	base, back, err := steps(ref)
	if err != nil {
		return "", err
	}
	at := len(versions) - 1
	switch {
	case base == "" || base == Latest:
	case IsDigest(base) && back == 0:
		return base, nil
	case !isHex(base) || len(base) > 64:
		return "", fault.NotFoundf("there is no data version %.70q: write the first of its lower-case hex digits, at least %d, or latest", base, leastPrefix)
	case len(base) < leastPrefix:
		return "", fault.Invalidf("%q is too short for a data version: write at least the first %d of its digits", base, leastPrefix)
	default:
		if at, err = match(versions, base); err != nil {
			return "", err
		}
	}
	if at < 0 {
		return "", fault.NotFoundf("there is no data version yet")
	}
	if back > at {
		return "", fault.NotFoundf("there are %d versions before %.12s, not %d", at, versions[at], back)
	}
	return versions[at-back], nil
}

// steps takes ^ and ~n from the end of a reference.
func steps(ref string) (base string, back int, err error) {
	base = ref
	for {
		i := strings.LastIndexAny(base, "^~")
		if i < 0 {
			return base, back, nil
		}
		n := 1
		if tail := base[i+1:]; tail != "" {
			if n, err = strconv.Atoi(tail); err != nil || n < 0 || n > 1e6 || base[i] == '^' {
				return "", 0, fault.Invalidf("%.70q is no data version: behind ~ stands how many to step back, behind ^ nothing", ref)
			}
		}
		back, base = back+n, base[:i]
	}
}

// match is the place of the one version that begins with prefix.
func match(versions []string, prefix string) (int, error) {
	var found []int
	for i, v := range versions {
		if strings.HasPrefix(v, prefix) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return 0, fault.NotFoundf("no data version begins with %s", prefix)
	case 1:
		return found[0], nil
	}
	slices.Reverse(found)
	e := fault.Invalidf("%d data versions begin with %s: write more of its digits", len(found), prefix)
	for _, i := range found {
		e.With(fault.Detail{Field: "version", Code: "ambiguous", Got: versions[i], Expected: fmt.Sprintf("%d digits or more", unique(versions, versions[i]))})
	}
	return 0, e
}

// unique is how many digits tell v from all others.
func unique(versions []string, v string) int {
	n := leastPrefix
	for _, other := range versions {
		if other == v {
			continue
		}
		k := 0
		for k < min(len(other), len(v)) && other[k] == v[k] {
			k++
		}
		n = max(n, k+1)
	}
	return n
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
