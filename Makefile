# The ways to try, build and check Cofferdam. A fresh machine needs Go and Node;
# `make test` installs the rest where it may (see .ci/packages).

GO   ?= go
NPM  ?= npm

# Folders with Go code; ./... would find what npm installs as well.
HOUSE    := . ./cmd/... ./internal/... ./web
E2E      := $(addprefix ./,$(sort $(dir $(wildcard e2e/*/*.go))))
PACKAGES := $(HOUSE) $(E2E)
SOURCES  := $(wildcard *.go e2e/*/*.go e2e/*/*/*.go) cmd internal web/embed.go

# What the client is made of.
CLIENT := $(shell find web/src web/public web/tools web/*.json web/*.ts web/index.html -type f 2>/dev/null)

# 44 targets for this long, and the time to build them, are part of make test.
FUZZTIME ?= 2s

# Of make kill: a round kills six roles and takes about 12 s.
KILL_ROUNDS ?= 20

# Of make send-drill: mails, of which some 4 go out in a second.
SEND_MAILS ?= 2000

.PHONY: demo build web test check unit e2e bench tiers kill send-drill upload-drill differential fuzz fuzz-short vuln packages format clean

## demo: build and start the webmail with a mail server and mail inside
demo: build
	./cofferdam demo

## build: the one static binary, ./cofferdam
build: web
	CGO_ENABLED=0 $(GO) build -trimpath -o cofferdam ./cmd/cofferdam

## web: the browser client, which the binary carries
web: web/dist/index.html

web/dist/index.html: web/node_modules/.package-lock.json $(CLIENT)
	cd web && $(NPM) run build
	@touch $@

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && $(NPM) ci --no-audit --no-fund
	@touch $@

## test: everything that must hold; what continuous integration runs
test: packages build check unit fuzz-short

## packages: install the mail servers and the browser that tests use, if missing
packages:
	@.ci/packages

## check: formats, vet, lint, types, known vulnerabilities, the client's own tests
check: web e2e-modules
	@unformatted=$$(gofmt -l $(SOURCES)); if [ -n "$$unformatted" ]; then echo "run make format:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet $(PACKAGES)
	$(GO) tool staticcheck $(PACKAGES)
	cd web && $(NPM) run check
	cd web && $(NPM) test
	cd e2e/browser && $(NPM) run check
	@$(MAKE) --no-print-directory vuln

## unit: the Go tests, the house with the race detector, the whole product (e2e)
## with the binary as it is shipped; then docs/requirements.md against what ran
unit: build e2e-modules
	COFFERDAM_BIN=$(CURDIR)/cofferdam $(GO) run ./internal/tools/testrun \
		-- -race -shuffle=on -timeout 10m $(HOUSE) \
		-- -v -p 1 -count=1 -timeout 15m $(E2E)

## e2e: only the tests of the whole product
e2e: packages build e2e-modules
	COFFERDAM_BIN=$(CURDIR)/cofferdam $(GO) test -p 1 -count=1 -timeout 15m -v $(E2E)

.PHONY: e2e-modules
e2e-modules: $(patsubst %/package-lock.json,%/node_modules/.package-lock.json,$(wildcard e2e/package-lock.json e2e/*/package-lock.json))

## bench: the table of our times beside those of the bare IMAP server
bench: packages build e2e-modules
	COFFERDAM_BIN=$(CURDIR)/cofferdam COFFERDAM_BENCH=1 $(GO) test -count=1 -timeout 60m -v -run '^TestBench' $(E2E)

## tiers: the same protocol tests over every kind of mail server, and their table
tiers: packages build
	COFFERDAM_BIN=$(CURDIR)/cofferdam $(GO) test -count=1 -timeout 15m ./e2e/protocol -table

## kill: many rounds of killing each role under load (KILL_ROUNDS); minutes
kill: packages build
	COFFERDAM_BIN=$(CURDIR)/cofferdam COFFERDAM_KILL_ROUNDS=$(KILL_ROUNDS) $(GO) test -count=1 -timeout 60m -v -run '^TestKillUnderLoad$$' ./e2e/system

## send-drill: mails sent while roles are killed and the mail server fails
## (SEND_MAILS); writes docs/results/send.md
send-drill: packages build
	COFFERDAM_BIN=$(CURDIR)/cofferdam COFFERDAM_SEND_MAILS=$(SEND_MAILS) COFFERDAM_SEND_REPORT=$(CURDIR)/docs/results/send.md $(GO) test -count=1 -timeout 60m -v -run '^TestSendDrill$$' ./e2e/system

## upload-drill: 20 people attach and send 50 MB each, at once; writes
## docs/results/uploads.md
upload-drill: packages build
	COFFERDAM_BIN=$(CURDIR)/cofferdam COFFERDAM_UPLOADS=1 COFFERDAM_UPLOADS_REPORT=$(CURDIR)/docs/results/uploads.md $(GO) test -count=1 -timeout 30m -v -run '^TestUploadDrill$$' ./e2e/system

## differential: compare with Cyrus' own JMAP on 7,200 mails (12 minutes); writes
## docs/results/differential.md
differential: packages build
	COFFERDAM_BIN=$(CURDIR)/cofferdam COFFERDAM_DIFFERENTIAL=1 $(GO) test -count=1 -timeout 60m -v -run '^TestDifferential$$' ./e2e/differential

## fuzz-short: each fuzz target for FUZZTIME
fuzz-short:
	@GO="$(GO)" FUZZTIME=$(FUZZTIME) .ci/fuzz $(PACKAGES)

## fuzz: each fuzz target for two minutes of CPU time, those without a row in
## docs/results/fuzz.md first (FUZZ=regexp chooses; hours for all)
fuzz:
	nice -n 19 $(GO) run ./internal/tools/fuzzrun -cpu 2m -table docs/results/fuzz.md -only '$(FUZZ)' $(PACKAGES)

## vuln: known vulnerabilities in what we call; says so when the list is out of reach
vuln:
	@.ci/vuln $(PACKAGES)

## format: make the formats right
format:
	gofmt -w $(SOURCES)
	cd web && $(NPM) run format

clean:
	rm -rf cofferdam web/dist/* web/node_modules e2e/node_modules e2e/*/node_modules e2e/test-results

help:
	@sed -n 's/^## //p' Makefile
.PHONY: help
