# primesh: plain `make` builds all programs into build/bin/. No configure step.
#   make run | test | lint | bench | fuzz | soak | asan | install | deps | docs | clean      V=1 shows the commands
#   MODE=asan builds the same under AddressSanitizer and UBSan into build/asan/.

MODE    ?= release
CC      ?= cc
PREFIX  ?= /usr/local
DESTDIR ?=
HOME_DIR ?= /var/lib/primesh

ifeq ($(MODE),release)
B        := build
OPTIMISE := -O2 -g -D_FORTIFY_SOURCE=2
else ifeq ($(MODE),asan)
B        := build/asan
OPTIMISE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(MODE),clang)
B        := build/clang
CC       := clang
OPTIMISE := -O2 -g -D_FORTIFY_SOURCE=2
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

# Unit tests: one cmocka program a file, linked with the whole house below the roof.
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
$(B)/tests/%: $(B)/obj/tests/unit/%.o $(LIBS)
	$(call say,LD  ,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -o $@ $< $(LIBS) -lcmocka $(EXTERNAL)
.PHONY: unit
unit: $(UNIT)
	$(Q)for t in $(UNIT); do echo "$$t"; $$t || exit 1; done

# Fuzz targets (libFuzzer, MODE=fuzz) and benchmark drivers: one program a file.
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(LIBS)
	$(call say,LD  ,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $< $(LIBS) $(EXTERNAL)
.PHONY: fuzzers
fuzzers: $(FUZZ)

BENCH := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/bench_*.c))
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(LIBS)
	$(call say,LD  ,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -o $@ $< $(LIBS) $(EXTERNAL)
.PHONY: benches
benches: $(BENCH)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

.PHONY: clean
clean:
	$(Q)rm -rf build

.SECONDARY:
.DELETE_ON_ERROR:
