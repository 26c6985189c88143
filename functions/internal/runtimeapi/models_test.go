package runtimeapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"mlops/shared/audit"
	"mlops/shared/control"
	"mlops/shared/event"
	"mlops/shared/platform/aws/awstest"
	"mlops/shared/platform/store"
	"mlops/shared/registry"
	"mlops/shared/topology"
)

// unreachable: predict may not read the model bucket, and then not the control table. A new process cannot answer and says in its log what to
// grant; one that has the model goes on with it.
func (x *trouble) unreachable() {
	_, rows, _ := site(x.t, "south")
	x.cloud.Spoil(only("GET", awstest.Forbid))
	status, answer := x.call("POST", "/predict", rows[3])
	x.cloud.Spoil(nil)
	if status != http.StatusInternalServerError || answer["prediction"] != nil || strings.Contains(fmt.Sprint(answer), x.cloud.ModelBucket) {
		x.t.Errorf("without the model: %d %v", status, answer)
	}
	if status, answer = x.call("POST", "/predict", rows[3]); status != http.StatusOK {
		x.t.Errorf("with the permission: %d %v", status, answer)
	}
	x.cloud.Spoil(only("GetItem", awstest.Forbid))
	status, answer = x.call("POST", "/predict", rows[3])
	x.cloud.Spoil(nil)
	if status != http.StatusOK || answer["model_version"] != "1" {
		x.t.Errorf("with the model in memory: %d %v", status, answer)
	}
	log := x.logged(topology.Predict)
	for _, want := range []string{x.cloud.ModelBucket, "s3:GetObject", x.cloud.Tables.Control, "dynamodb:GetItem", `"ServedStale":1`} {
		if !strings.Contains(log, want) {
			x.t.Errorf("the log does not say %s: %s", want, log)
		}
	}
}

// damaged: a version becomes champion whose object has other bytes than were registered. What is loaded goes on and says so, a new process
// refuses, and the agent finds out by asking the serving path: back to version 1, in the ledger, with an incident and a mail.
func (x *trouble) damaged() {
	row := func() (int, map[string]any) {
		_, rows, _ := site(x.t, "south")
		return x.call("POST", "/predict", rows[0])
	}
	if status, answer := row(); status != http.StatusOK || answer["model_version"] != "1" {
		x.t.Fatalf("version 1 answers %d %v", status, answer)
	}
	var st registry.State
	revision, err := x.store.Get(background, control.State("heart"), &st)
	if err != nil {
		x.t.Fatal(err)
	}
	v := st.Versions[0]
	sha := strings.Repeat("5a", 32)
	from := "models/heart/sha256/" + v.SHA256 + "/"
	for _, file := range []string{"model.bin", "metadata.json", "feature_names.json"} {
		x.cloud.Put(x.t, x.cloud.ModelBucket, "models/heart/sha256/"+sha+"/"+file, contentOf(x.t, x.models, from+file), nil)
	}
	x.cloud.Put(x.t, x.cloud.DataBucket, "reference/heart/2/golden.json", contentOf(x.t, x.data, "reference/heart/1/golden.json"), nil)
	now := time.Now().UTC()
	st, second, err := st.Register(registry.Version{SHA256: sha, Algorithm: v.Algorithm, Task: v.Task, DataVersion: v.DataVersion, Dataset: v.Dataset, CreatedAt: now, Metrics: v.Metrics})
	if err != nil {
		x.t.Fatal(err)
	}
	st, move, err := st.Promote(second.Number, sha, 1, true, now)
	if err != nil {
		x.t.Fatal(err)
	}
	doc, err := control.Put(control.State("heart"), revision, st)
	if err != nil {
		x.t.Fatal(err)
	}
	moved, err := event.New(store.NewIDs(time.Now, nil).Next(), event.AliasMoved, now, "heart", event.Moved{Alias: string(move.Alias), From: move.From, To: move.To, SHA256: sha, Kind: move.Kind, Forced: true, Actor: "alice"})
	if err != nil {
		x.t.Fatal(err)
	}
	x.commit(control.Change{Model: "heart", Put: []control.Doc{doc}, Events: []event.Event{moved}, Entries: []audit.Entry{{Kind: audit.AliasPromoted, At: now, From: 1, To: 2, SHA256: sha,
		Actor: audit.Actor{Type: "human", ID: "alice"}, Reason: "a hotfix"}}})

	status, answer := row()
	log := x.logged(topology.Predict)
	if status != http.StatusOK || answer["model_version"] != "1" || !strings.Contains(log, "the last good version goes on") || !strings.Contains(log, sha[:12]) || !strings.Contains(log, v.SHA256[:12]) ||
		!strings.Contains(log, `"ServedStale":1`) {
		x.t.Errorf("with version 1 in memory: %d %v\n%s", status, answer, log)
	}
	if status, answer = row(); status < 500 || answer["prediction"] != nil || strings.Contains(fmt.Sprint(answer), sha[:12]) {
		x.t.Errorf("a new process answers %d %v", status, answer)
	}
	if log := x.logged(topology.Predict); !strings.Contains(log, "it is not served") {
		x.t.Errorf("a new process does not say why: %s", log)
	}

	x.tick("sweep", 0)
	x.carry()
	champion, _, _ := x.state().At(registry.Champion)
	entries := x.entries()
	refused := slices.IndexFunc(entries, func(e audit.Entry) bool { return e.Kind == audit.ModelRefused })
	if champion.Number != 1 || refused < 0 || entries[refused].To != 2 || !strings.Contains(entries[refused].Reason, sha[:12]) {
		x.t.Fatalf("version %d serves; the ledger: %+v", champion.Number, entries[len(entries)-3:])
	}
	if status, answer = row(); status != http.StatusOK || answer["model_version"] != "1" {
		x.t.Errorf("back at version 1: %d %v", status, answer)
	}
	if mails := x.letters(); len(mails) != 1 || !strings.HasPrefix(mails[0].to, owner) {
		x.t.Errorf("the owner was sent %+v", mails)
	}
}
