/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pinhole table and its doer on maps that are made up here: who takes a key over from whom, and
 * what is told when the kernel refuses an entry.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include <bpf/bpf.h>

#include "datapath_priv.h"
#include "doer.h"
#include "failing_memory.h"
#include "rf_bystander.h"

#define ENTRIES 64
#define SLOTS	16

/* ---- maps ---- */

static struct map {
	struct {
		bool used;
		char key[32], value[512];
	} e[ENTRIES];
	size_t n, max;
} maps[MAP_COUNT];

static size_t key_size(int fd)
{
	switch (fd) {
	case MAP_PINHOLES: return sizeof(struct rf_pinhole_key);
	case MAP_MORE_REMOTES: return sizeof(struct rf_more_key);
	case MAP_CALL_ENDS: return sizeof(struct rf_ep);
	default: return sizeof(uint32_t);
	}
}

static size_t value_size(int fd)
{
	switch (fd) {
	case MAP_PINHOLES: return sizeof(struct rf_pinhole);
	case MAP_MORE_REMOTES: return sizeof(struct rf_more_remotes);
	case MAP_CALL_ENDS: return sizeof(struct rf_call_end);
	case MAP_LEARNT: return sizeof(struct rf_learnt);
	case MAP_PINHOLE_STATE: return sizeof(struct rf_pinhole_state);
	default: return sizeof(struct rf_counter);
	}
}

static int find(int fd, const void *key)
{
	for (int i = 0; i < ENTRIES; i++)
		if (maps[fd].e[i].used && !memcmp(maps[fd].e[i].key, key, key_size(fd)))
			return i;
	return -1;
}

/* The kernel has no memory at the fail_at-th call of these kinds from now on; 0: never. */
enum { LOOKUP = 1, UPDATE = 2, DELETE = 4 };
static int fail_at, fail_kinds;
static size_t n_lookups, n_updates[MAP_COUNT]; /* single ones */

static bool fails(int kind)
{
	if (!(fail_kinds & kind) || !fail_at || --fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	int i = find(fd, key);

	n_lookups++;
	if (fails(LOOKUP))
		return -1;
	if (i >= 0)
		memcpy(value, maps[fd].e[i].value, value_size(fd));
	else
		errno = ENOENT;
	return i < 0 ? -1 : 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	int i = find(fd, key);

	n_updates[fd]++;
	if (fails(UPDATE))
		return -1;
	if ((i < 0 && flags == BPF_EXIST) || (i >= 0 && flags == BPF_NOEXIST)) {
		errno = i < 0 ? ENOENT : EEXIST;
		return -1;
	}
	if (i < 0 && maps[fd].n >= maps[fd].max) {
		errno = E2BIG;
		return -1;
	}
	if (i < 0) {
		for (i = 0; maps[fd].e[i].used; i++)
			;
		maps[fd].n++;
		maps[fd].e[i].used = true;
		memcpy(maps[fd].e[i].key, key, key_size(fd));
	}
	memcpy(maps[fd].e[i].value, value, value_size(fd));
	return 0;
}

int bpf_map_delete_elem(int fd, const void *key)
{
	int i = find(fd, key);

	if (fails(DELETE))
		return -1;
	if (i < 0) {
		errno = ENOENT;
		return -1;
	}
	maps[fd].e[i].used = false;
	maps[fd].n--;
	return 0;
}

/* All at once. */
int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	*count = 0;
	for (int i = 0; i < ENTRIES; i++)
		if (maps[fd].e[i].used) {
			memcpy((char *)keys + *count * key_size(fd), maps[fd].e[i].key,
			       key_size(fd));
			memcpy((char *)values + *count * value_size(fd), maps[fd].e[i].value,
			       value_size(fd));
			++*count;
		}
	return -ENOENT;
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *len)
{
	((struct bpf_map_info *)info)->max_entries = SLOTS;
	((struct bpf_map_info *)info)->value_size = sizeof(struct rf_inbound);
	return 0;
}

/* ---- what the doer needs besides ---- */

static unsigned int sent;

int release_send(struct release *r, const struct action *a)
{
	sent++;
	return 0;
}

/* ---- fixtures ---- */

static struct datapath dp;
static struct doer doer;
static struct action_list list;

