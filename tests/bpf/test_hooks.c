// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach, replace and detach with what this kernel has: tcx, or clsact before Linux 6.6. In network,
 * mount and bpf file systems of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "datapath_priv.h"
#include "netlink.h"

#define NAME	    "hooks"
#define TCX_INGRESS 46 /* BPF_TCX_INGRESS of enum bpf_attach_type since Linux 6.6 */

static unsigned int w0;

/* Programs at tcx; -1: this kernel has none. */
static int tcx_count(unsigned int ifindex, int side)
{
	__u32 ids[64];
	LIBBPF_OPTS(bpf_prog_query_opts, o, .prog_ids = ids, .prog_cnt = 64);

	if (bpf_prog_query_opts(ifindex, TCX_INGRESS + side, &o)) {
		assert_int_equal(errno, EINVAL);
		return -1;
	}
	return o.prog_cnt;
}

static void expect_clsact(unsigned int ifindex, bool wanted)
{
	char kind[16];

	assert_int_equal(netlink_clsact_kind(ifindex, kind), 0);
	assert_string_equal(kind, wanted ? "clsact" : "");
}

/* Attached, in the one way or in the other, never in both. */
static void expect_hooks(bool clsact)
{
	bool old = tcx_count(w0, 0) < 0;
	struct datapath *dp;
	struct why w = { "" };

	assert_int_equal(datapath_open(&dp, NAME, true, &w), 0);
	assert_int_equal(hook_tc_attached(dp, w0, HOOK_INGRESS), 1);
	assert_int_equal(hook_tc_attached(dp, w0, HOOK_EGRESS), 1);
	assert_int_equal(hook_tc_attached(dp, 1, HOOK_EGRESS), 1);
	datapath_close(dp);
	expect_clsact(w0, clsact || old);
	expect_clsact(1, clsact || old);
	if (old)
		return;
	assert_int_equal(tcx_count(w0, 0), !clsact);
	assert_int_equal(tcx_count(w0, 1), !clsact);
	assert_int_equal(tcx_count(1, 1), !clsact);
}

static void expect_nothing(void)
{
	struct stat st;

	expect_clsact(w0, false);
	expect_clsact(1, false);
	assert_true(tcx_count(w0, 0) <= 0);
	assert_true(tcx_count(w0, 1) <= 0);
	assert_true(tcx_count(1, 1) <= 0);
	assert_int_equal(stat("/sys/fs/bpf/ringfence", &st), -1);
}

static void attach(const char *way, bool replace)
{
	struct attach_request r = { .instance = NAME, .dev = "w0", .mode = ATTACH_TC };
	struct attach_result result;
	struct why w = { "" };
	struct config c;

	config_defaults(&c);
	r.config = &c;
	r.replace = replace;
	if (way)
		setenv("RINGFENCE_TC", way, 1);
	else
		unsetenv("RINGFENCE_TC");
	if (datapath_attach(&r, &result, &w))
		fail_msg("attach: %s", w.text);
	expect_hooks(way != NULL);
}

static void detach(void)
{
	struct why w = { "" };

	if (datapath_detach(NAME, NULL, &w))
		fail_msg("detach: %s", w.text);
	expect_nothing();
}

static void test_ways(void **state)
{
	attach(NULL, false);
	attach(NULL, true);
	detach();
	attach("clsact", false);
	attach("clsact", true);
	detach();
}

static void test_from_one_to_the_other(void **state)
{
	attach("clsact", false);
	attach(NULL, true);
	attach("clsact", true);
	attach(NULL, true);
	detach();
}

static int own_world(void **state)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) || mount("run", "/run", "tmpfs", 0, NULL) ||
	    system("ip link set lo up && ip link add w0 type veth peer name w1 && "
		   "ip link set w0 up && ip link set w1 up && ip addr add 203.0.113.1/24 dev w0"))
		return -1;
	datapath_quiet();
	w0 = if_nametoindex("w0");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_from_one_to_the_other),
	};

	return cmocka_run_group_tests(tests, own_world, NULL);
}
