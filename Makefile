# `make run` shows Lockgate at work, `make test` checks all of it, `make help` lists the rest.
#
# Cargo builds; here is only what cargo cannot know: that guests come before the host that embeds one of them, and how
# what a compiler made becomes a component. Whatever is built or fetched is below target/.

SHELL := /bin/sh
# Several at once: what is fetched, and what one core links, leaves the others free. Cargo's calls wait for each other.
MAKEFLAGS += --no-builtin-rules --jobs=4
# Cargo counts its own jobs, and rustc would complain of what it cannot reach of those of make.
unexport MAKEFLAGS
.SUFFIXES:
.DELETE_ON_ERROR:

# The paths below are written out, so the folder is not a choice here.
export CARGO_TARGET_DIR := $(CURDIR)/target

# `$(build) NAME`: one program of the host's side. `--workspace` compiles no more than it needs, but gives every
# dependency the features that the whole workspace asks for. With `--package` each program would have its own set of
# features, and so its own wasmtime, at minutes each.
build := cargo build --release --workspace --bin

plugins := echo offline text validate
rust_test_guests := $(basename $(notdir $(wildcard tests/guests/examples/*.rs)))

node_wit := wit/node@0.1.0
schema_wit := wit/schema@0.1.0

# Where cargo puts core modules, and what makes components of them.
cores := target/wasm32-unknown-unknown/guest
guest := target/release/lockgate-guest
# `$(call componentize,CORE-MODULE)`: the target, left alone if it has the same bytes already.
componentize = @$(guest) component $(1) --output $@
# `$(call fits,WIT,WORLD)`: the target offers what the world exports and asks for nothing else.
fits = @$(guest) check $@ --wit $(1) --world $(2)

schema_component := target/builtin/schema.wasm
plugin_components := $(plugins:%=target/plugins/%.wasm)
test_components := $(rust_test_guests:%=target/guests/%.wasm)
c_components := target/guests/echo-c.wasm target/guests/allocations-c.wasm target/guests/pure-c.wasm
polyglot_components := $(c_components) target/guests/echo-python.wasm target/guests/echo-js.wasm

.PHONY: run test bench lint guests host dist clean help
.PHONY: format clippy deny rust rust-guests rust-test-guests python-tools js-tools clients promtool peers FORCE

# Where the server of `make run` keeps what it is given.
run: export LOCKGATE_DATA_FOLDER ?= target/data
run: host $(plugin_components) ## Build what is missing, serve the example flows, and run one of them through HTTP
	@exec target/release/lockgate serve --dev --plugins target/plugins --flows flows \
	  --try 'poem={"topic":"春天"}'

test: lint guests host clients promtool ## Check everything: format, lints, licences, documentation, all tests
	cargo test --release --workspace --no-fail-fast

bench: dist $(plugin_components) $(polyglot_components) peers ## Measure what `make dist` builds against bare wasmtime and peers
	cargo build --profile dist --workspace --bin lockgate-bench
	cargo build --release --locked --manifest-path tests/bench/peers/Cargo.toml --target-dir target/peers
	target/dist/lockgate-bench

lint: format clippy deny ## Check format, lints, dependencies and documentation

# Clippy in the profile of everything else: what it has checked of the dependencies is what rustdoc needs, too.
clippy: format $(schema_component)
	cargo clippy --release --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --release --workspace --no-deps

deny: rust
	scripts/need-cargo-deny.sh
	target/toolchain/cargo-deny/bin/cargo-deny --log-level error check bans licenses sources

# First, because it takes a second.
format: rust
	cargo fmt --all --check

guests: $(schema_component) $(plugin_components) $(test_components) $(polyglot_components) ## Build everything that runs in the sandbox

host: rust $(schema_component) ## Build target/release/lockgate, quickly
	$(build) lockgate

dist: rust $(schema_component) ## Build target/dist/lockgate, for production: optimised whole
	cargo build --profile dist --workspace --bin lockgate

clean: ## Remove all that was built or fetched
	rm -rf target

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

# --- Tools -------------------------------------------------------------------------------------------------------------

# Each says in one sentence what to type if something is missing that it cannot fetch below target/.
rust:
	@scripts/need-rust.sh

python-tools:
	@scripts/need-python.sh

js-tools:
	@scripts/need-js.sh

# What asks the server in the tests, what its answers and requests are held against, and the servers that it is measured against.
clients:
	@scripts/need-clients.sh

promtool:
	@scripts/need-promtool.sh

peers:
	@scripts/need-peers.sh

# Cargo knows whether it is up to date. Cargo leaves a file that is alone, so this rebuilds nothing that depends on it.
$(guest): rust FORCE
	$(build) lockgate-guest

# --- Components written in Rust ----------------------------------------------------------------------------------------

# Calls of cargo for all of them at once, so that it compiles them side by side.
rust-guests: rust
	scripts/guest-cargo.sh build --profile guest --package lockgate-schema $(plugins:%=--package lockgate-plugin-%)

rust-test-guests: rust
	scripts/guest-cargo.sh build --profile guest --package lockgate-test-guests --examples

$(schema_component): rust-guests $(guest)
	$(call componentize,$(cores)/lockgate_schema.wasm)
	$(call fits,$(schema_wit),evaluator)

$(plugin_components): target/plugins/%.wasm: rust-guests $(guest)
	$(call componentize,$(cores)/lockgate_plugin_$*.wasm)
	$(call fits,$(node_wit),node)

# Hostile on purpose: some ask for more than the world offers, so nobody checks here that they fit it.
$(test_components): target/guests/%.wasm: rust-test-guests $(guest)
	$(call componentize,$(cores)/examples/$(subst -,_,$*).wasm)

# --- The same node in other languages ----------------------------------------------------------------------------------

libc_headers := target/toolchain/python/lib/python3*/site-packages/ziglang/lib/libc/include

# Tools that are newer than what they built do not make them old (`|`): Python takes its time.
target/guests/echo-c.wasm: sdk/c/echo.c
target/guests/allocations-c.wasm: tests/guests/c/allocations.c
target/guests/pure-c.wasm: tests/guests/c/pure.c
# The world that each speaks, and what the bindings call their files for it.
$(c_components): world := node
target/guests/pure-c.wasm: world := pure-node
# How each links. The pure one without libc: then nothing has to be initialised, and it is a single instance.
$(c_components): link := -mexec-model=reactor
target/guests/pure-c.wasm: link = -nostdlib -Wl,--no-entry $(addprefix -isystem ,$(shell echo $(libc_headers)/wasm-wasi-musl $(libc_headers)/generic-musl))
$(c_components): bindings = target/sdk/c/$(subst -,_,$(world))
# One after another: their bindings lie in one folder.
target/guests/allocations-c.wasm: | target/guests/echo-c.wasm
target/guests/pure-c.wasm: | target/guests/allocations-c.wasm
$(c_components): target/guests/%-c.wasm: sdk/c/memory.c sdk/c/requirements.txt $(wildcard $(node_wit)/*.wit) $(guest) | python-tools
	$(guest) bindings c --wit $(node_wit) --world $(world) --output target/sdk/c
	ZIG_GLOBAL_CACHE_DIR=target/toolchain/zig ZIG_LOCAL_CACHE_DIR=target/toolchain/zig \
	  target/toolchain/python/bin/python -m ziglang cc -target wasm32-wasi $(link) -std=c11 -Wall -Wextra -Werror \
	  -Oz -flto -Wl,-z,stack-size=65536 -I target/sdk/c -o target/sdk/c/$*.wasm \
	  $(filter %.c,$^) $(bindings).c $(bindings)_component_type.o
	$(call componentize,target/sdk/c/$*.wasm)
	$(call fits,$(node_wit),$(world))
	@touch $@

target/guests/echo-python.wasm: sdk/python/echo.py sdk/python/requirements.txt $(wildcard $(node_wit)/*.wit) | python-tools $(guest)
	@mkdir -p $(@D)
	target/toolchain/python/bin/componentize-py --quiet --wit-path $(node_wit) --world node \
	  componentize echo --python-path sdk/python --stub-wasi --output $@
	$(call fits,$(node_wit),node)

target/guests/echo-js.wasm: sdk/js/echo.js sdk/js/package-lock.json $(wildcard $(node_wit)/*.wit) | js-tools $(guest)
	@mkdir -p $(@D)
	target/toolchain/js/node_modules/.bin/componentize-qjs --wit $(node_wit) --world node --js sdk/js/echo.js \
	  --stub-wasi --sync --opt-size --minify --output $@
	$(call fits,$(node_wit),node)