static struct pinhole_spec spec(uint32_t id, uint16_t inside, uint16_t outside)
{
	return (struct pinhole_spec){
		.id = id,
		.call_id = id,
		.wan_ifindex = 7,
		.inside = { .port = htons(inside) },
		.outside = { .port = htons(outside) },
		.classes_in = RF_CLASS_RTP,
		.classes_out = RF_CLASS_RTP,
		.n_remotes = 2,
		.remotes = { { .port = htons(7), .prefix_len = 128 },
			     { .port = htons(8), .prefix_len = 128 } },
		.deadline_ns = UINT64_MAX,
	};
}

static void set(struct pinhole_spec s)
{
	struct action *a = action_add(&list, ACT_PINHOLE_SET);

	a->pinhole = s;
}

static int setup(void **state)
{
	memset(maps, 0, sizeof(maps));
	for (int i = 0; i < MAP_COUNT; i++) {
		dp.map[i] = i;
		maps[i].max = ENTRIES;
	}
	dp.map[MAP_INBOUND] = memfd_create("inbound", MFD_CLOEXEC); /* this one is mapped */
	assert_in_range(dp.map[MAP_INBOUND], 0, INT32_MAX);
	assert_int_equal(ftruncate(dp.map[MAP_INBOUND], SLOTS * sizeof(struct rf_inbound)), 0);
	memset(&doer, 0, sizeof(doer));
	doer.dp = &dp;
	doer.table = pinhole_table_new(&dp);
	assert_non_null(doer.table);
	sent = 0;
	fail_at = 0;
	fail_kinds = LOOKUP | UPDATE | DELETE;
	return 0;
}

static int teardown(void **state)
{
	pinhole_table_free(doer.table);
	close(dp.map[MAP_INBOUND]);
	actions_free(&list);
	return 0;
}

static const struct rf_pinhole *at(uint16_t port, enum rf_dir dir)
{
	static struct rf_pinhole p;
	struct rf_pinhole_key key = { .port = htons(port), .dir = dir };

	return bpf_map_lookup_elem(MAP_PINHOLES, &key, &p) ? NULL : &p;
}

/* ---- tests ---- */

/* A newer pinhole takes the keys over; the older one's end leaves it alone, and it can come back. */
static void keys_change_hands(void **state)
{
	struct pinhole_spec a = spec(1, 20000, 30000), b = spec(2, 20000, 30000);

	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	assert_int_equal(pinhole_table_set(doer.table, &b), 0);
	assert_int_equal(at(20000, RF_DIR_OUT)->id, 2);
	assert_int_equal(at(30000, RF_DIR_IN)->id, 2);
	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	pinhole_table_close(doer.table, &b, 1);
	assert_int_equal(at(20000, RF_DIR_OUT)->id, 1);
	assert_int_equal(at(20000, RF_DIR_OUT)->state, RF_PINHOLE_OPEN);
	pinhole_table_close(doer.table, &a, 1);
	assert_int_equal(at(30000, RF_DIR_IN)->state, RF_PINHOLE_CLOSED);
}

/* A public place leads to one inside endpoint: another's, or a program of this machine at that port, does not get it
 * while it is in use. */
static void public_place_in_use(void **state)
{
	struct pinhole_spec a = spec(1, 20000, 30000), b = spec(2, 20002, 30000),
			    host = spec(3, 30000, 30000), moved = spec(2, 20002, 30002);

	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	assert_int_equal(pinhole_table_set(doer.table, &b), -EADDRINUSE);
	assert_int_equal(pinhole_table_set(doer.table, &host), -EADDRINUSE);
	assert_int_equal(at(30000, RF_DIR_IN)->id, 1);
	assert_null(at(20002, RF_DIR_OUT));
	assert_false(pinhole_table_has(doer.table, 2));
	/* who had another place is closed there: its call has agreed on this one */
	assert_int_equal(pinhole_table_set(doer.table, &moved), 0);
	assert_int_equal(pinhole_table_set(doer.table, &b), -EADDRINUSE);
	assert_int_equal(at(30002, RF_DIR_IN)->state, RF_PINHOLE_CLOSED);
	assert_int_equal(at(20002, RF_DIR_OUT)->state, RF_PINHOLE_CLOSED);
	/* the neighbour moves, or ends */
	a.outside.port = htons(30004);
	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	assert_int_equal(pinhole_table_set(doer.table, &b), 0);
	pinhole_table_close(doer.table, &b, 1);
	assert_int_equal(pinhole_table_set(doer.table, &host), 0);
	/* what was there before a restart, and is not restored, has no say */
	pinhole_table_free(doer.table);
	doer.table = pinhole_table_new(&dp);
	b.id = 4;
	assert_int_equal(pinhole_table_set(doer.table, &b), 0);
	assert_int_equal(at(30000, RF_DIR_IN)->id, 4);
}

/* Who lost its keys before a restart has no entry left; its end takes away what else there is of it. */
static void gone_before_a_restart(void **state)
{
	struct pinhole_spec a = spec(1, 20000, 30000), b = spec(2, 20000, 30000);

	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	assert_int_equal(pinhole_table_set(doer.table, &b), 0);
	pinhole_table_free(doer.table);
	doer.table = pinhole_table_new(&dp);
	assert_int_equal(pinhole_table_set(doer.table, &b), 0);
	assert_int_equal(maps[MAP_MORE_REMOTES].n, 4);
	pinhole_table_close(doer.table, &a, 1);
	assert_int_equal(maps[MAP_MORE_REMOTES].n, 2);
	assert_int_equal(at(20000, RF_DIR_OUT)->id, 2);
}

/* A remote may be of one direction only. */
static void one_direction(void **state)
{
	struct pinhole_spec s = spec(1, 20000, 30000);

	s.not_in = 1;
	s.not_out = 2;
	assert_int_equal(pinhole_table_set(doer.table, &s), 0);
	assert_int_equal(at(30000, RF_DIR_IN)->n_remotes, 1);
	assert_int_equal(at(30000, RF_DIR_IN)->remote.port, htons(8));
	assert_int_equal(at(20000, RF_DIR_OUT)->n_remotes, 1);
	assert_int_equal(at(20000, RF_DIR_OUT)->remote.port, htons(7));
}

static bool is_shut(uint16_t port)
{
	return at(port, RF_DIR_IN)->flags & RF_PH_OUT_FIRST;
}

static void send_out(uint16_t port, uint64_t packets, uint8_t last_reason)
{
	struct rf_pinhole_state st = { 0 };

	st.dir[RF_DIR_OUT].packets = packets;
	st.dir[RF_DIR_OUT].last_reason = last_reason;
	bpf_map_update_elem(MAP_PINHOLE_STATE, &at(port, RF_DIR_IN)->slot, &st, BPF_ANY);
}

static void sent_to(uint16_t port, uint32_t bits)
{
	struct rf_pinhole_cold cold = { .sent_to = bits };

	bpf_map_update_elem(MAP_PINHOLE_COLD, &at(port, RF_DIR_IN)->slot, &cold, BPF_ANY);
}

/* Named by another host: the mark stays until the first packet out, and comes off by itself then. */
static void opens_with_the_first_packet_out(void **state)
{
	struct pinhole_spec a = spec(1, 20000, 30000), b = spec(2, 20002, 30002),
			    c = spec(3, 20004, 30004);

	a.out_first = b.out_first = c.out_first = true;
	c.learn = true;
	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	assert_int_equal(pinhole_table_set(doer.table, &b), 0);
	assert_int_equal(pinhole_table_set(doer.table, &c), 0);
	assert_true(at(20000, RF_DIR_OUT)->flags & RF_PH_OUT_FIRST);
	pinhole_table_sweep(doer.table, 1);
	assert_true(is_shut(30000) && is_shut(30002) && is_shut(30004));
	sent_to(30000, 1); /* the other one is still shut */
	sent_to(30004, 0);
	send_out(30004, 0, RF_R_LEARN_PENDING);
	pinhole_table_sweep(doer.table, 1);
	assert_true(is_shut(30000) && !is_shut(30004));
	sent_to(30000, 3);
	pinhole_table_sweep(doer.table, 1);
	assert_false(at(20000, RF_DIR_OUT)->flags & RF_PH_OUT_FIRST);
	assert_true(!is_shut(30000) && is_shut(30002) && !is_shut(30004));
	/* set again, as for a re-INVITE: what has opened stays open */
	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	assert_true(is_shut(30000));
	pinhole_table_sweep(doer.table, 1);
	assert_false(is_shut(30000));
	/* one more: only that is shut */
	a.remotes[a.n_remotes++] = (struct rf_remote){ .port = htons(9), .prefix_len = 128 };
	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	pinhole_table_sweep(doer.table, 1);
	assert_true(is_shut(30000));
	sent_to(30000, 7);
	pinhole_table_sweep(doer.table, 1);
	assert_false(is_shut(30000));
	/* closed, and its keys another one's */
	pinhole_table_close(doer.table, &b, 1);
	sent_to(30002, 3);
	pinhole_table_sweep(doer.table, 1);
	assert_true(is_shut(30002));
	b.id = 4;
	assert_int_equal(pinhole_table_set(doer.table, &b), 0);
	pinhole_table_sweep(doer.table, 1);
	assert_true(is_shut(30002));
}

