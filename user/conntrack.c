// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions are looked for in the kernel's own types, as the loader will do. What is built in stays so,
 * a module may come at any time.
 */
#include "conntrack.h"

#include <bpf/btf.h>
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
