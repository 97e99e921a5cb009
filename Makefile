# primesh: plain `make` builds all programs into build/bin/. No configure step.
#   make run | test | lint | bench | fuzz | soak | asan | install | deps | docs | clean      V=1 shows the commands
#   MODE=asan builds the same under AddressSanitizer and UBSan into build/asan/.

MODE    ?= release
CC      ?= cc
PREFIX  ?= /usr/local
DESTDIR ?=

ifeq ($(MODE),release)
B        := build
OPTIMISE := -O2 -g -D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections
else ifeq ($(MODE),asan)
B        := build/asan
OPTIMISE := -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(MODE),clang)
B        := build/clang
CC       := clang
OPTIMISE := -O0 # for its warnings: nothing that it builds is run
else ifeq ($(MODE),fuzz)
B        := build/fuzz
CC       := clang
OPTIMISE := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -DFUZZING
else
$(error MODE is release, asan, clang or fuzz)
endif

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wformat=2 -Werror
HARDEN  := -fstack-protector-strong -fPIE
CPPFLAGS += -D_GNU_SOURCE -I. -I$(B)/gen
CFLAGS  ?=
ALL_CFLAGS = -std=c17 $(OPTIMISE) $(HARDEN) $(WARN) $(CFLAGS) -MMD -MP
LDFLAGS_ALL = $(OPTIMISE) -pie -Wl,-z,relro,-z,now,--as-needed,--gc-sections $(LDFLAGS)

