# mlops: everything a person types. `make help` lists it. Nothing needs Docker, Python or an account, but `deploy` and `sam-*`.
SHELL := /bin/bash
PORT ?= 8080
MLOPS_STATE ?= .local
DATA ?= testdata/datasets/heart.csv
TARGET ?=
SHIFT_BY ?= site
GO ?= go
ARCH ?= arm64
ENV ?= dev
OWNERS ?=
APPROVERS ?=
CDK_ARGS ?=
SAM_ARGS ?=
export CGO_ENABLED ?= 0
FUNCTIONS := $(patsubst functions/%/main.go,%,$(filter-out functions/mlops/main.go,$(wildcard functions/*/main.go)))
GOARCH_OF = $(if $(filter x86_64,$(ARCH)),amd64,$(ARCH))
CONTEXT = -c env=$(ENV) -c arch=$(ARCH) $(if $(OWNERS),-c owners=$(OWNERS)) $(if $(APPROVERS),-c approvers=$(APPROVERS)) $(CDK_ARGS)
CDK = npx --no-install cdk
TEMPLATE = cdk.out/mlops-$(ENV).template.json
PACKAGES := ./... ./testdata/datasets/...
# rooms of arithmetic: what runs in them at the same time is looked at by the race detector in the tests of threads and parts, and not in every figure
FIGURES := shared/model/fit shared/model/tree shared/training shared/drift shared/explain
GOFLAGS_SMALL := -trimpath -buildvcs=false -tags lambda.norpc -ldflags="-s -w -buildid="

.DEFAULT_GOAL := help

.PHONY: help
help: ## list what can be made
	@grep -hE '^[a-z][a-z%-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: run
run: dist/mlops ## build and start on 127.0.0.1:$PORT; DATA=f TARGET=t chooses what an empty state begins with
	@dist/mlops serve --addr 127.0.0.1:$(PORT) --state '$(MLOPS_STATE)' --data '$(DATA)' --target '$(TARGET)'

.PHONY: demo
demo: dist/mlops ## play one model's whole life, verified; DATA=f TARGET=t SHIFT_BY=c plays it on other data
	@dist/mlops demo --data '$(DATA)' --target '$(TARGET)' --shift-by '$(SHIFT_BY)'

.PHONY: dist/mlops
dist/mlops:
	@$(GO) build $(GOFLAGS_SMALL) -o dist/mlops ./functions/mlops

.PHONY: build
build: dist/mlops ## write dist/mlops, dist/<function>/bootstrap (linux/$ARCH) and dist/host/<function>/bootstrap
	@for f in $(FUNCTIONS); do \
	  GOOS=linux GOARCH=$(GOARCH_OF) $(GO) build $(GOFLAGS_SMALL) -o dist/$$f/bootstrap ./functions/$$f && \
	  $(GO) build $(GOFLAGS_SMALL) -o dist/host/$$f/bootstrap ./functions/$$f || exit 1; done

.PHONY: test
test: ## pass the tests, and fuzz what reads people's data, two seconds each
	@$(GO) test -timeout 20m $(PACKAGES)
	@$(MAKE) --no-print-directory fuzz FUZZIN='shared/dataset shared/dataset/parquet shared/expect' FUZZTIME=2s

.PHONY: check
check: ## format, vet, lint, walls, and the tests with the race detector where a C compiler is (the emulator is make test's)
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not formatted: $$out"; exit 1; fi
	@$(GO) vet $(PACKAGES)
	@$(GO) tool staticcheck $(PACKAGES)
	@if command -v $${CC:-cc} >/dev/null 2>&1; then \
	  CGO_ENABLED=1 $(GO) test -race -short -timeout 20m $$($(GO) list $(PACKAGES) | grep -vxF "$$(printf 'mlops/%s\n' $(FIGURES))") && \
	  CGO_ENABLED=1 $(GO) test -race -short -timeout 20m -run 'Thread|Parts|Concurrent' $(FIGURES:%=./%); \
	else $(GO) test -timeout 20m $(PACKAGES); fi

.PHONY: test-infra
test-infra: ## pass the cloud stack's tests (needs Node; the first compilation takes minutes)
	@cd infra && $(GO) vet ./... && $(GO) test -timeout 20m ./...

.PHONY: synth
synth: dist/stack ## write cdk.out from what `make build` built; no account, no CDK command line
	@rm -rf cdk.out && CDK_OUTDIR=cdk.out dist/stack $(CONTEXT)

.PHONY: dist/stack
dist/stack:
	@$(GO) -C infra build -o ../dist/stack .

node_modules: package-lock.json
	@npm ci --no-audit --no-fund && touch node_modules

.PHONY: diff deploy
diff: node_modules ## say what a deployment would change; fails where it would destroy something
	@$(CDK) diff mlops-$(ENV) $(CONTEXT) --fail-on destructive

deploy: build node_modules ## deploy ENV=dev|prod OWNERS=a@b APPROVERS=c@d to the account of the credentials
	@$(CDK) deploy mlops-$(ENV) $(CONTEXT) --require-approval never

.PHONY: sam-api
sam-api: synth ## serve the template's routes on port 3000 (SAM CLI, Docker)
	@sam local start-api -t $(TEMPLATE) $(SAM_ARGS)

sam-invoke-%: synth ## call one function with EVENT (SAM CLI, Docker)
	@name=$*; sam local invoke -t $(TEMPLATE) $(SAM_ARGS) -e $(or $(EVENT),events/$*.json) $${name^}

.PHONY: bench
bench: ## run the benchmarks
	@$(GO) test -run '^$$' -bench . -benchmem ./shared/... ./functions/...

.PHONY: bench-drift bench-drift-speed bench-drift-alarms
bench-drift: bench-drift-speed bench-drift-alarms ## speed and memory of reading and drift, and the rule's alarm rates and power, beside the peers

bench-drift-speed: ## speed and memory of reading and drift beside pandas and scipy, where PYTHON has them; SCALE=1: also 10^4 to 10^7 rows
	@bench/drift.sh

bench-drift-alarms: ## alarm rates and power of the drift rule by simulation, beside Evidently's where its figures are at hand; WINDOWS (1000) bounds the references a size
	@set -o pipefail; MLOPS_WINDOWS=$${WINDOWS:-1000} $(GO) test -count=1 -timeout 60m -v -run '^(TestAlarmRates|TestLossAlarmRates|TestPowerCurves|TestOrdinaryDays)$$' ./shared/drift | sed -unE 's/^ +[a-z_]+_test.go:[0-9]+: //p; /^(---|ok|FAIL)/p'

.PHONY: bench-data
bench-data: ## speed and memory of reading and validating beside pandas, where PYTHON has it, by rows and by columns; SCALE=1: to 10^7 rows and 1,000 columns
	@bench/data.sh

.PHONY: bench-train bench-train-speed
bench-train: bench-train-speed bench-quality ## speed, memory and quality of training beside scikit-learn and XGBoost, where PYTHON has them

bench-train-speed: ## speed and memory of boosted trees on 1,000,000 x 28 beside scikit-learn and XGBoost, where PYTHON has them; SCALE=1: 10^4 to 10^7 rows, 10 to 1,000 columns
	@bench/train.sh

.PHONY: bench-quality
bench-quality: ## quality of training on public data sets beside scikit-learn and XGBoost, where PYTHON has them; FOLDER holds the sets, SETS="heart wine" picks some
	@bench/quality.sh $(SETS)

.PHONY: bench-estimators
bench-estimators: ## time and score of forests and linear models beside scikit-learn's and R's ranger, where they are; THREADS (2), ROUNDS (3)
	@bench/estimators.sh $(SETS)

.PHONY: sizes
sizes: build ## a table of the eight functions: size, start, first answer, memory; STARTS (9) times each
	@out=$$($(GO) test -count=1 -timeout 20m -run '^TestSizes$$' ./functions/internal/runtimeapi -args -sizes '$(CURDIR)/dist' -starts $${STARTS:-9} 2>&1) || { echo "$$out"; exit 1; }
	@cat dist/sizes.txt

.PHONY: fuzz
fuzz: ## fuzz every decoder, FUZZTIME (10s) each; FUZZIN=shared/dataset only those of these packages
	@for p in $(or $(FUZZIN),$$(grep -rlE '^func Fuzz' --include='*_test.go' shared functions | xargs -n1 dirname | sort -u)); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9]+' $$p/*_test.go | sed 's/func //'); do \
	    echo "$$p $$f"; out=$$($(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $${FUZZTIME:-10s} -fuzzminimizetime 5s ./$$p 2>&1) || { echo "$$out"; exit 1; }; done; done

.PHONY: nightly
nightly: ## the tests, and ten minutes of fuzzing for every decoder
	@$(GO) test -count=1 ./... && $(MAKE) fuzz FUZZTIME=10m

.PHONY: data
data: ## download the real UCI heart files (or FROM=dir), check their sums, write data/heart_uci.csv
	@FROM='$(FROM)' $(GO) run ./testdata/datasets/fetch

.PHONY: clean
clean: ## remove what was built
	@rm -rf dist