/* Who only listens sends RTCP and nothing else: to the same host, for the same call, it opens its RTP. */
static void opens_with_the_first_report(void **state)
{
	for (int wrong = 0; wrong < 8; wrong++) {
		struct pinhole_spec rtp = spec(1 + 2 * wrong, 20000, 30000),
				    rtcp = spec(2 + 2 * wrong, 20001, 30001);

		rtp.out_first = rtcp.out_first = true;
		rtp.n_remotes = rtcp.n_remotes = 1;
		rtp.call_id = rtcp.call_id = 1;
		rtcp.classes_in = rtcp.classes_out = RF_CLASS_RTCP;
		switch (wrong) {
		case 1: rtcp.call_id = 2; break;
		case 2: rtcp.remotes[0].addr.w[3] = 1; break;
		case 3: rtcp.inside.addr.w[3] = 1; break;
		case 4: rtcp.n_remotes = 2; break;
		case 5: rtcp.classes_in = RF_CLASS_RTP | RF_CLASS_RTCP; break;
		case 6: rtp.call_id = rtcp.call_id = 0; break; /* by hand */
		case 7: rtp.learn = true; break;
		default: break;
		}
		assert_int_equal(pinhole_table_set(doer.table, &rtp), 0);
		assert_int_equal(pinhole_table_set(doer.table, &rtcp), 0);
		pinhole_table_sweep(doer.table, 1);
		assert_true(is_shut(30000) && is_shut(30001));
		send_out(30001, 1, RF_R_NONE);
		pinhole_table_sweep(doer.table, 1);
		if (is_shut(30000) != (wrong != 0))
			fail_msg("RTP is %s, case %d", wrong ? "open" : "shut", wrong);
		if (!wrong) { /* set again: RTP alone, as RTCP has not changed */
			assert_int_equal(pinhole_table_set(doer.table, &rtp), 0);
			assert_true(is_shut(30000));
			pinhole_table_sweep(doer.table, 1);
			assert_false(is_shut(30000));
		}
		pinhole_table_close(doer.table, &rtp, 1);
		pinhole_table_close(doer.table, &rtcp, 1);
	}
}

/* What has the key is not known: it is not written over, as nobody would know whom it let in. */
static void what_is_there_cannot_be_read(void **state)
{
	struct pinhole_spec a = spec(1, 20000, 30000), b = spec(2, 20000, 30000);

	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	fail_kinds = LOOKUP;
	fail_at = 3; /* behind those for signalling */
	assert_int_equal(pinhole_table_set(doer.table, &b), -ENOMEM);
	fail_kinds = 0;
	assert_int_equal(at(30000, RF_DIR_IN)->id, 1);
	assert_int_equal(maps[MAP_CALL_ENDS].n, 0);
	assert_int_equal(pinhole_table_set(doer.table, &b), 0);
	assert_int_equal(at(30000, RF_DIR_IN)->id, 2);
	assert_int_equal(maps[MAP_CALL_ENDS].n, 1);
}

static bool refused_after(uint16_t port, uint16_t remote)
{
	struct rf_ep own = { .port = htons(port) }, far = { .port = htons(remote) };
	struct rf_call_end e;

	return !bpf_map_lookup_elem(MAP_CALL_ENDS, &own, &e) &&
	       (e.n > RF_CALL_END_REMOTES || rf_call_end_names(&e, &far));
}

