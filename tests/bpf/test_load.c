// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads the object and prints how many instructions the verifier walked through per program, so that
 * a change which costs much shows before some kernel refuses it at a million.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <cmocka.h>
#include <bpf/libbpf.h>
#include "ringfence.skel.h"

#define LOG_SIZE (1 << 26) /* of the verifier; log level 4 gives the summary only */
/* The kernel ends at a million; seen are 544,000 on 6.1, 509,000 on 6.18, 285,000 on 7.2. */
#define LIMIT	 600000

static struct ringfence_bpf *open_with_logs(int level)
{
	struct ringfence_bpf *skel = ringfence_bpf__open();
	struct bpf_program *prog;

	assert_non_null(skel);
	assert_int_equal(bpf_map__set_max_entries(skel->maps.scratch, libbpf_num_possible_cpus()),
			 0);
	bpf_map__set_max_entries(skel->maps.pinholes, 1024);
	bpf_map__set_max_entries(skel->maps.pinhole_state, 1024);
	bpf_map__set_max_entries(skel->maps.pinhole_cold, 1024);
	bpf_object__for_each_program(prog, skel->obj)
	{
		bpf_program__set_log_level(prog, level);
		bpf_program__set_log_buf(prog, calloc(1, LOG_SIZE), LOG_SIZE);
	}
	return skel;
}

/* Loads again, with every step in the log, and shows the end of it. */
static void explain(void)
{
	struct ringfence_bpf *skel = open_with_logs(1);
	struct bpf_program *prog;
	size_t n;

	ringfence_bpf__load(skel);
	bpf_object__for_each_program(prog, skel->obj)
	{
		const char *log = bpf_program__log_buf(prog, &n);

		n = strlen(log);
		printf("--- %s:\n%s\n", bpf_program__name(prog), n > 5000 ? log + n - 5000 : log);
	}
	fail_msg("does not load");
}

static void test_verifier_steps(void **state)
{
	struct ringfence_bpf *skel = open_with_logs(4);
	struct bpf_program *prog;
	struct utsname u;
	size_t n;

	if (ringfence_bpf__load(skel))
		explain();
	uname(&u);
	bpf_object__for_each_program(prog, skel->obj)
	{
		const char *log = bpf_program__log_buf(prog, &n), *line;
		int steps = 0;

		line = strstr(log, "processed ");
		assert_non_null(line);
		assert_int_equal(sscanf(line, "processed %d", &steps), 1);
		print_message("Linux %s: %-12s %6d verifier steps, %5zu instructions\n", u.release,
			      bpf_program__name(prog), steps, bpf_program__insn_cnt(prog));
		assert_in_range(steps, 1, LIMIT);
		free((void *)log);
	}
	ringfence_bpf__destroy(skel);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_verifier_steps) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
