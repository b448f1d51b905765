// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller's pinhole table on real maps: slots of pinhole_state are given once each, kept over a
 * restart, freed with the tombstone, and tombstones give way when there is no room left.
 */
#include "bpf/lab_table.h"

#include "call_ends.h"
#include "rf_bystander.h"

#define ROOM 1023 /* slots of the lab, without the unused one */

static struct datapath dp;
static struct pinhole_table *table;

static int table_up(void **state)
{
	lab_reset();
	map_clear(lab.skel->maps.pinholes);
	lab_datapath(&dp);
	table = pinhole_table_new(&dp);
	assert_non_null(table);
	return 0;
}

static int table_down(void **state)
{
	pinhole_table_free(table);
	return 0;
}

static void again(void)
{
	pinhole_table_free(table);
	table = pinhole_table_new(&dp);
	assert_non_null(table);
}

static struct pinhole_spec spec(uint32_t id, int n_remotes)
{
	struct pinhole_spec s = {
		.id = id,
		.call_id = 1,
		.outside = ep(PUB4, 0),
		.inside = ep(IN4, 0),
		.classes_in = RF_CLASS_RTP,
		.classes_out = RF_CLASS_RTP,
		.payload_types_in = { 1 },
		.payload_types_out = { 1 },
		.deadline_ns = UINT64_MAX,
		.n_remotes = n_remotes,
	};
	int i;

	s.outside.port = s.inside.port = htons(1000 + id);
	for (i = 0; i < n_remotes; i++)
		s.remotes[i] = (struct rf_remote){ .addr = addr(PEER4),
						   .port = htons(2000 + i),
						   .prefix_len = 128 };
	return s;
}

static bool entry_at(uint32_t id, int dir, struct rf_pinhole *p)
{
	struct rf_pinhole_key k = ph_key(dir ? IN4 : PUB4, 1000 + id, dir);

	return !bpf_map_lookup_elem(dp.map[MAP_PINHOLES], &k, p);
}

static struct rf_pinhole entry(uint32_t id, int dir)
{
	struct rf_pinhole p = {};

	assert_true(entry_at(id, dir, &p));
	return p;
}

static void count_one(uint32_t slot)
{
	struct rf_pinhole_state st = { .dir[0].packets = 1 };

	map_set(lab.skel->maps.pinhole_state, &slot, &st);
}

static uint64_t counted(uint32_t slot)
{
	struct rf_pinhole_state st;

	assert_int_equal(bpf_map_lookup_elem(dp.map[MAP_PINHOLE_STATE], &slot, &st), 0);
	return st.dir[0].packets;
}

static void test_slot_is_kept(void **state)
{
	struct pinhole_spec s = spec(1, 1), other = spec(2, 1);
	uint32_t slot;

	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_int_equal(pinhole_table_set(table, &other), 0);
	slot = entry(1, RF_DIR_IN).slot;
	assert_int_not_equal(slot, 0);
	assert_int_equal(entry(1, RF_DIR_OUT).slot, slot);
	assert_int_not_equal(entry(2, RF_DIR_IN).slot, slot);
	count_one(slot);
	s.idle_s = 9;
	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_int_equal(entry(1, RF_DIR_OUT).idle_s, 9);
	assert_int_equal(entry(1, RF_DIR_OUT).slot, slot);
	again();
	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_int_equal(entry(1, RF_DIR_IN).slot, slot);
	assert_int_equal(counted(slot), 1);
	other = spec(3, 1);
	assert_int_equal(pinhole_table_set(table, &other), 0);
	assert_int_not_equal(entry(3, RF_DIR_IN).slot, slot);
	assert_int_not_equal(entry(3, RF_DIR_IN).slot, entry(2, RF_DIR_IN).slot);
}

static void test_each_slot_once(void **state)
{
	static bool seen[ROOM + 1];
	struct pinhole_spec s;
	uint32_t id, slot, room = 512; /* entries of the lab's pinhole map, two to a pinhole */

	memset(seen, 0, sizeof(seen));
	for (id = 1; id <= room; id++) {
		s = spec(id, 1);
		assert_int_equal(pinhole_table_set(table, &s), 0);
		slot = entry(id, RF_DIR_IN).slot;
		assert_in_range(slot, 1, ROOM);
		assert_false(seen[slot]);
		seen[slot] = true;
	}
	s = spec(id, 1);
	assert_int_equal(pinhole_table_set(table, &s), -E2BIG);
	/* nothing of it is open, and its slot is free again */
	assert_false(pinhole_table_has(table, id));
	for (id = 1; id <= room; id++)
		assert_true(pinhole_table_has(table, id));
}

