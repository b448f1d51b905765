// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions are looked for in the kernel's own types, as the loader will do. What is built in stays so,
 * a module may come at any time.
 */
#include "conntrack.h"

#include <bpf/btf.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define MODULE_TYPES "/sys/kernel/btf/nf_conntrack"

static bool has_functions(const struct btf *btf)
{
	return btf__find_by_name_kind(btf, "bpf_skb_ct_lookup", BTF_KIND_FUNC) > 0 &&
	       btf__find_by_name_kind(btf, "bpf_xdp_ct_lookup", BTF_KIND_FUNC) > 0 &&
	       btf__find_by_name_kind(btf, "bpf_ct_release", BTF_KIND_FUNC) > 0;
}

bool conntrack_here(void)
{
	static enum { UNKNOWN, BUILT_IN, MODULE } kind;
	struct btf *vmlinux, *module;
	bool here;

	if (kind == BUILT_IN)
		return true;
	if (access(MODULE_TYPES, R_OK) && kind == MODULE)
		return false;
	vmlinux = btf__load_vmlinux_btf();
	if (!vmlinux)
		return false;
	here = has_functions(vmlinux);
	kind = here ? BUILT_IN : MODULE;
	if (!here) {
		module = btf__load_module_btf("nf_conntrack", vmlinux);
		here = module && has_functions(module);
		btf__free(module);
	}
	btf__free(vmlinux);
	return here;
}

static uint64_t timeout_of(const char *path)
{
	FILE *f = fopen(path, "re");
	uint64_t s = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu64, &s) != 1)
		s = 0;
	fclose(f);
	return s;
}

uint64_t conntrack_udp_s(void)
{
	uint64_t plain = timeout_of("/proc/sys/net/netfilter/nf_conntrack_udp_timeout");
	uint64_t stream = timeout_of("/proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream");

	return plain > stream ? plain : stream;
}
