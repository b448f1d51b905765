// SPDX-License-Identifier: GPL-2.0-only
/*
 * A journal with damage in it: every bit flipped in turn, in this version's format and the one before, costs the
 * record that stands there and no other; the file as it was is kept once, for its owner only; what is appended to is
 * whole again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#include "journal.h"
#include "journal_old.h"

#define N	  6 /* records */
#define BYTES_MAX 4096

static const struct journal_owner owner = { .instance = 0x1122334455667788 };
static char dir[64], path[96], kept[110];

static int setup(void **state)
{
	/* each rename on a disk may wait for it */
	snprintf(dir, sizeof(dir), "%s/rf-journal-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/journal", dir);
	snprintf(kept, sizeof(kept), "%s/journal.damaged", dir);
	return 0;
}

static int teardown(void **state)
{
	char name[120];

	unlink(path);
	unlink(kept);
	snprintf(name, sizeof(name), "%s/journal.old", dir);
	unlink(name);
	return rmdir(dir); /* nothing else has been left */
}

struct place { /* of an entry, and whose */
	size_t from, to;
	uint32_t id;
};

struct made {
	char bytes[BYTES_MAX];
	size_t n, begin;
	struct place v[N + 3];
	size_t n_places;
};

static size_t size_now(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

static struct journal *open_ok(bool rw, struct journal_report *r)
{
	struct journal *j;

	assert_int_equal(journal_open(&j, path, rw, owner, r), 0);
	return j;
}

static enum record_kind kind_of(uint32_t id)
{
	return id == 5 ? RECORD_REGISTRATION : RECORD_CALL;
}

/* What a sender may put into a record: a mark and what looks like an entry that forgets call 3. */
static size_t text_of(uint32_t id, unsigned int round, char *text)
{
	static const uint8_t forged[] = { 0xf0, 0xd1, 0xe1, 0xf5, 0, 0, 0, 0, 0, 0,
					  0,	0,    1,    0x80, 0, 0, 3, 0, 0, 0 };
	int n = sprintf(text, "record %u, round %u ", id, round);

	if (id == 2) {
		memcpy(text + n, forged, sizeof(forged));
		n += (int)sizeof(forged);
	}
	return id == 4 ? 0 : (size_t)n;
}

static void put(struct journal *j, struct made *m, uint32_t id, unsigned int round, char *text)
{
	size_t from = size_now();

	assert_int_equal(journal_save(j, kind_of(id), id, text, text_of(id, round, text)), 0);
	m->v[m->n_places++] = (struct place){ from, size_now(), id };
}

/* Records 1 to N, of which 3 is saved twice, and 100, which is forgotten. */
static void make(struct made *m, char version)
{
	struct journal *j = open_ok(true, NULL);
	char text[100];
	int fd;

	memset(m, 0, sizeof(*m));
	put(j, m, 3, 0, text);
	for (uint32_t id = 1; id <= N; id++)
		put(j, m, id, 1, text);
	assert_int_equal(journal_save(j, RECORD_CALL, 100, "x", 1), 0);
	assert_int_equal(journal_forget(j, RECORD_CALL, 100), 0);
	journal_close(j);
	m->begin = m->v[0].from;
	m->n = size_now();
	if (version != '3') {
		m->n = journal_old(path, version);
		for (size_t i = 0; i < m->n_places; i++) {
			m->v[i].from -= 4 * i;
			m->v[i].to -= 4 * (i + 1);
		}
	}
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, m->bytes, sizeof(m->bytes)), m->n);
	close(fd);
}

static void spill(const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

struct seen {
	unsigned int round[N + 1]; /* + 1; 0: not there */
	bool zombie;
};

static int look(enum record_kind kind, uint32_t id, const void *bytes, size_t n, void *arg)
{
	struct seen *s = arg;
	char text[100];

	if (id == 100) {
		s->zombie = true;
		return 0;
	}
	assert_true(id >= 1 && id <= N && kind == kind_of(id));
	for (unsigned int round = 0; round < 2; round++)
		if (n == text_of(id, round, text) && !memcmp(bytes, text, n))
			s->round[id] = round + 1;
	assert_int_not_equal(s->round[id], 0);
	return 0;
}

static struct seen load(struct journal *j)
{
	struct seen s = { { 0 }, false };

	assert_int_equal(journal_load(j, look, &s), 0);
	return s;
}

static size_t place_of(const struct made *m, size_t at)
{
	size_t i;

	for (i = 0; i < m->n_places && !(at >= m->v[i].from && at < m->v[i].to); i++)
		;
	return i; /* n_places: the header, or what is forgotten */
}

/* The record of that place may be gone or as it was before; no other. */
static void check_seen(const struct made *m, const struct seen *s, size_t place)
{
	uint32_t hit = place < m->n_places ? m->v[place].id : 0;

	for (uint32_t id = 1; id <= N; id++) {
		if (id != hit || place == 0) /* of the dead entry nothing is missed */
			assert_int_equal(s->round[id], 2);
		else
			assert_int_equal(s->round[id], id == 3 ? 1 : 0);
	}
}

static void check_kept(const char *bytes, size_t n)
{
	char have[BYTES_MAX];
	struct stat st;
	int fd = open(kept, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(read(fd, have, sizeof(have)), n);
	assert_memory_equal(have, bytes, n);
	close(fd);
}

static void check_reader(const struct made *m, size_t place)
{
	struct journal *j = open_ok(false, NULL);
	struct seen s = load(j);

	check_seen(m, &s, place);
	journal_close(j);
	assert_int_equal(access(kept, F_OK), -1);
}

static void check_writer(const struct made *m, const char *bytes, size_t place)
{
	struct journal_report r;
	struct journal *j = open_ok(true, &r);
	struct seen s = load(j);
	char text[100];

	check_seen(m, &s, place);
	assert_true(r.damaged || r.torn_bytes || r.damaged_header);
	assert_true(r.copy_kept && !r.set_aside);
	if (place < m->n_places) {
		/* the mark in record 2 could be an entry's */
		assert_in_range(r.damaged, 1, m->v[place].id == 2 ? 2 : 1);
		assert_true(r.damaged_calls <= r.damaged);
	}
	check_kept(bytes, m->n);
	assert_int_equal(journal_save(j, RECORD_CALL, 1, text, text_of(1, 0, text)), 0);
	journal_close(j);
	j = open_ok(true, &r);
	assert_false(r.damaged || r.torn_bytes || r.damaged_header || r.copy_kept);
	s = load(j);
	assert_int_equal(s.round[1], 1);
	journal_close(j);
	unlink(kept);
}

static void flip_each(char version)
{
	static struct made m;
	size_t bits;

	make(&m, version);
	for (bits = 0; bits < m.n * 8; bits++) {
		size_t at = bits / 8, place = place_of(&m, at);
		char was = m.bytes[at];

		m.bytes[at] = (char)(was ^ 1 << bits % 8);
		spill(m.bytes, m.n);
		check_reader(&m, place);
		check_writer(&m, m.bytes, place);
		m.bytes[at] = was;
	}
}

static void flip_bits(void **state)
{
	flip_each('3');
}

static void flip_bits_of_the_version_before(void **state)
{
	flip_each('2');
}

/* Bytes that are none at all, of any length, wherever they begin. */
static void spoil(void **state)
{
	static struct made m;
	char bytes[BYTES_MAX];

	make(&m, '3');
	srandom(7);
	for (int round = 0; round < 3000; round++) {
		size_t from = m.begin + (size_t)random() % (m.n - m.begin);
		size_t n = (size_t)random() % (m.n - from) + 1, first, last;
		struct journal *j;
		struct seen s;

		memcpy(bytes, m.bytes, m.n);
		for (size_t i = from; i < from + n; i++)
			bytes[i] = (char)random();
		spill(bytes, m.n);
		j = open_ok(round % 2, NULL);
		s = load(j);
		first = place_of(&m, from);
		last = place_of(&m, from + n - 1);
		for (size_t i = 1; i < m.n_places; i++) /* 0 is dead */
			if (i < first || i > last)
				assert_int_equal(s.round[m.v[i].id], 2);
		journal_close(j);
	}
}

/* Cut off anywhere, pieces taken out and put in: no crash, and what is behind is found. */
static void pieces(void **state)
{
	static struct made m;
	char bytes[2 * BYTES_MAX];

	make(&m, '3');
	for (size_t at = m.begin; at < m.n; at++) {
		size_t place = place_of(&m, at);
		struct journal *j;
		struct seen s;

		memcpy(bytes, m.bytes, at); /* a byte less */
		memcpy(bytes + at, m.bytes + at + 1, m.n - at - 1);
		spill(bytes, m.n - 1);
		j = open_ok(true, NULL);
		s = load(j);
		check_seen(&m, &s, place);
		journal_close(j);
		memset(bytes + at, 0xaa, 700); /* more than all */
		memcpy(bytes + at + 700, m.bytes + at, m.n - at);
		spill(bytes, m.n + 700);
		j = open_ok(true, NULL);
		s = load(j);
		if (place < m.n_places && at > m.v[place].from)
			check_seen(&m, &s, place);
		else
			check_seen(&m, &s, 0);
		journal_close(j);
	}
}

/* One copy, of the last damage. */
static void one_copy(void **state)
{
	static struct made m;
	struct stat st;

	make(&m, '3');
	for (size_t place = 3; place < 6; place++) {
		struct journal_report r;

		m.bytes[m.v[place].from + 9] ^= 1;
		spill(m.bytes, m.n);
		journal_close(open_ok(true, &r));
		assert_int_equal(r.damaged, place - 2);
		check_kept(m.bytes, m.n);
	}
	assert_int_equal(stat(kept, &st), 0);
	assert_int_equal(st.st_nlink, 1);
}

/* A mended journal's place cannot be had: it is read as it is, and goes on as it is. */
static void no_room(void **state)
{
	static struct made m;
	struct journal_report r;
	char fresh[120];
	struct journal *j;
	struct seen s;

	make(&m, '3');
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	assert_int_equal(mkdir(fresh, 0700), 0);
	m.bytes[m.v[4].from + 9] ^= 1;
	m.bytes[m.n - 1] ^= 1;
	spill(m.bytes, m.n);
	j = open_ok(true, &r);
	assert_int_equal(r.damaged, 1);
	assert_true(r.torn_bytes && !r.copy_kept);
	assert_int_equal(journal_save(j, RECORD_CALL, 1, m.bytes, text_of(1, 0, m.bytes)), 0);
	journal_close(j);
	assert_int_equal(rmdir(fresh), 0);
	j = open_ok(true, &r);
	assert_int_equal(r.damaged, 1);
	assert_true(!r.torn_bytes && r.copy_kept);
	s = load(j);
	assert_int_equal(s.round[1], 1);
	assert_int_equal(s.round[6], 2);
	journal_close(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flip_bits, setup, teardown),
		cmocka_unit_test_setup_teardown(flip_bits_of_the_version_before, setup, teardown),
		cmocka_unit_test_setup_teardown(spoil, setup, teardown),
		cmocka_unit_test_setup_teardown(pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(one_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(no_room, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