static void test_tombstones_give_way(void **state)
{
	struct pinhole_spec s, first = spec(1, 1);
	struct rf_pinhole p;
	uint32_t id;

	for (id = 1; id <= 512; id++) {
		s = spec(id, 1);
		assert_int_equal(pinhole_table_set(table, &s), 0);
	}
	pinhole_table_close(table, &first, 5);
	s = spec(2, 1);
	pinhole_table_close(table, &s, 6);
	assert_int_equal(entry(1, RF_DIR_IN).state, RF_PINHOLE_CLOSED);
	s = spec(513, 1);
	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_false(entry_at(1, RF_DIR_IN, &p));
	assert_int_equal(entry(2, RF_DIR_IN).state, RF_PINHOLE_CLOSED);
	assert_int_equal(pinhole_table_set(table, &first), 0);
	assert_false(entry_at(2, RF_DIR_OUT, &p));
	s = spec(514, 1);
	assert_int_equal(pinhole_table_set(table, &s), -E2BIG);
}

/* Many times round, so that slots come back; a new pinhole begins with nothing counted. */
static void test_slots_come_back(void **state)
{
	struct pinhole_spec s;
	uint64_t now = 0;
	uint32_t id, slot;

	for (id = 1; id <= 5 * ROOM; id++) {
		s = spec(id, 1 + id % RF_REMOTES_MAX);
		s.learn = id % 3 == 0;
		s.outside.port = s.inside.port = htons(1000 + id % 100);
		assert_int_equal(pinhole_table_set(table, &s), 0);
		slot = entry(id % 100, RF_DIR_IN).slot;
		assert_int_equal(counted(slot), 0);
		count_one(slot);
		pinhole_table_close(table, &s, now += 61 * SEC);
		pinhole_table_sweep(table, now + 1);
	}
	pinhole_table_sweep(table, now += 61 * SEC);
	pinhole_table_sweep(table, now += 61 * SEC);
	assert_int_not_equal(bpf_map_get_next_key(dp.map[MAP_PINHOLES], NULL, &slot), 0);
	assert_int_not_equal(bpf_map_get_next_key(dp.map[MAP_MORE_REMOTES], NULL, &slot), 0);
	assert_int_not_equal(bpf_map_get_next_key(dp.map[MAP_LEARNT], NULL, &slot), 0);
}

static void test_remotes(void **state)
{
	struct pinhole_spec s = spec(1, RF_REMOTES_MAX);
	struct rf_more_key k = { .id = 1, .dir = RF_DIR_OUT };
	struct rf_more_remotes more;
	struct datapath_pinhole *v;
	size_t n;
	int i;

	s.learn = true;
	s.announced = ep("192.168.7.7", 9);
	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_int_equal(entry(1, RF_DIR_IN).n_remotes, RF_REMOTES_MAX);
	assert_int_equal(entry(1, RF_DIR_OUT).n_remotes, RF_REMOTES_MAX);
	assert_int_equal(bpf_map_lookup_elem(dp.map[MAP_MORE_REMOTES], &k, &more), 0);
	assert_int_equal(more.remotes[0].port, htons(2000)); /* behind the announced one */
	assert_int_equal(datapath_pinholes(&dp, &v, &n), 0);
	assert_int_equal(n, 2);
	for (i = 0; i < RF_REMOTES_MAX; i++)
		assert_int_equal(v[0].remotes[i].port, htons(2000 + i));
	assert_int_equal(v[1].remotes[0].port, htons(9));
	assert_int_equal(v[1].remotes[3].port, htons(2002));
	assert_true(v[0].has_state);
	free(v);
}

static const struct rf_inbound *line_of(const struct pinhole_spec *s)
{
	__u32 i = rf_inbound_index(ntohl(s->outside.addr.w[3]), ntohs(s->outside.port), LAB_LINES);
	const struct rf_inbound *l = &lab.inbound.lines[i];

	return l->version && !(l->version & 1) && l->own == s->outside.addr.w[3] &&
			       l->own_port == s->outside.port
		       ? l
		       : NULL;
}

