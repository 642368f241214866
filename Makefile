# make demo          a tunnel between two VPCs on this host   (KEEP=1 leaves it running)
# make test          all tests
# make test-clients  those with OpenStack's own clients and Keystone, IBM's SDK, and SoftLayer's client
# make ui            builds the page of ui/ into ui/dist, which is committed; needs Node
# make soak          what takes hours: a simulated hour of rekeys, thousands of set-ups and rekeys, fuzzing; docs/soak.md
# make interop-full  every algorithm against strongSwan, and peers in a machine: see docs/interop.md
# make bench         what requests cost: tables for bench/RESULTS.md   (QUICK=1 leaves the largest out)
# make bench-vpc     the same of IBM's dialect, and how long gateways and connections take to be there
# make bench-gateways  how long 500 gateways take to be made, to come back, and to go   (COUNT=n for others)
# make bench-engine  what a gateway's engine and data plane cost with few connections and with many
# make bench-translated  throughput of a connection whose addresses are translated, beside another one's; needs root
# make check         format, lints, documentation, licences
#
# Build output goes to a cache folder outside the source tree.

CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/adit
export CARGO_TARGET_DIR ?= $(CACHE)/target
TOOLS := $(CACHE)/tools

# OpenStack's clients, IBM's SDK and SoftLayer's client, each release in a virtual environment of its own, and Keystone.
CLIENTS := openstack-10 openstack-8 keystone-30 ibm-vpc-36 ibm-vpc-20 ibm-vpc-10 ibm-vpc-1 softlayer-6
export ADIT_TEST_CLIENTS ?= $(CACHE)/clients

# The page as it is built, and what its tests in a browser need.
export ADIT_TEST_PAGE ?= $(CACHE)/page

# The image of a machine with another kernel.
export ADIT_TEST_GUEST ?= $(CACHE)/guest

# Namespaces and TUN devices need root; everything is built without it.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
ifneq ($(SUDO),)
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER := sudo -E
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER := sudo -E
endif

.PHONY: demo test ui ui-check test-clients soak interop-full clients guest bench bench-vpc bench-gateways bench-engine bench-translated check deny

demo:
	@tools/install-packages demo
	cargo build --release --locked -p adit
	@$(SUDO) $(CARGO_TARGET_DIR)/release/adit demo $(if $(KEEP),--keep)

test: clients guest ui-check
	cargo test --workspace --locked

ui:
	@tools/build-page build $(ADIT_TEST_PAGE)

ui-check:
	@tools/install-packages test
	@tools/build-page check $(ADIT_TEST_PAGE)

interop-full: guest
	@tools/install-packages test
	cargo test -p adit --test interop --locked -- --include-ignored --nocapture matrix::
	cargo test -p adit --test interop --locked -- --ignored --nocapture explain::
	ADIT_INTEROP_REPORT=$(CURDIR)/docs/interop.md cargo test -p adit --test guest --locked -- --nocapture

# How many seeds the simulated hour has, how many rekeys there are against strongSwan, and seconds for each fuzz target.
ADIT_SEEDS ?= 1000
ADIT_REKEYS ?= 10000
FUZZ_SECONDS ?= 3600
export ADIT_SEEDS ADIT_REKEYS

soak:
	@tools/install-packages test
	cargo test --release -p adit-ike --test endpoints --locked -- --ignored --nocapture an_hour_of
	cargo test -p adit --test e2e --locked -- --ignored --nocapture a_thousand_times
	cargo test -p adit --test interop --locked -- --ignored --nocapture ten_thousand
	cargo test --release -p adit --test e2e --locked -- --ignored --nocapture a_hundred_follow
	@command -v cargo-fuzz >/dev/null || { echo "SKIPPED: fuzzing needs cargo-fuzz" >&2; exit 0; }; \
	for target in fuzz/fuzz_targets/*.rs; do \
	    RUSTC_BOOTSTRAP=1 cargo fuzz run $$(basename $$target .rs) -- \
	        -max_total_time=$(FUZZ_SECONDS) -max_len=2048 || exit 1; \
	done

test-clients: clients
	cargo test -p adit --test clients --locked

clients:
	@tools/install-packages test
	@mkdir -p $(ADIT_TEST_CLIENTS)
	@for client in $(CLIENTS); do \
	    tools/client-environment tests/clients/environments/$$client.txt $(ADIT_TEST_CLIENTS)/$$client || exit 1; \
	done

# A machine whose kernel does ESP and AH, for tests. Where it can't be made they say that they are skipped.
guest:
	@tools/install-packages test
	@tools/guest-image $(ADIT_TEST_GUEST) || echo "SKIPPED: the tests in a machine, which could not be made" >&2

bench:
	@tools/install-packages demo
	cargo build --release --locked -p adit -p adit-bench
	@$(SUDO) $(CARGO_TARGET_DIR)/release/adit-bench $(CARGO_TARGET_DIR)/release/adit $(if $(QUICK),--quick)

bench-vpc:
	@tools/install-packages demo
	cargo build --release --locked -p adit -p adit-bench
	@$(SUDO) $(CARGO_TARGET_DIR)/release/adit-bench $(CARGO_TARGET_DIR)/release/adit --vpc

bench-gateways:
	@tools/install-packages demo
	cargo build --release --locked -p adit -p adit-bench
	@$(SUDO) $(CARGO_TARGET_DIR)/release/adit-bench $(CARGO_TARGET_DIR)/release/adit --gateways $(or $(COUNT),500)

bench-engine:
	cargo build --release --locked -p adit-bench --bin adit-bench-engine
	@$(CARGO_TARGET_DIR)/release/adit-bench-engine

bench-translated:
	cargo test --release --locked -p adit-dataplane --test dataplane -- --ignored --nocapture translated

check: deny
	cargo fmt --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

deny: $(TOOLS)/bin/cargo-deny
	$(TOOLS)/bin/cargo-deny check --hide-inclusion-graph licenses bans sources

$(TOOLS)/bin/cargo-deny:
	cargo install cargo-deny --locked --root $(TOOLS)
