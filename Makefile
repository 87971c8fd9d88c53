# SPDX-License-Identifier: GPL-2.0
#
# What can be made here; "make help" lists it. The modules themselves are
# described by Kbuild, which kbuild prefers to this file.

KDIR ?= /lib/modules/$(shell uname -r)/build
TESTING := tools/testing
# O= is for the tools: kbuild would take it for the kernel's build folder
MAKEOVERRIDES := $(filter-out O=%,$(MAKEOVERRIDES))
TOOLS := $(patsubst %/Makefile,%,$(wildcard tools/*/Makefile))

.PHONY: all help modules tools $(TOOLS) install demo demo-root check check-all check-debug \
	coverage fuzz lint lint-selftest bench bench-compare budget shell clean

all: modules tools

help:
	@echo 'all      the modules for the kernel of KDIR, and the tools (the default)'
	@echo 'install  the tools, and the modules in updates/, which wins over the same names'
	@echo 'demo     boot Xen in QEMU: a guest reads and writes a directory of dom0'
	@echo 'demo-root  the same, the guest'\''s root file system being a directory of dom0'
	@echo 'check    lint, unit tests, and suites on Xen in QEMU, within half an hour'
	@echo 'check-all  and all suites that "check" has in turn, which takes hours'
	@echo 'check-debug  every suite on every kernel that looks for mistakes'
	@echo 'coverage the suites on kernels that count which lines of the modules run'
	@echo 'fuzz     the fuzzers of all that takes bytes from a guest, for ten minutes'
	@echo 'lint     compiler, sparse, coccinelle, checkpatch and the rules of the tree'
	@echo 'bench    measure, on Xen in QEMU, beside QEMU and NFS; within an hour'
	@echo 'bench-compare A.json B.json   tell what changed beyond noise'
	@echo 'budget   where single operations spend their instructions'
	@echo 'shell    a shell in dom0 on Xen in QEMU'
	@echo 'clean    remove what "all" made'
	@echo
	@echo 'KDIR=DIR     all, install, clean: kernel to build for (the running one)'
	@echo 'DISKS=y      all, install: xen-blkfront and xen-blkback, too, in place of the kernel'\''s'
	@echo 'O=DIR        all, install, clean: where tools are built (in their folders)'
	@echo 'SIGN=y       install: sign the modules with the key of KDIR (do not)'
	@echo 'SUITES="A B" check: these only; lint and unit are suites too'
	@echo 'KERNEL=K     check: lts, mainline, lockdep, debug or kcsan only'
	@echo 'CHECKS="A B" lint: these only'
	@echo 'FUZZ="..."   fuzz: further words, such as --seconds N'
	@echo 'QUICK=1      bench: less of everything, within ten minutes'
	@echo 'BENCH="..."  bench: further words, such as --targets ours,nfs --out DIR'
	@echo
	@echo 'demo, demo-root, check, lint, bench and shell need Debian 12 or later and root, install'
	@echo 'what the machine lacks, and write to a cache outside this folder.'

modules:
	@[ -d "$(KDIR)" ] || { \
		echo "There is no $(KDIR): install the headers of the kernel (package linux-headers-amd64)," >&2; \
		echo "or say KDIR=DIR. 'make demo' and 'make check' bring what they need themselves." >&2; \
		exit 1; }
	$(MAKE) -C "$(KDIR)" M="$(CURDIR)" modules

tools: $(TOOLS)

$(TOOLS):
	$(MAKE) -C $@ $(if $(O),O="$(abspath $(O))")

install: all
	$(MAKE) -C "$(KDIR)" M="$(CURDIR)" INSTALL_MOD_DIR=updates \
		CONFIG_MODULE_SIG_ALL=$(SIGN) modules_install
	depmod $(if $(INSTALL_MOD_PATH),-b "$(INSTALL_MOD_PATH)") \
		"$$($(MAKE) -s --no-print-directory -C "$(KDIR)" M="$(CURDIR)" kernelrelease)"
	set -e; for tool in $(TOOLS); do \
		$(MAKE) -C $$tool $(if $(O),O="$(abspath $(O))") install; done

demo:
	@$(TESTING)/demo/run $(DEMO)

demo-root:
	@$(TESTING)/demo/run-root $(DEMO)

check:
	@$(TESTING)/selftests/run $(if $(KERNEL),--kernel $(KERNEL)) $(SUITES)

check-all:
	@$(TESTING)/selftests/run --all $(if $(KERNEL),--kernel $(KERNEL))

check-debug:
	@$(TESTING)/selftests/run --debug $(if $(KERNEL),--kernel $(KERNEL)) $(SUITES)

coverage:
	@$(TESTING)/selftests/run --coverage $(if $(KERNEL),--kernel $(KERNEL)) $(SUITES)

fuzz:
	@$(TESTING)/fuzz/run $(FUZZ)

lint:
	@$(TESTING)/lint/lint $(CHECKS)

lint-selftest:
	@$(TESTING)/lint/selftest

bench:
	@$(TESTING)/bench/run run $(BENCH)

# The results to compare are words beside the target, not targets
ifeq ($(firstword $(MAKECMDGOALS)),bench-compare)
RESULTS := $(wordlist 2,3,$(MAKECMDGOALS))
.PHONY: $(RESULTS)
$(RESULTS):
	@:
endif

bench-compare:
	@$(TESTING)/bench/run compare $(or $(RESULTS),-h)

budget:
	@$(TESTING)/bench/run budget $(BUDGET)

shell:
	@$(TESTING)/rig/rig shell

clean:
	[ ! -d "$(KDIR)" ] || $(MAKE) -C "$(KDIR)" M="$(CURDIR)" clean
	set -e; for tool in $(TOOLS); do \
		$(MAKE) -C $$tool $(if $(O),O="$(abspath $(O))") clean; done