/* Whom it let in cannot be read: then nobody is taken for a bystander, and not one of two forgotten. */
static void whom_it_let_in_cannot_be_read(void **state)
{
	for (int n = 1; n < 8; n++) {
		struct pinhole_spec a = spec(2 * n, 20000, 30000),
				    b = spec(2 * n + 1, 20000, 30000);
		struct rf_ep own = { .port = htons(30000) };

		b.remotes[1].port = htons(9);
		fail_at = 0;
		assert_int_equal(pinhole_table_set(doer.table, &a), 0);
		bpf_map_delete_elem(MAP_CALL_ENDS, &own);
		fail_kinds = LOOKUP;
		fail_at = n;
		int err = pinhole_table_set(doer.table, &b);

		fail_at = 0;
		if (!err && !(refused_after(30000, 7) && refused_after(30000, 8)))
			fail_msg("look-up %d failed: a remote of the call is forgotten", n);
		bpf_map_delete_elem(MAP_CALL_ENDS, &own);
		assert_int_equal(pinhole_table_set(doer.table, &b), 0);
		fail_at = n;
		pinhole_table_close(doer.table, &a, 1);
		pinhole_table_close(doer.table, &b, 1);
		fail_at = 0;
		pinhole_table_sweep(doer.table, UINT64_MAX - 1);
		if (!at(30000, RF_DIR_IN) && !(refused_after(30000, 7) && refused_after(30000, 9)))
			fail_msg("look-up %d failed at the end: a remote of the call is forgotten",
				 n);
	}
}

/* The kernel refuses an entry: nothing of it is open, what announces it stays here, and the deciders
 * can see which it was. With room again all goes on. */
static void refused_by_the_kernel(void **state)
{
	maps[MAP_PINHOLES].max = 3;
	set(spec(1, 20000, 30000));
	set(spec(2, 20002, 30002));
	action_add(&list, ACT_SEND);
	assert_false(doer_carry_out(&doer, &list, 100, 1));
	assert_false(list.v[0].failed);
	assert_true(list.v[1].failed);
	assert_int_equal(sent, 0);
	assert_int_equal(doer.count[RF_R_SIP_LIMIT].packets, 1);
	assert_non_null(at(20000, RF_DIR_OUT));
	assert_null(at(20002, RF_DIR_OUT));
	assert_null(at(30002, RF_DIR_IN));
	assert_false(pinhole_table_has(doer.table, 2));

	maps[MAP_PINHOLES].max = 4;
	actions_reset(&list);
	set(spec(3, 20002, 30002));
	action_add(&list, ACT_SEND);
	assert_true(doer_carry_out(&doer, &list, 100, 1));
	assert_int_equal(sent, 1);
	assert_int_equal(at(20002, RF_DIR_OUT)->id, 3);
}

static bool is_open(uint16_t port, enum rf_dir dir, uint32_t id)
{
	const struct rf_pinhole *p = at(port, dir);

	return p && p->id == id && p->state == RF_PINHOLE_OPEN;
}

/* No call to the kernel that fails leaves open what is closed: at the latest with the next sweep. */
static void close_that_fails(void **state)
{
	for (int kinds = 1; kinds < 8; kinds++)
		for (int n = 1; n < 10; n++) {
			struct pinhole_spec s = spec(kinds * 16 + n, 20000, 30000);

			assert_int_equal(pinhole_table_set(doer.table, &s), 0);
			fail_kinds = kinds;
			fail_at = n;
			pinhole_table_close(doer.table, &s, 1);
			fail_at = 0;
			pinhole_table_sweep(doer.table, 2);
			assert_false(is_open(30000, RF_DIR_IN, s.id));
			assert_false(is_open(20000, RF_DIR_OUT, s.id));
			assert_false(pinhole_table_has(doer.table, s.id));
		}
}

static void signalling_that_fails_to_close(void **state)
{
	struct signal_spec s = { .inside.port = htons(5060), .outside.port = htons(5062) };

	for (int n = 1; n < 6; n++) {
		s.id = n;
		assert_int_equal(pinhole_table_signal_set(doer.table, &s), 0);
		fail_at = n;
		pinhole_table_signal_close(doer.table, &s);
		fail_at = 0;
		pinhole_table_sweep(doer.table, 1);
		assert_null(at(5062, RF_DIR_IN));
		assert_null(at(5060, RF_DIR_OUT));
	}
}

