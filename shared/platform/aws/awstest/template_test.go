package awstest

import (
	"encoding/json"
	"reflect"
	"testing"
)

func value(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestFill: references and functions as CloudFormation's reference describes them.
func TestFill(t *testing.T) {
	n := names{"Data": "data-1", "Data.Arn": "arn:aws:s3:::data-1", "AWS::Region": "eu-west-1"}
	for in, want := range map[string]string{
		`{"Ref":"Data"}`: `"data-1"`,
		`{"a":[{"Fn::GetAtt":["Data","Arn"]},7,null]}`:            `{"a":["arn:aws:s3:::data-1",7,null]}`,
		`{"Fn::GetAtt":"Data.Arn"}`:                               `"arn:aws:s3:::data-1"`,
		`{"Fn::Join":["/",[{"Ref":"Data"},"x"]]}`:                 `"data-1/x"`,
		`{"Fn::Join":["",["a",{"Ref":"Other"}]]}`:                 `{"Fn::Join":["",["a",{"Ref":"Other"}]]}`,
		`{"Fn::Join":["",["a",{"Ref":"Other"},{"Ref":"Data"}]]}`:  `{"Fn::Join":["",["a",{"Ref":"Other"},"data-1"]]}`,
		`{"Fn::Sub":"${Data}-${AWS::Region}-${!kept}"}`:           `"data-1-eu-west-1-${kept}"`,
		`{"Fn::Sub":"${Data.Arn}/*"}`:                             `"arn:aws:s3:::data-1/*"`,
		`{"Fn::Sub":["${x}${Data}",{"x":{"Ref":"Data"}}]}`:        `"data-1data-1"`,
		`{"Fn::Sub":"${Other}"}`:                                  `{"Fn::Sub":"${Other}"}`,
		`{"Fn::Sub":"${open"}`:                                    `{"Fn::Sub":"${open"}`,
		`{"Fn::Select":["1",{"Fn::Split":["-",{"Ref":"Data"}]}]}`: `"1"`,
		`{"Fn::Select":[3,["a"]]}`:                                `{"Fn::Select":[3,["a"]]}`,
		`{"Ref":"Data","and":"more"}`:                             `{"Ref":"Data","and":"more"}`,
		`{"Fn::ImportValue":"x"}`:                                 `{"Fn::ImportValue":"x"}`,
	} {
		if got := n.fill(value(t, in)); !reflect.DeepEqual(got, value(t, want)) {
			t.Errorf("%s: %v; want %s", in, got, want)
		}
	}
	if left := unfilled(value(t, `{"a":[{"Fn::ImportValue":"x"}],"b":{"Ref":"Other"},"Ref":"no function beside others","Condition":{}}`)); !reflect.DeepEqual(left, []string{`Fn::ImportValue "x"`, `Ref "Other"`}) {
		t.Errorf("left: %v", left)
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		want, got string
		yes       bool
	}{
		{`{"a":1}`, `{"a":1,"b":2}`, true}, {`{"a":1}`, `{"b":2}`, false}, {`{"a":{"b":"x"}}`, `{"a":{"b":"y"}}`, false}, {`{}`, `null`, true},
		{`1209600`, `"1209600"`, true}, {`true`, `"true"`, true}, {`true`, `"false"`, false}, {`1`, `null`, false}, {`"x"`, `null`, false},
		{`["a","b"]`, `["a","b"]`, true}, {`["a","b"]`, `["b","a"]`, false}, {`["a"]`, `["a","b"]`, false}, {`["a"]`, `"a"`, true}, {`["a"]`, `null`, false}, {`[{"k":1}]`, `[{"k":1,"l":2}]`, true},
	} {
		if got := within(value(t, c.want), value(t, c.got)); got != c.yes {
			t.Errorf("%s within %s: %v; want %v", c.want, c.got, got, c.yes)
		}
	}
}

// TestTemplateOfAnotherName: two clouds of one emulator share no name.
func TestTemplateOfAnotherName(t *testing.T) {
	one, err := readTemplate("one")
	if err != nil {
		t.Fatal(err)
	}
	if got := one.Resources[one.id("Events")].Properties["Name"]; got != "mlops-one-events" || one.id("no such") != "" || len(one.of("AWS::DynamoDB::Table")) != 3 {
		t.Errorf("the bus is %v", got)
	}
	if _, err := parseTemplate([]byte("{")); err == nil {
		t.Error("what is no template is read")
	}
}
