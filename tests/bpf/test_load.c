// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads the object and prints what the verifier says of each program: the instructions it walked
 * through, the stack of each function and the time it took. A change which costs much shows here
 * before some kernel refuses it at a million steps, or at 512 bytes of stack along a chain of calls.
 * The times are for reading only: no assertion rests on them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <cmocka.h>
#include <bpf/libbpf.h>
#include "conntrack.h"
#include "ringfence.skel.h"

#define LOG_SIZE    (1 << 26) /* of the verifier; log level 4 gives the summary only */
/* The kernel ends at a million; seen are 43,000 on 6.1, 57,000 on 6.18, 47,000 on 7.2. */
#define LIMIT	    100000
/* Bytes of one function's stack; seen are 176. */
#define FRAME_LIMIT 192
/* And of the deepest chain of calls, which the kernel ends at 512 and tells from 7.2 on; seen are 400. */
#define CHAIN_LIMIT 416
#define LOADS	    3 /* without a log, of which the median counts; odd */

static struct ringfence_bpf *open_sized(void)
{
	struct ringfence_bpf *skel = ringfence_bpf__open();

	assert_non_null(skel);
	assert_int_equal(bpf_map__set_max_entries(skel->maps.scratch, libbpf_num_possible_cpus()),
			 0);
	bpf_map__set_max_entries(skel->maps.pinholes, 1024);
	bpf_map__set_max_entries(skel->maps.pinhole_state, 1024);
	bpf_map__set_max_entries(skel->maps.pinhole_cold, 1024);
	skel->rodata->rf_conntrack = conntrack_here();
	return skel;
}

static struct ringfence_bpf *open_with_logs(int level)
{
	struct ringfence_bpf *skel = open_sized();
	struct bpf_program *prog;

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

/* What follows a word in the log, up to the end of the line; its length in *len. */
static const char *log_value(const char *log, const char *word, int *len)
{
	const char *line = strstr(log, word);

	if (!line)
		fail_msg("no \"%s\" in the verifier's log:\n%s", word, log);
	line += strlen(word);
	*len = (int)strcspn(line, "\n");
	return line;
}

/* Of "392+0+120 max 432"; 0: not told */
static int deepest_chain(const char *depths, int len)
{
	const char *max = strstr(depths, " max ");

	return max && max < depths + len ? atoi(max + strlen(" max ")) : 0;
}

/* Of "392+0+120": bytes per function, in the order of the program's text and not of its calls. */
static long largest_frame(const char *depths)
{
	long largest = 0, frame;
	char *end;

	for (;; depths = end + 1) {
		frame = strtol(depths, &end, 10);
		if (end == depths)
			fail_msg("not a number in the stack depths: %s", depths);
		if (frame > largest)
			largest = frame;
		if (*end != '+')
			return largest;
	}
}

static void test_verifier_figures(void **state)
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
		const char *log = bpf_program__log_buf(prog, &n), *depths;
		int steps, len, depths_len;
		long usec, frame;

		steps = atoi(log_value(log, "\nprocessed ", &len));
		usec = atol(log_value(log, "verification time ", &len));
		depths = log_value(log, "stack depth ", &depths_len);
		frame = largest_frame(depths);
		print_message("Linux %s: %-13s %6d verifier steps, %5zu instructions, "
			      "stack %.*s, largest frame %ld, %.1f ms\n",
			      u.release, bpf_program__name(prog), steps,
			      bpf_program__insn_cnt(prog), depths_len, depths, frame, usec / 1e3);
		assert_in_range(steps, 1, LIMIT);
		assert_in_range(frame, 0, FRAME_LIMIT);
		assert_in_range(deepest_chain(depths, depths_len), 0, CHAIN_LIMIT);
		free((void *)log);
	}
	ringfence_bpf__destroy(skel);
}

static double load_ms(void)
{
	struct ringfence_bpf *skel = open_sized();
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(ringfence_bpf__load(skel), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	ringfence_bpf__destroy(skel);
	return (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* What a start of the daemon waits for: maps, all programs, no log. */
static void test_load_time(void **state)
{
	double ms[LOADS];
	struct utsname u;

	for (int i = 0; i < LOADS; i++)
		ms[i] = load_ms();
	qsort(ms, LOADS, sizeof(ms[0]), by_size);
	uname(&u);
	print_message("Linux %s: loads in %.1f ms, the median of %d\n", u.release, ms[LOADS / 2],
		      LOADS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verifier_figures),
		cmocka_unit_test(test_load_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