static void test_line_follows(void **state)
{
	struct pinhole_spec s = spec(2, 1), newer;

	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_non_null(line_of(&s));
	assert_int_equal(line_of(&s)->to, s.inside.addr.w[3]);
	assert_int_equal(line_of(&s)->remote_port, htons(2000));
	s.remotes[0].port = htons(2222);
	s.deadline_ns = 7 << RF_INBOUND_TICK;
	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_int_equal(line_of(&s)->remote_port, htons(2222));
	assert_int_equal(line_of(&s)->until, 7);
	/* a restart knows nothing until the pinhole is set again */
	again();
	assert_null(line_of(&s));
	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_non_null(line_of(&s));
	/* hold: RTP is not agreed on any more */
	s.classes_in = RF_CLASS_RTCP;
	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_null(line_of(&s));
	s.classes_in = RF_CLASS_RTP;
	assert_int_equal(pinhole_table_set(table, &s), 0);
	/* the newest at one endpoint has it; its slot is another one, so that there is no line */
	newer = spec(4, 1);
	newer.outside = s.outside;
	assert_int_equal(pinhole_table_set(table, &newer), -EADDRINUSE); /* leads elsewhere */
	assert_non_null(line_of(&s));
	newer.inside = s.inside;
	assert_int_equal(pinhole_table_set(table, &newer), 0);
	assert_null(line_of(&s));
	pinhole_table_close(table, &newer, 5);
	assert_null(line_of(&s));
	/* to other ports: the old place is empty */
	newer = s;
	newer.outside.port = htons(1100);
	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_non_null(line_of(&s));
	assert_int_equal(pinhole_table_set(table, &newer), 0);
	assert_null(line_of(&s));
	assert_int_equal(pinhole_table_set(table, &s), 0);
	pinhole_table_close(table, &s, 6);
	assert_null(line_of(&s));
}

/* Signalling at the endpoint takes the line away. */
static void test_line_gives_way(void **state)
{
	struct pinhole_spec s = spec(2, 1);
	struct signal_spec sig = { .id = 900, .outside = s.outside, .inside = ep(IN4, 5060) };

	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_int_equal(pinhole_table_signal_set(table, &sig), 0);
	assert_null(line_of(&s));
	assert_int_equal(pinhole_table_set(table, &s), -EADDRINUSE);
	assert_null(line_of(&s));
	assert_int_equal(pinhole_table_signal_close(table, &sig), 0);
	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_non_null(line_of(&s));
}

static bool end_of(uint32_t id, struct rf_call_end *e)
{
	struct rf_ep own = ep(PUB4, 1000 + id);

	return !bpf_map_lookup_elem(dp.map[MAP_CALL_ENDS], &own, e);
}

static void end_set(uint32_t id, uint64_t until)
{
	struct rf_ep own = ep(PUB4, 1000 + id);
	struct rf_call_end e;

	assert_true(end_of(id, &e));
	e.until_ns = until;
	map_set(lab.skel->maps.call_ends, &own, &e);
}

static void settings_end(uint32_t s)
{
	struct rf_settings v;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(dp.map[MAP_SETTINGS], &zero, &v), 0);
	v.call_end_s = s;
	map_set(lab.skel->maps.settings, &zero, &v);
}

/* conntrack's time-outs -> how long; never shorter than its default wants */
static void test_call_end_s(void **state)
{
	assert_int_equal(rf_call_end_s(0), 300);
	assert_int_equal(rf_call_end_s(120), 300);
	assert_int_equal(rf_call_end_s(240), 300);
	assert_int_equal(rf_call_end_s(241), 301);
	assert_int_equal(rf_call_end_s(600), 660);
	assert_int_equal(rf_call_end_s(UINT64_MAX), 30 * 24 * 3600);
	assert_int_equal(rf_call_end_ns(0), 300 * SEC);
	assert_int_equal(rf_call_end_ns(660), 660 * SEC);
}

/* Without room the end that is oldest by its last call gives way. */
static void test_call_ends_renewed(void **state)
{
	struct rf_ep own = ep(PUB4, 1), far = ep(PEER4, 1);
	struct call_ends ends;
	struct rf_call_end e;
	uint32_t room = bpf_map__max_entries(lab.skel->maps.call_ends);

	map_clear(lab.skel->maps.call_ends);
	assert_int_equal(call_ends_open(&ends, dp.map[MAP_CALL_ENDS]), 0);
	for (uint32_t i = 1; i <= room; i++) {
		own.port = htons(i);
		call_ends_add(&ends, &own, &far, 1, i);
	}
	own.port = htons(1);
	call_ends_add(&ends, &own, &far, 1, room + 1); /* once more */
	own = ep(PUB6, 1);
	call_ends_add(&ends, &own, &far, 1, room + 2);
	own = ep(PUB4, 1);
	assert_int_equal(bpf_map_lookup_elem(dp.map[MAP_CALL_ENDS], &own, &e), 0);
	own.port = htons(2);
	assert_int_not_equal(bpf_map_lookup_elem(dp.map[MAP_CALL_ENDS], &own, &e), 0);
	call_ends_close(&ends);
	map_clear(lab.skel->maps.call_ends);
}

