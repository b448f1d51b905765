# SPDX-License-Identifier: GPL-2.0-only
# make | check | check-unit | soak | fuzz | demo | install | clean.  V=1 shows commands, SAN=1 builds with ASan+UBSan
# (under build-san/), B=dir builds elsewhere.
SAN ?= 0
B ?= $(if $(filter 1,$(SAN)),build-san,build)
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
COMPDIR ?= $(PREFIX)/share/bash-completion/completions
UNITDIR ?= $(PREFIX)/lib/systemd/system

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
Q := $(if $(V),,@)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

PKGS := libbpf libelf zlib libosip2 json-c libevent_core libmnl libnftnl libcap-ng libseccomp libpcap nettle
WARN := -Wall -Wextra -Werror -Wshadow -Wno-unused-parameter
CFLAGS ?= -O2 -g
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection -Wformat -Wformat-security
RF_LDFLAGS := -pie -Wl,--as-needed -Wl,-z,relro,-z,now,-z,noexecstack
ifeq ($(SAN),1)
HARDEN += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
RF_LDFLAGS += -fsanitize=address,undefined
else
HARDEN += -D_FORTIFY_SOURCE=2
endif
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null)
RF_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DRF_SYSCONFDIR='"$(SYSCONFDIR)"' $(WARN) $(HARDEN) -Iinclude -Iuser -I$(B) $(PKG_CFLAGS)
BPF_CFLAGS := -std=gnu11 -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) $(WARN) -I. -Iinclude -Ibpf