/* The n-th allocation fails: it is open in both directions, or in none, and closes for all that. */
static void without_memory(void **state)
{
	bool failed = true;
	uint32_t id = 1;

	for (unsigned long n = 1; failed; n++, id++) {
		struct pinhole_spec s = spec(id, 20000, 30000);

		assert_true(n < 8);
		failing_begin(n, true);
		failing.armed = true;
		int err = pinhole_table_set(doer.table, &s);

		failing.armed = false;
		failed = failing.failed;
		assert_true(!err || err == -ENOMEM);
		assert_int_equal(is_open(30000, RF_DIR_IN, id), !err);
		assert_int_equal(is_open(20000, RF_DIR_OUT, id), !err);
		failing_begin(1, true);
		failing.armed = true;
		pinhole_table_close(doer.table, &s, 1);
		pinhole_table_sweep(doer.table, 2);
		failing.armed = false;
		assert_false(is_open(30000, RF_DIR_IN, id));
		assert_false(is_open(20000, RF_DIR_OUT, id));
		assert_false(pinhole_table_has(doer.table, id));
	}
	assert_true(id > 2); /* it does need memory */
}

/* A new one is open or not; one that is there stays. */
static void set_that_fails(void **state)
{
	bool failed = false;

	for (int n = 1; n < 20; n++) {
		struct pinhole_spec s = spec(n, 20000, 30000);

		fail_at = n;
		int err = pinhole_table_set(doer.table, &s);

		failed = failed || err;
		fail_at = 0;
		pinhole_table_sweep(doer.table, 1);
		assert_int_equal(is_open(30000, RF_DIR_IN, s.id), !err);
		assert_int_equal(is_open(20000, RF_DIR_OUT, s.id), !err);
		pinhole_table_close(doer.table, &s, 1);
	}
	assert_true(failed);
}

static void set_again_that_fails(void **state)
{
	struct pinhole_spec s = spec(1, 20000, 30000);
	bool failed = false;

	assert_int_equal(pinhole_table_set(doer.table, &s), 0);
	for (int n = 1; n < 20; n++) {
		fail_at = n;
		failed = pinhole_table_set(doer.table, &s) || failed;
		fail_at = 0;
		pinhole_table_sweep(doer.table, 1);
		assert_true(is_open(30000, RF_DIR_IN, 1));
		assert_true(is_open(20000, RF_DIR_OUT, 1));
	}
	assert_true(failed);
	pinhole_table_close(doer.table, &s, 1);
	assert_false(is_open(30000, RF_DIR_IN, 1));
	assert_false(is_open(20000, RF_DIR_OUT, 1));
}

/* Moves to other ports: never open at both, and closed at both in the end. */
static void move_that_fails(void **state)
{
	for (int n = 1; n < 24; n++) {
		struct pinhole_spec s = spec(n, 20000, 30000), t = spec(n, 20002, 30002);

		assert_int_equal(pinhole_table_set(doer.table, &s), 0);
		fail_at = n;
		pinhole_table_set(doer.table, &t);
		fail_at = 0;
		pinhole_table_sweep(doer.table, 1);
		assert_false(is_open(30000, RF_DIR_IN, n) && is_open(30002, RF_DIR_IN, n));
		assert_false(is_open(20000, RF_DIR_OUT, n) && is_open(20002, RF_DIR_OUT, n));
		pinhole_table_close(doer.table, &t, 1);
		for (int port = 0; port < 4; port += 2) {
			assert_false(is_open(30000 + port, RF_DIR_IN, n));
			assert_false(is_open(20000 + port, RF_DIR_OUT, n));
		}
	}
}

/* A SIP port that cannot be read is not taken for a free one. */
static void signalling_unread(void **state)
{
	struct signal_spec sip = { .id = 9,
				   .inside.port = htons(20000),
				   .outside.port = htons(30000) };
	struct pinhole_spec s = spec(1, 20000, 30000);

	assert_int_equal(pinhole_table_signal_set(doer.table, &sip), 0);
	for (int n = 1; n < 3; n++) {
		fail_kinds = LOOKUP;
		fail_at = n;
		assert_true(pinhole_table_set(doer.table, &s) < 0);
		fail_at = 0;
		assert_true(is_open(30000, RF_DIR_IN, 9));
		assert_true(is_open(20000, RF_DIR_OUT, 9));
	}
}

static void restart(void)
{
	pinhole_table_free(doer.table);
	doer.table = pinhole_table_new(&dp);
	assert_non_null(doer.table);
	n_lookups = 0;
	memset(n_updates, 0, sizeof(n_updates));
}

/* A restart has as many system calls for each pinhole as signalling can wait for: what is restored as it stands in
 * the maps is neither looked up nor written, but for when its silence begins. */