# From the roof to the ground: a library may use only those right of it.
FLOORS  := shell ha servers net control trust identity x509 store base
LIBS    := $(foreach f,$(FLOORS),$(if $(wildcard $(f)/*.c),$(B)/lib/lib$(f).a))
EXTERNAL := -lcli -ledit -lcurl -levent_openssl -levent_pthreads -levent -ljansson -lexpat \
            -lprotobuf-c -llmdb -lseccomp -lssl -lcrypto -lpthread
PROGRAMS := $(B)/bin/primesh $(B)/bin/primed $(B)/bin/primelab

Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)  $(2)")

.PHONY: all
all: $(PROGRAMS)

# The record schema is compiled once; every object waits for it.
GEN := $(B)/gen/store/schema.pb-c.h
$(B)/gen/store/schema.pb-c.h: store/schema.proto
	$(call say,GEN ,$@)
	$(Q)mkdir -p $(B)/gen && protoc-c --c_out=$(B)/gen $<
$(B)/gen/store/schema.pb-c.c: $(GEN)
	@:
$(B)/obj/store/schema.pb-c.o: $(B)/gen/store/schema.pb-c.c
	$(call say,CC  ,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c $< -o $@

$(B)/obj/%.o: %.c | $(GEN)
	$(call say,CC  ,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c $< -o $@

define floor_library
$(B)/lib/lib$(1).a: $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(1)/*.c)) $(if $(filter store,$(1)),$(B)/obj/store/schema.pb-c.o)
	$$(call say,AR  ,$$@)
	$$(Q)mkdir -p $$(@D) && rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach f,$(FLOORS),$(eval $(call floor_library,$(f))))

define program
$(B)/bin/$(1): $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(2)/*.c)) $(LIBS)
	$$(call say,LD  ,$$@)
	$$(Q)mkdir -p $$(@D) && $$(CC) $$(LDFLAGS_ALL) -o $$@ $$(filter %.o,$$^) $$(LIBS) $$(EXTERNAL)
endef
$(eval $(call program,primesh,commands))
$(eval $(call program,primed,daemon))
$(eval $(call program,primelab,lab))

# Of what stands on the roof the tests need the lab's parts, too.
LAB_LIB := $(B)/lib/liblab.a
$(LAB_LIB): $(patsubst %.c,$(B)/obj/%.o,$(filter-out lab/main.c,$(wildcard lab/*.c)))
	$(call say,AR  ,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^

# Unit tests: one cmocka program a file, linked with the whole house below the roof.
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
$(B)/tests/%: $(B)/obj/tests/unit/%.o $(LAB_LIB) $(LIBS)
	$(call say,LD  ,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -o $@ $< $(LAB_LIB) $(LIBS) -lcmocka $(EXTERNAL)
.PHONY: unit
unit: $(UNIT)
	$(Q)for t in $(UNIT); do echo "$$t"; $$t || exit 1; done

# Fuzz targets (libFuzzer, MODE=fuzz) and benchmark drivers: one program a file.
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(LAB_LIB) $(LIBS)
	$(call say,LD  ,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $< $(LAB_LIB) $(LIBS) $(EXTERNAL)
.PHONY: fuzzers
fuzzers: $(FUZZ)

BENCH := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/bench_*.c))
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(LIBS)
	$(call say,LD  ,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -o $@ $< $(LIBS) $(EXTERNAL)
.PHONY: benches
benches: $(BENCH)

# Programs that scenarios need: one a file, with primed's own parts below its main.
TOOLS := $(patsubst tests/tool/tool_%.c,$(B)/tool/%,$(wildcard tests/tool/tool_*.c))
PARTS := $(patsubst %.c,$(B)/obj/%.o,$(filter-out daemon/main.c,$(wildcard daemon/*.c)))
$(B)/tool/%: $(B)/obj/tests/tool/tool_%.o $(PARTS) $(LIBS)
	$(call say,LD  ,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -o $@ $< $(PARTS) $(LIBS) $(EXTERNAL)
.PHONY: tools
tools: $(TOOLS)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# --- what a person types -------------------------------------------------------------------------------------

BUILD_PACKAGES := gcc make pkg-config libc6-dev libcli-dev libedit-dev libssl-dev liblmdb-dev protobuf-c-compiler \
                  libprotobuf-c-dev libevent-dev libcurl4-openssl-dev libjansson-dev libexpat1-dev libseccomp-dev
TEST_PACKAGES  := $(BUILD_PACKAGES) libcmocka-dev clang libclang-rt-dev clang-format cppcheck expect openssl \
                  gnutls-bin curl jq perl lmdb-utils procps tmux openssh-server openssh-client python3-minimal \
                  python3-pexpect python3-netmiko python3-aiosmtpd libfaketime rancid openssh-sftp-server \
                  iproute2 iputils-ping keepalived libnss-wrapper nginx-light python3-pyftpdlib tftpd-hpa \
                  systemd shellcheck dpkg-dev logrotate man-db ansible-core libxml2-utils python3
DEB_PACKAGES   := debhelper dpkg-dev fakeroot
DEB_TEST_PACKAGES := debootstrap systemd-container lintian
BENCH_PACKAGES := $(TEST_PACKAGES) frr openssh-client lmdb-utils

# Installs what is missing, as root or through sudo, without a question.
define install_packages
	@missing=$$(for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  as_root=; [ "$$(id -u)" = 0 ] || as_root=sudo; \
	  echo "  APT   $$missing" | tr '\n' ' '; echo; \
	  $$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq && \
	  $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef

.PHONY: deps deps-test deps-bench
deps:
	$(call install_packages,$(BUILD_PACKAGES))
deps-test:
	$(call install_packages,$(TEST_PACKAGES))
deps-bench:
	$(call install_packages,$(BENCH_PACKAGES))

.PHONY: run
run: deps
	@$(MAKE) --no-print-directory -j2 all
	@$(B)/bin/primelab up
	@$(B)/bin/primelab shell prime-pri || true
	@echo "The lab goes on: $(B)/bin/primelab shell prime-pri | status | down"

# Everything that must hold, in under ten minutes: lint, both compilers, unit tests and scenarios under
# AddressSanitizer and UBSan, the scenarios of power cuts and limits on the released programs, short fuzzing.
.PHONY: test
test: deps-test
	@$(MAKE) --no-print-directory -j2 all tools
	@$(MAKE) --no-print-directory -j2 MODE=asan all unit-programs
	@$(MAKE) --no-print-directory -j2 MODE=clang all unit-programs benches
	@$(MAKE) --no-print-directory -j2 MODE=fuzz fuzzers
	@tests/run

.PHONY: unit-programs
unit-programs: $(UNIT) $(TOOLS)

.PHONY: asan
asan:
	@$(MAKE) --no-print-directory -j2 MODE=asan all

.PHONY: lint
lint:
	@tests/lint/lint

.PHONY: fuzz
fuzz:
	@$(MAKE) --no-print-directory -j2 MODE=fuzz fuzzers
	@tests/fuzz/run $${FUZZ_SECONDS:-600}

.PHONY: bench
bench: deps-bench
	@$(MAKE) --no-print-directory -j2 all tools benches
	@tests/bench/run

.PHONY: soak
soak:
	@$(MAKE) --no-print-directory -j2 all tools
	@tests/soak/run

# docs/commands.md and the manual pages of commands come from the command tables.
.PHONY: docs
docs: all
	@$(B)/bin/primesh --reference markdown >docs/commands.md
	@$(B)/bin/primesh --reference man >docs/primesh.1
	@$(B)/bin/primelab --reference man >docs/primelab.1

# For a system: the programs, the service, the users, the way in through sshd, the manual. What to do next:
# docs/operations.md. `make deb` puts the same into packages.
INSTALL_FOLDERS := $(PREFIX)/bin $(PREFIX)/share/man/man1 $(PREFIX)/share/man/man8 $(PREFIX)/share/doc/primesh/examples \
                   /lib/systemd/system /etc/logrotate.d /usr/lib/sysusers.d /usr/lib/tmpfiles.d /etc/ssh/sshd_config.d
LAB_DATA := $(wildcard lab/data/*)
.PHONY: install
install: all
	install -d $(addprefix $(DESTDIR),$(INSTALL_FOLDERS))
	install -d $(LAB_DATA:lab/data/%=$(DESTDIR)$(PREFIX)/share/primesh/lab/%) $(DESTDIR)$(PREFIX)/share/primesh/scenarios
	install -m 0755 lab/scenarios/[0-9]*.exp $(DESTDIR)$(PREFIX)/share/primesh/scenarios/
	install -m 0644 lab/scenarios/[a-z]*.exp $(DESTDIR)$(PREFIX)/share/primesh/scenarios/
	install -m 0755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin/
	install -m 0644 $(wildcard docs/*.1) $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 0644 $(wildcard docs/*.8) $(DESTDIR)$(PREFIX)/share/man/man8/
	install -m 0644 README.md LICENSE CHANGELOG.md docs/*.md $(DESTDIR)$(PREFIX)/share/doc/primesh/
	install -m 0644 docs/examples/* $(DESTDIR)$(PREFIX)/share/doc/primesh/examples/
	cp -r docs/ci-examples $(DESTDIR)$(PREFIX)/share/doc/primesh/
	sed 's|@PREFIX@|$(PREFIX)|g' etc/systemd/primesh.service >$(DESTDIR)/lib/systemd/system/primesh.service
	sed 's|@PREFIX@|$(PREFIX)|g' etc/ssh/sshd_config.d/primesh.conf >$(DESTDIR)/etc/ssh/sshd_config.d/primesh.conf
	$(foreach f,$(LAB_DATA),install -m 0644 $(f)/* $(f:lab/data/%=$(DESTDIR)$(PREFIX)/share/primesh/lab/%)/ &&) true
	install -m 0644 etc/logrotate/primesh $(DESTDIR)/etc/logrotate.d/primesh
	install -m 0644 etc/sysusers/primesh.conf $(DESTDIR)/usr/lib/sysusers.d/primesh.conf
	install -m 0644 etc/tmpfiles/primesh.conf $(DESTDIR)/usr/lib/tmpfiles.d/primesh.conf

# Debian packages, into build/deb/: built from a copy, so that neither the tree nor its objects change.
.PHONY: deb check-deb
deb:
	$(call install_packages,$(BUILD_PACKAGES) $(DEB_PACKAGES))
	$(Q)rm -rf build/deb && mkdir -p build/deb/primesh
	$(Q)tar -c --exclude-vcs --exclude=./build --exclude=./run . | tar -x -C build/deb/primesh
	$(Q)cd build/deb/primesh && dpkg-buildpackage -b -us -uc -j2
	$(Q)rm -rf build/deb/primesh && ls -l build/deb/*.deb

# The packages in a Debian of their own: install, run, upgrade, remove, purge. Needs root and the network.
check-deb: deb
	$(call install_packages,$(DEB_TEST_PACKAGES))
	@lintian --allow-root --fail-on error,warning build/deb/*.changes
	@prove --exec "" --timer tests/package/*.t

.PHONY: clean
clean:
	$(Q)rm -rf build

.SECONDARY:
.DELETE_ON_ERROR:
