// SPDX-License-Identifier: GPL-2.0-only
/*
 * The talks of media_talks.h through the kernel side: specs by the controller's pinhole table into the
 * maps, then packets at each hook, with next hops unknown and known.
 */
#include "bpf/lab_table.h"
#include "lib/media_talks.h"

static struct datapath dp;
static struct pinhole_table *table;

static void begin(void)
{
	lab_reset();
	map_clear(lab.skel->maps.pinholes);
	map_clear(lab.skel->maps.learnt);
	lab_datapath(&dp);
	table = pinhole_table_new(&dp);
	assert_non_null(table);
}

static void prepare(const struct media_step *s)
{
	struct pinhole_spec spec = talk_spec(now_ns());

	if (s->close)
		pinhole_table_close(table, &spec, now_ns());
	if (!s->set)
		return;
	s->set(&spec, now_ns());
	spec.wan_ifindex = lab.w0;
	assert_int_equal(pinhole_table_set(table, &spec), 0);
}

/* The reason that is counted for it. .in: the hook for packets from the WAN. */
static int said(const struct media_step *s, enum hook in)
{
	bool out = s->dir == RF_DIR_OUT;
	static uint8_t bytes[PKT_MAX];
	static struct result r;
	__u64 now[RF_R_MAX];
	struct pkt p = s->mod;

	p.src = out ? IN4 : s->far;
	p.dst = out ? s->far : PUB4;
	p.sport = out ? IN_PORT : s->far_port;
	p.dport = out ? s->far_port : PUB_PORT;
	p.dmac = out ? lab_mac_l0 : NULL;
	lab_run(out ? INSIDE_IN : in, bytes, pkt_build(&p, bytes), &r);
	if (!out && in == XDP && r.code == XDP_PASS) /* a check that is held is TC's */
		lab_run(WAN_IN, bytes, pkt_build(&p, bytes), &r);
	lab_read_counts(now);
	for (int i = 0; i < RF_R_MAX; i++) {
		bool is = now[i] != lab.counts[i] && i != RF_R_TO_TC;

		lab.counts[i] = now[i];
		if (is)
			return i == RF_R_MEDIA_XDP || i == RF_R_MEDIA_TC ? RF_R_NONE : i;
	}
	return -1;
}

static void talk(const struct media_talk *t, enum hook in)
{
	begin();
	for (int i = 0; t->step[i].far; i++) {
		int got;

		prepare(&t->step[i]);
		got = said(&t->step[i], in);
		if (got != t->step[i].reason)
			fail_msg("%s, step %d at %s: %s, expected %s", t->name, i, hook_names[in],
				 got < 0 ? "nothing" : reason_names[got],
				 reason_names[t->step[i].reason]);
	}
	pinhole_table_free(table);
}

static void test_talks(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(media_talks); i++) {
		talk(&media_talks[i], WAN_IN);
		talk(&media_talks[i], XDP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_talks) };
	int failed = cmocka_run_group_tests(tests, lab_up, NULL);

	lab.warm = true;
	return failed + cmocka_run_group_tests_name("next hops known", tests, NULL, lab_down);
}