static void restored_as_it_was(void **state)
{
	struct signal_spec sip = { .id = 9,
				   .inside.port = htons(5060),
				   .outside.port = htons(5060) };
	struct pinhole_spec a = spec(1, 20000, 30000), b = spec(2, 20002, 30002);

	b.n_remotes = 1;
	assert_int_equal(pinhole_table_signal_set(doer.table, &sip), 0);
	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	assert_int_equal(pinhole_table_set(doer.table, &b), 0);
	restart();
	assert_int_equal(pinhole_table_signal_set(doer.table, &sip), 0);
	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	assert_int_equal(pinhole_table_set(doer.table, &b), 0);
	assert_int_equal(n_lookups, 0);
	for (int i = 0; i < MAP_COUNT; i++)
		assert_int_equal(n_updates[i], i == MAP_PINHOLE_COLD ? 2 : 0);
	assert_true(pinhole_table_has(doer.table, 1) && pinhole_table_has(doer.table, 2));
	assert_int_equal(pinhole_table_reconcile(doer.table, 1), 0);
	assert_true(is_open(30000, RF_DIR_IN, 1) && is_open(20002, RF_DIR_OUT, 2));
	/* it is as good as one that was set: it ends */
	pinhole_table_close(doer.table, &a, 1);
	pinhole_table_signal_close(doer.table, &sip);
	assert_false(is_open(30000, RF_DIR_IN, 1) || is_open(20000, RF_DIR_OUT, 1));
	assert_false(is_open(5060, RF_DIR_IN, 9));
}

/* Any difference, in either direction or in a remote that stands elsewhere, is written. */
static void restored_otherwise(void **state)
{
	for (int what = 0; what < 5; what++) {
		struct pinhole_spec s = spec(10 + what, 20000, 30000);
		struct rf_more_key more = { .id = s.id, .dir = RF_DIR_IN };
		struct rf_more_remotes second;

		assert_int_equal(pinhole_table_set(doer.table, &s), 0);
		restart();
		switch (what) {
		case 0: s.remotes[1].port = htons(9); break;
		case 1: s.remotes[0].port = htons(9); break;
		case 2: s.deadline_ns = 5; break;
		case 3: s.held_out = true; break;
		case 4: s.n_remotes = 1; break;
		}
		assert_int_equal(pinhole_table_set(doer.table, &s), 0);
		assert_int_equal(n_updates[MAP_PINHOLES], 2);
		assert_int_equal(at(30000, RF_DIR_IN)->n_remotes, s.n_remotes);
		assert_int_equal(at(30000, RF_DIR_IN)->remote.port, s.remotes[0].port);
		assert_int_equal(at(30000, RF_DIR_IN)->deadline_ns, s.deadline_ns);
		assert_true(!(at(20000, RF_DIR_OUT)->flags & RF_PH_HELD) == !s.held_out);
		assert_int_equal(bpf_map_lookup_elem(MAP_MORE_REMOTES, &more, &second), 0);
		if (s.n_remotes > 1)
			assert_int_equal(second.remotes[0].port, s.remotes[1].port);
		pinhole_table_close(doer.table, &s, 1);
	}
}

/* What another one has been written over meanwhile is not what was found. */
static void restored_behind_another(void **state)
{
	struct pinhole_spec a = spec(1, 20000, 30000), b = spec(2, 20000, 30000);

	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	restart();
	assert_int_equal(pinhole_table_set(doer.table, &b), 0);
	assert_int_equal(at(30000, RF_DIR_IN)->id, 2);
	assert_int_equal(pinhole_table_set(doer.table, &a), 0);
	assert_int_equal(at(30000, RF_DIR_IN)->id, 1);
	assert_int_equal(at(20000, RF_DIR_OUT)->id, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(keys_change_hands),
		T(public_place_in_use),
		T(gone_before_a_restart),
		T(one_direction),
		T(what_is_there_cannot_be_read),
		T(whom_it_let_in_cannot_be_read),
		T(opens_with_the_first_packet_out),
		T(opens_with_the_first_report),
		T(refused_by_the_kernel),
		T(close_that_fails),
		T(signalling_that_fails_to_close),
		T(without_memory),
		T(set_that_fails),
		T(set_again_that_fails),
		T(move_that_fails),
		T(signalling_unread),
		T(restored_as_it_was),
		T(restored_otherwise),
		T(restored_behind_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
