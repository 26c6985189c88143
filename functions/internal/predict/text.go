package predict

import (
	"encoding/json"
	"mime"
	"net/http"
	"strconv"

	"mlops/shared/fault"
)

func itoa(i int) string { return strconv.Itoa(i) }

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// classValue gives a class as clients expect it: a JSON number where the data had numbers, else text.
func classValue(class string) any {
	if v, err := strconv.ParseFloat(class, 64); err == nil && number(v) == class {
		return json.Number(class)
	}
	return class
}

// jsonOnly refuses other content types; none at all is taken as JSON.
func jsonOnly(r *http.Request) error {
	t := r.Header.Get("Content-Type")
	if t == "" {
		return nil
	}
	media, params, err := mime.ParseMediaType(t)
	if err != nil || media != "application/json" {
		return fault.Invalidf("content type %q is not read here: send application/json", t).WithCode(fault.CodeUnsupported)
	}
	if c := params["charset"]; c != "" && c != "utf-8" && c != "UTF-8" {
		return fault.Invalidf("charset %q is not read here: send UTF-8", c).WithCode(fault.CodeUnsupported)
	}
	return nil
}
