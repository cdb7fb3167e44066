# weir's tasks; `make help` lists them. Needed: Go 1.21 or newer (it fetches the
# toolchain go.mod names by itself) and make. As root on Debian, `make run` and
# `make test` install what else they need; as anyone else, tests whose peer is
# absent skip and name it.

GO       ?= go
CI        = .ci
BIN       = bin/weir
PKG      ?= ./...
ADDR     ?= 127.0.0.1:8080

# The version comes from git: the nearest vN tag, else 0.1-dev and the commit.
GIT_VERSION := $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null | sed 's/^v//')
GIT_COMMIT  := $(shell git describe --always --dirty --exclude '*' 2>/dev/null)
VERSION  ?= $(or $(GIT_VERSION),0.1-dev$(addprefix .,$(GIT_COMMIT)))

# Files of the images bear the time of the commit, so that it gives the same bytes.
COMMIT_TIME := $(or $(shell git log -1 --format=%ct 2>/dev/null),1700000000)

TESTFLAGS ?=
FUZZTIME  ?= 30s
BENCH     ?= .
BENCHTIME ?= 1s
PERFFLAGS ?=
IMAGEFLAGS ?=

# Everything is built static and without cgo; only the race detector needs it.
export CGO_ENABLED = 0

# What `make generate` writes, and nothing else: names of their own (see
# CONTRIBUTING.md), bpf2go's objects among them.
GENERATED = ':(glob)**/*_gen.go' ':(glob)ebpf/**/*_bpfel.go' ':(glob)ebpf/**/*_bpfeb.go' \
            ':(glob)ebpf/**/*.o' docs/reference

.DEFAULT_GOAL := help
.PHONY: help build run test check race fuzz bench perf generate lint image test-image clean \
        have-go format vet modern staticcheck policy

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@$(MAKE) --no-print-directory have-go

# have-go stops early with a sentence instead of the shell's "not found".
have-go:
	@v=$$($(GO) version 2>/dev/null | sed -n 's/^go version go1\.\([0-9]*\).*/\1/p'); \
	if [ -z "$$v" ]; then \
		echo "weir is built with Go: version 1.21 or newer is needed and '$(GO)' was not found (https://go.dev/dl/)" >&2; exit 1; \
	elif [ "$$v" -lt 21 ]; then \
		echo "weir is built with Go: version 1.21 or newer is needed and '$(GO)' is 1.$$v (https://go.dev/dl/)" >&2; exit 1; \
	fi

build: have-go ## build bin/weir: one static binary, version from git
	$(GO) build -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o $(BIN) ./appliance/cmd/weir

run: have-go ## serve the built-in demo on 127.0.0.1:8080 (as root: install what building needs)
	@$(CI)/need build
	@$(MAKE) --no-print-directory build
	$(BIN) demo -l $(ADDR)

test: have-go ## run every test (as root: install the peers they compare with)
	@$(CI)/need peers
	$(if $(filter -json,$(TESTFLAGS)),@)$(GO) test $(TESTFLAGS) $(PKG)

check: lint ## before a commit, under 3 minutes: lint, generated files, short tests
	@$(MAKE) --no-print-directory generate
	git diff --exit-code -- $(GENERATED)
	@new=$$(git ls-files --others --exclude-standard -- $(GENERATED)); \
	if [ -n "$$new" ]; then echo "generated but not committed:" $$new >&2; exit 1; fi
	$(GO) test -short $(PKG)

race: have-go ## short tests under the race detector (needs a C compiler)
	@$(CI)/need race
	CGO_ENABLED=1 $(GO) test -race -short $(TESTFLAGS) $(PKG)

fuzz: have-go ## run each fuzz target for FUZZTIME (30s), PKG=./... narrows
	@$(GO) test -list '^Fuzz' $(PKG) | awk '/^Fuzz/{f[n++]=$$1} /^ok/{for(i=0;i<n;i++)print $$2,f[i]; n=0} /^\?/{n=0}' | \
	while read -r pkg target; do \
		echo "== $$pkg $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$pkg" || exit 1; \
	done

bench: have-go ## run the Go benchmarks: BENCH=. BENCHTIME=1s PKG=./...
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem $(PKG)

perf: build ## measure weir beside nginx and haproxy, write perf/RESULTS.md
	@$(CI)/need peers
	$(GO) run ./perf -weir $(BIN) -o perf/RESULTS.md $(PERFFLAGS)

generate: have-go ## write every generated file again
	$(GO) generate $(PKG)

lint: have-go format vet modern staticcheck policy ## gofmt -s, go vet, go fix, staticcheck, policy tests

format:
	@bad=$$(gofmt -s -l $$(git ls-files -co --exclude-standard -- '*.go' | while read -r f; do [ -e "$$f" ] && echo "$$f"; done)); \
	if [ -n "$$bad" ]; then echo "gofmt -s differs in:" $$bad >&2; exit 1; fi

vet:
	$(GO) vet $(PKG)

modern:
	@diff=$$($(GO) fix -diff $(PKG)); \
	if [ -n "$$diff" ]; then echo "$$diff"; echo "go fix would change this" >&2; exit 1; fi

staticcheck:
	$(GO) tool -modfile=go.tool.mod staticcheck $(PKG)

policy:
	$(GO) test ./appliance

# Without the symbols that only debuggers want: a third less to load at a start.
image: have-go ## build disk images, disc, .deb and container image into dist/
	$(GO) build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN).image ./appliance/cmd/weir
	$(GO) run ./images/build -weir $(BIN).image -version '$(VERSION)' -time $(COMMIT_TIME) -o dist $(IMAGEFLAGS)

test-image: have-go ## boot the images under QEMU: every form, updates, bad slots (as root: installs it)
	@$(CI)/need image
	WEIR_TEST_IMAGE=1 $(GO) test -count=1 -timeout 60m $(TESTFLAGS) ./images/...

clean: ## remove what the other targets wrote
	rm -rf bin dist .cache