LIB_SRC := $(filter-out user/ringfence.c user/ringfenced.c user/cmd_%.c,$(wildcard user/*.c))
CLI_SRC := user/ringfence.c $(wildcard user/cmd_*.c)
LIB_OBJ := $(LIB_SRC:user/%.c=$(B)/%.o)
CLI_OBJ := $(CLI_SRC:user/%.c=$(B)/%.o)
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
BPFT := $(patsubst tests/bpf/%.c,$(B)/bpf/%,$(wildcard tests/bpf/test_*.c))
TOOLS := $(patsubst tests/tools/%.c,$(B)/tools/%,$(wildcard tests/tools/*.c))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all deps check check-unit soak fuzz demo bench bench-quick install uninstall clean build-tests
all: $(B)/ringfence $(B)/ringfenced

# A fresh Debian has none of the packages: install them, saying so; elsewhere say what is missing.
$(B)/.deps: scripts/deps.sh
	$(Q)mkdir -p $(B)
	$(Q)scripts/deps.sh build
	$(Q)touch $@

$(B)/ringfence.bpf.o: bpf/ringfence.bpf.c $(B)/.deps
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(B)/ringfence.bpf.d -c $< -o $@

$(B)/ringfence.skel.h: $(B)/ringfence.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name ringfence_bpf > $@

$(B)/%.o: user/%.c $(B)/.deps | $(B)/ringfence.skel.h
	$(call say,CC,$@)
	$(Q)$(CC) $(RF_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/libringfence.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/ringfence: $(CLI_OBJ) $(B)/libringfence.a
	$(call say,LD,$@)
	$(Q)$(CC) $(RF_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/ringfenced: $(B)/ringfenced.o $(B)/libringfence.a
	$(call say,LD,$@)
	$(Q)$(CC) $(RF_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# A rule for each kind: one with several patterns makes programs of the same name (unit/test_rewrite,
# bpf/test_rewrite) together, which is one of them.
define test_programs
$(B)/$(1)/%: $(B)/libringfence.a
	$$(Q)mkdir -p $$(@D)
	$$(call say,TEST,$$@)
	$$(Q)$$(CC) $$(RF_CFLAGS) -Itests $$(CFLAGS) $$(RF_LDFLAGS) -MMD -MP -MT $$@ -MF $(B)/$(1)-$$*.d -o $$@ tests/$(1)/$$*.c $(B)/libringfence.a $$(PKG_LIBS) -lcmocka
endef
$(foreach kind,unit bpf tools,$(eval $(call test_programs,$(kind))))
$(UNIT): $(B)/unit/%: tests/unit/%.c
$(BPFT): $(B)/bpf/%: tests/bpf/%.c
$(B)/bpf/test_nest: $(B)/bpf-nest.skel.h
$(B)/bpf-nest.bpf.o: tests/bpf/nest.bpf.c $(B)/.deps
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(B)/bpf-nest.bpf.d -c $< -o $@
$(B)/bpf-nest.skel.h: $(B)/bpf-nest.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name ringfence_bpf > $@
$(TOOLS): $(B)/tools/%: tests/tools/%.c
# Its allocations fail: by its own malloc(), or beside the sanitizers', which must be theirs, by these.
$(B)/unit/test_memory $(B)/unit/test_memory_doers $(B)/unit/test_pinhole_table $(B)/unit/test_wan_names: RF_LDFLAGS += $(if $(filter 1,$(SAN)),-Wl$(,)--wrap=malloc$(,)--wrap=calloc$(,)--wrap=realloc$(,)--wrap=strdup$(,)--wrap=strndup)
, := ,

# For LD_PRELOAD: nothing of ours in it.
$(B)/wallclock.so: tests/lib/wallclock.c
	$(Q)mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -g -fPIC -shared -o $@ $<

build-tests: all $(UNIT) $(BPFT) $(TOOLS) $(B)/wallclock.so

check-unit: $(B)/.deps
	$(Q)scripts/deps.sh unit
	$(Q)tests/run.sh unit

check: $(B)/.deps
	$(Q)scripts/deps.sh check
	$(Q)tests/run.sh all

# As root, 7 minutes: calls with media while the controller is killed and its programs are replaced.
soak: $(B)/.deps
	$(Q)scripts/deps.sh check
	$(Q)$(MAKE) --no-print-directory all
	$(Q)B=$(B) tests/soak/run.sh

FUZZ_SECONDS ?= 30 # each target
fuzz: $(B)/.deps
	$(Q)B=$(B) tests/fuzz/run.sh $(FUZZ_SECONDS)

demo: $(B)/.deps
	$(Q)scripts/deps.sh demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)scripts/demo.sh $(B)

# Measures, as root: tables, goals, $(B)/bench-*.json. bench-quick: what each path costs, against tests/bench/costs.json.
$(B)/bench/%.bpf.o: tests/bench/%.bpf.c $(B)/.deps
	$(Q)mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Wno-address-of-packed-member -Itests/bench -MMD -MP -MF $(B)/bench-$*.bpf.d -c $< -o $@

$(B)/bench/%.skel.h: $(B)/bench/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# A program may have a directory of its name; common/ is everybody's.
.SECONDEXPANSION:
$(B)/bench/%: tests/bench/%.c $$(wildcard tests/bench/*.h tests/bench/common/*.[ch] tests/bench/$$*/*.[ch]) $(B)/libringfence.a | $(B)/bench/bench.skel.h $(B)/bench/timing.skel.h
	$(call say,BENCH,$@)
	$(Q)$(CC) $(RF_CFLAGS) -Itests -Itests/bench -I$(B)/bench -DCLANG_VERSION='"$(CLANG_VERSION)"' $(CFLAGS) $(RF_LDFLAGS) -o $@ $(filter %.c,$^) $(B)/libringfence.a $(PKG_LIBS) -lcmocka
CLANG_VERSION = $(shell $(CLANG) -dumpversion)
BENCH := $(patsubst tests/bench/%.c,$(B)/bench/%,$(filter-out %.bpf.c,$(wildcard tests/bench/*.c)))

bench: $(B)/.deps
	$(Q)scripts/deps.sh bench
	$(Q)$(MAKE) --no-print-directory all $(BENCH)
	$(Q)B=$(B) tests/bench/run.sh

bench-quick: $(B)/.deps
	$(Q)scripts/deps.sh unit
	$(Q)$(MAKE) --no-print-directory all $(B)/bench/quick
	$(Q)$(B)/bench/quick tests/bench/costs.json

install: all
	install -Dm755 $(B)/ringfence $(DESTDIR)$(SBINDIR)/ringfence
	install -Dm755 $(B)/ringfenced $(DESTDIR)$(SBINDIR)/ringfenced
	for m in docs/man/*.8; do install -Dm644 $$m $(DESTDIR)$(MANDIR)/man8/$$(basename $$m) || exit 1; done
	for m in docs/man/*.5; do install -Dm644 $$m $(DESTDIR)$(MANDIR)/man5/$$(basename $$m) || exit 1; done
	install -Dm644 scripts/ringfence.bash-completion $(DESTDIR)$(COMPDIR)/ringfence
	ln -sf ringfence $(DESTDIR)$(COMPDIR)/ringfenced
	mkdir -p $(DESTDIR)$(UNITDIR)
	sed 's|@SBINDIR@|$(SBINDIR)|g' scripts/ringfenced.service.in > $(DESTDIR)$(UNITDIR)/ringfenced.service

uninstall:
	$(Q)[ -n "$(DESTDIR)" ] || [ "$(FORCE)" = 1 ] || scripts/still_attached.sh $(SBINDIR)/ringfence
	rm -f $(DESTDIR)$(SBINDIR)/ringfence $(DESTDIR)$(SBINDIR)/ringfenced $(DESTDIR)$(COMPDIR)/ringfence $(DESTDIR)$(COMPDIR)/ringfenced \
	      $(DESTDIR)$(UNITDIR)/ringfenced.service $(DESTDIR)$(MANDIR)/man8/ringfence*.8 $(DESTDIR)$(MANDIR)/man5/ringfence*.5

clean:
	rm -rf build build-san

-include $(wildcard $(B)/*.d)
