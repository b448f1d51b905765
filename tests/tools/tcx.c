// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the programs that run at tcx in this network namespace: "<device> ingress|egress <program>",
 * in their order; with -i the program's id, too. bpftool 7.1 does not know tcx. Exit status 2: nor does this kernel.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS of enum bpf_attach_type since Linux 6.6 */

static bool with_id;

static void print(const char *dev, int side, __u32 id)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
		printf("%s %s %s", dev, side ? "egress" : "ingress", info.name);
	if (fd >= 0)
		printf(with_id ? " %u\n" : "\n", id);
	if (fd >= 0)
		close(fd);
}

static int show(unsigned int ifindex, const char *dev)
{
	int side;
	__u32 i;

	for (side = 0; side < 2; side++) {
		__u32 ids[64] = { 0 };
		LIBBPF_OPTS(bpf_prog_query_opts, o, .prog_ids = ids, .prog_cnt = 64);

		if (bpf_prog_query_opts(ifindex, TCX_INGRESS + side, &o))
			return errno == EINVAL ? 2 : 1;
		for (i = 0; i < o.prog_cnt; i++)
			print(dev, side, ids[i]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct if_nameindex *v = if_nameindex();
	int i, status = v ? 0 : 1;

	with_id = argc > 1 && !strcmp(argv[1], "-i");
	for (i = 0; v && v[i].if_index && !status; i++)
		status = show(v[i].if_index, v[i].if_name);
	if_freenameindex(v);
	return status;
}