/* Whom a pinhole let in stays known for 300 s: when its tombstone goes, and when others take their place. */
static void test_call_ends(void **state)
{
	struct pinhole_spec s = spec(1, RF_REMOTES_MAX), other = spec(2, 1);
	uint64_t now = now_ns();
	struct rf_call_end e;

	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_int_equal(pinhole_table_set(table, &s), 0);
	pinhole_table_close(table, &s, now);
	assert_false(end_of(1, &e)); /* the tombstone says it */
	pinhole_table_sweep(table, now + 61 * SEC);
	assert_true(end_of(1, &e));
	assert_int_equal(e.n, RF_REMOTES_MAX);
	assert_int_equal(e.remotes[3].port, htons(2003));
	assert_in_range(e.until_ns, now + 299 * SEC, now_ns() + 300 * SEC);

	assert_int_equal(pinhole_table_set(table, &other), 0);
	other.remotes[0].port = htons(2900);
	assert_int_equal(pinhole_table_set(table, &other), 0);
	assert_true(end_of(2, &e));
	assert_int_equal(e.n, 1);
	assert_int_equal(e.remotes[0].port, htons(2000));
	/* another call at the same endpoint, and the tombstone gives way to it */
	pinhole_table_close(table, &other, now);
	s = spec(3, 1);
	s.outside.port = other.outside.port;
	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_true(end_of(2, &e));
	assert_int_equal(e.n, 2);
	assert_int_equal(e.remotes[1].port, htons(2900));
	for (s.remotes[0].port = 1; s.remotes[0].port < 8; s.remotes[0].port++)
		assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_true(end_of(2, &e));
	assert_int_equal(e.n, RF_CALL_END_REMOTES + 1);

	/* a restart knows them, what the kernel prolonged stays, the rest goes at its time */
	again();
	end_set(2, now + 400 * SEC);
	pinhole_table_sweep(table, now + 350 * SEC);
	assert_false(end_of(1, &e));
	assert_true(end_of(2, &e));
	pinhole_table_sweep(table, now + 401 * SEC);
	assert_false(end_of(2, &e));

	/* longer where conntrack keeps UDP for longer */
	settings_end(660);
	pinhole_table_sweep(table, now);
	s.remotes[0].port = htons(9);
	assert_int_equal(pinhole_table_set(table, &s), 0);
	assert_true(end_of(2, &e));
	assert_in_range(e.until_ns, now + 660 * SEC, now_ns() + 660 * SEC);
	settings_end(0);
}

/* The oldest gives way. */
static void test_call_ends_full(void **state)
{
	struct pinhole_spec s;
	uint64_t now = now_ns();
	struct rf_call_end e;
	uint32_t id;

	for (id = 1; id <= 1025; id++) {
		s = spec(id, 1);
		assert_int_equal(pinhole_table_set(table, &s), 0);
		pinhole_table_close(table, &s, now);
		pinhole_table_sweep(table, now += 61 * SEC);
	}
	assert_false(end_of(1, &e));
	assert_true(end_of(1025, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_slot_is_kept, table_up, table_down),
		cmocka_unit_test_setup_teardown(test_each_slot_once, table_up, table_down),
		cmocka_unit_test_setup_teardown(test_tombstones_give_way, table_up, table_down),
		cmocka_unit_test_setup_teardown(test_slots_come_back, table_up, table_down),
		cmocka_unit_test_setup_teardown(test_remotes, table_up, table_down),
		cmocka_unit_test_setup_teardown(test_call_ends, table_up, table_down),
		cmocka_unit_test(test_call_end_s),
		cmocka_unit_test_setup_teardown(test_call_ends_renewed, table_up, table_down),
		cmocka_unit_test_setup_teardown(test_call_ends_full, table_up, table_down),
		cmocka_unit_test_setup_teardown(test_line_follows, table_up, table_down),
		cmocka_unit_test_setup_teardown(test_line_gives_way, table_up, table_down),
	};

	lab.without = "rf_wan_xdp rf_wan_in rf_wan_out rf_inside_in";
	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
