// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal: what was saved is loaded, in order; a file cut off anywhere gives what was written before
 * (damage: test_journal_damage.c); compaction keeps what lives; readers do not disturb the writer.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#include "journal.h"
#include "journal_old.h"

static const struct journal_owner owner = { .instance = 0x1122334455667788 };
static char dir[64], path[96], other[96];

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/rf-journal-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/journal", dir);
	snprintf(other, sizeof(other), "%s/copy", dir);
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "journal", "journal.old", "journal.new",
					     "copy",	"copy.old",    "copy.damaged" };
	char name[160];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, names[i]);
		unlink(name);
	}
	return rmdir(dir);
}

struct loaded {
	char text[4096]; /* "kind:id:bytes " each */
	size_t n;
};

static int collect(enum record_kind kind, uint32_t id, const void *bytes, size_t n, void *arg)
{
	struct loaded *l = arg;

	if (strlen(l->text) < 3000)
		sprintf(l->text + strlen(l->text), "%d:%u:%.*s ", kind, id, (int)(n < 40 ? n : 40),
			(const char *)bytes);
	l->n++;
	return 0;
}

static struct loaded load(struct journal *j)
{
	struct loaded l = { "", 0 };

	assert_int_equal(journal_load(j, collect, &l), 0);
	return l;
}

static struct journal *open_ok(const char *name, bool rw, struct journal_report *r)
{
	struct journal *j;

	assert_int_equal(journal_open(&j, name, rw, owner, r), 0);
	return j;
}

static void save_text(struct journal *j, enum record_kind kind, uint32_t id, const char *text)
{
	assert_int_equal(journal_save(j, kind, id, text, strlen(text)), 0);
}

static void save_and_load(void **state)
{
	struct journal_report r;
	struct journal *j = open_ok(path, true, &r), *second;

	assert_int_equal(r.live, 0);
	save_text(j, RECORD_CALL, 7, "seven");
	save_text(j, RECORD_BINDING, 3, "three");
	save_text(j, RECORD_CALL, 3, "call three");
	save_text(j, RECORD_CALL, 7, "seven again");
	save_text(j, RECORD_CALL, 9, "nine");
	save_text(j, RECORD_CALL, 10, "");
	assert_int_equal(journal_forget(j, RECORD_CALL, 9), 0);
	assert_int_equal(journal_forget(j, RECORD_CALL, 99), 0);
	assert_string_equal(load(j).text, "1:3:call three 1:7:seven again 1:10: 2:3:three ");
	assert_int_equal(journal_open(&second, path, true, owner, NULL), -EWOULDBLOCK);
	second = open_ok(path, false, &r);
	assert_int_equal(r.torn_bytes, 0);
	assert_int_equal(journal_save(second, RECORD_CALL, 1, "x", 1), -EROFS);
	save_text(j, RECORD_CALL, 11, "later");
	assert_string_equal(load(second).text, "1:3:call three 1:7:seven again 1:10: 2:3:three ");
	journal_close(second);
	journal_close(j);
	j = open_ok(path, true, &r);
	assert_int_equal(r.live, 5);
	assert_int_equal(load(j).n, 5);
	assert_int_equal(journal_save(j, RECORD_CALL, 1, path, JOURNAL_RECORD_MAX + 1), -E2BIG);
	journal_close(j);
	assert_int_equal(journal_open(&j, other, false, owner, NULL), -ENOENT);
}

static size_t slurp(char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, cap);

	close(fd);
	assert_true(n > 0);
	return n;
}

static void spill(const char *buf, size_t n)
{
	int fd = open(other, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, buf, n), n);
	close(fd);
}

/* What is left of "1:1:one 1:2:two 1:3:three " is a beginning of it. */
static void check_prefix(bool rw)
{
	static const char *const want[] = { "", "1:1:one ", "1:1:one 1:2:two ",
					    "1:1:one 1:2:two 1:3:three " };
	struct journal_report r;
	struct journal *j;
	struct loaded l;
	int err;

	err = journal_open(&j, other, rw, owner, &r);
	if (!rw && err == -ENOENT)
		return;
	assert_int_equal(err, 0);
	l = load(j);
	assert_true(l.n <= 3);
	assert_string_equal(l.text, want[l.n]);
	if (rw) {
		/* and it goes on from there */
		save_text(j, RECORD_CALL, 100, "after");
		journal_close(j);
		j = open_ok(other, false, &r);
		assert_int_equal(r.torn_bytes, 0);
		assert_int_equal(load(j).n, l.n + 1);
	}
	journal_close(j);
	unlink(other);
	snprintf(l.text, sizeof(l.text), "%s.old", other);
	unlink(l.text);
}

static void cut(void **state)
{
	char buf[512];
	struct journal *j = open_ok(path, true, NULL);
	size_t n, i;

	save_text(j, RECORD_CALL, 1, "one");
	save_text(j, RECORD_CALL, 2, "two");
	save_text(j, RECORD_CALL, 3, "three");
	journal_close(j);
	n = slurp(buf, sizeof(buf));
	for (i = 0; i <= n; i++) {
		spill(buf, i);
		check_prefix(false);
		spill(buf, i);
		check_prefix(true);
	}
}

static void compaction(void **state)
{
	struct journal *j = open_ok(path, true, NULL);
	static char big[4000];
	struct journal_report r;
	struct stat st;
	int i;

	memset(big, 'x', sizeof(big));
	save_text(j, RECORD_REGISTRATION, 5, "stays");
	for (i = 0; i < 2000; i++)
		assert_int_equal(journal_save(j, RECORD_CALL, 1 + i % 10, big, sizeof(big)), 0);
	for (i = 0; i < 8; i++)
		assert_int_equal(journal_forget(j, RECORD_CALL, 1 + i), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 2 << 20);
	assert_int_equal(load(j).n, 3);
	save_text(j, RECORD_CALL, 50, "behind");
	journal_close(j);
	j = open_ok(path, true, &r);
	assert_int_equal(r.live, 4);
	assert_int_equal(r.torn_bytes, 0);
	journal_close(j);
}

static off_t size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_size;
}

struct kept {
	char (*want)[100000];
	size_t *n, seen;
};

static int is_kept(enum record_kind kind, uint32_t id, const void *bytes, size_t n, void *arg)
{
	struct kept *k = arg;

	assert_int_equal(n, k->n[id]);
	assert_memory_equal(bytes, k->want[id], n);
	k->seen++;
	return 0;
}

/* Entries of all sizes, some larger than what is copied at once, dead ones between them. */
static void compaction_keeps_bytes(void **state)
{
	struct journal *j = open_ok(path, true, NULL);
	static char want[40][100000];
	size_t n[40];
	int i;

	for (i = 0; i < 4000; i++) {
		int id = i % 40;

		n[id] = id == 7 || id == 8 ? sizeof(want[0]) - i % 13 : i * 7919u % 1500;
		memset(want[id], 'a' + i % 26, n[id]);
		if (n[id])
			want[id][n[id] - 1] = (char)i;
		assert_int_equal(journal_save(j, RECORD_CALL, id, want[id], n[id]), 0);
	}
	assert_true(size_of(path) < 3 << 20); /* all that was written: 21 MB */
	for (i = 0; i < 2; i++) {
		struct kept k = { want, n, 0 };

		assert_int_equal(journal_load(j, is_kept, &k), 0);
		assert_int_equal(k.seen, 40);
		journal_close(j);
		j = open_ok(path, false, NULL);
	}
	journal_close(j);
}

/* Where the new file cannot be written, not each further entry tries once more. */
static void compaction_that_fails(void **state)
{
	struct journal *j = open_ok(path, true, NULL);
	static char big[4000];
	char fresh[120];
	int i;

	memset(big, 'x', sizeof(big));
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	assert_int_equal(mkdir(fresh, 0700), 0);
	for (i = 0; i < 400; i++)
		assert_int_equal(journal_save(j, RECORD_CALL, 1, big, sizeof(big)), 0);
	assert_true(size_of(path) > 1600000);
	assert_int_equal(rmdir(fresh), 0);
	save_text(j, RECORD_CALL, 2, "one more");
	assert_true(size_of(path) > 1600000);
	for (i = 0; i < 400; i++)
		assert_int_equal(journal_save(j, RECORD_CALL, 1, big, sizeof(big)), 0);
	assert_true(size_of(path) < 1600000); /* in the end it is */
	assert_int_equal(load(j).n, 2);
	journal_close(j);
}

static void another_boot(void **state)
{
	struct journal *j = open_ok(path, true, NULL);
	struct journal_report r;
	char old[120];
	int fd;

	save_text(j, RECORD_CALL, 1, "one");
	journal_close(j);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "zzzz", 4, 10), 4);
	close(fd);
	assert_int_equal(journal_open(&j, path, false, owner, &r), -ENOENT);
	assert_true(r.set_aside);
	j = open_ok(path, true, &r);
	assert_true(r.set_aside);
	assert_int_equal(r.live, 0);
	journal_close(j);
	snprintf(old, sizeof(old), "%s.old", path);
	assert_int_equal(access(old, F_OK), 0);
}

static void another_instance(void **state)
{
	struct journal_owner next = { .instance = ~owner.instance, .unnamed_too = true };
	struct journal *j = open_ok(path, true, NULL);
	struct journal_report r;

	save_text(j, RECORD_CALL, 1, "one");
	journal_close(j);
	assert_int_equal(journal_open(&j, path, false, next, &r), -ENOENT);
	assert_true(r.set_aside && r.foreign);
	j = open_ok(path, false, &r); /* a reader moves nothing */
	assert_int_equal(load(j).n, 1);
	journal_close(j);
	assert_int_equal(journal_open(&j, path, true, next, &r), 0);
	assert_true(r.set_aside && r.foreign);
	assert_int_equal(r.live, 0);
	save_text(j, RECORD_CALL, 1, "another");
	journal_close(j);
	assert_int_equal(journal_open(&j, path, true, next, &r), 0);
	assert_true(!r.set_aside && !r.foreign);
	assert_string_equal(load(j).text, "1:1:another ");
	journal_close(j);
}

/* Only for an instance that was taken over; and from then on it is that one's. */
static void unnamed(void **state)
{
	struct journal_owner taken_over = { .instance = owner.instance, .unnamed_too = true };
	struct journal *j = open_ok(path, true, NULL);
	struct journal_report r;

	save_text(j, RECORD_CALL, 1, "one");
	save_text(j, RECORD_CALL, 2, "two");
	journal_close(j);
	journal_old(path, '1');
	assert_int_equal(journal_open(&j, path, false, owner, &r), -ENOENT);
	assert_true(r.foreign);
	assert_int_equal(journal_open(&j, path, false, taken_over, &r), 0);
	assert_string_equal(load(j).text, "1:1:one 1:2:two ");
	journal_close(j);
	assert_int_equal(journal_open(&j, path, true, taken_over, &r), 0);
	assert_int_equal(r.live, 2);
	assert_string_equal(load(j).text, "1:1:one 1:2:two ");
	save_text(j, RECORD_CALL, 3, "three");
	journal_close(j);
	j = open_ok(path, true, &r);
	assert_false(r.set_aside);
	assert_string_equal(load(j).text, "1:1:one 1:2:two 1:3:three ");
	journal_close(j);
	journal_old(path, '1');
	j = open_ok(path, true, &r);
	assert_true(r.foreign);
	assert_int_equal(load(j).n, 0);
	journal_close(j);
}

/* Nothing more fits: what was saved stays, and what was forgotten then is forgotten as soon as there is room. */
static void full(void **state)
{
	struct rlimit was, small;
	struct journal *j = open_ok(path, true, NULL);
	struct stat st;

	save_text(j, RECORD_CALL, 1, "one");
	save_text(j, RECORD_CALL, 2, "two");
	assert_int_equal(stat(path, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	small = (struct rlimit){ (rlim_t)st.st_size + 4, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(journal_save(j, RECORD_CALL, 3, "three", 5), -EFBIG);
	assert_int_equal(journal_forget(j, RECORD_CALL, 1), -EFBIG);
	assert_int_equal(journal_forget(j, RECORD_CALL, 1), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &was);
	save_text(j, RECORD_CALL, 3, "three");
	journal_close(j);
	j = open_ok(path, true, NULL);
	assert_string_equal(load(j).text, "1:2:two 1:3:three ");
	journal_close(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(save_and_load, setup, teardown),
		cmocka_unit_test_setup_teardown(cut, setup, teardown),
		cmocka_unit_test_setup_teardown(compaction, setup, teardown),
		cmocka_unit_test_setup_teardown(compaction_keeps_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(compaction_that_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(another_boot, setup, teardown),
		cmocka_unit_test_setup_teardown(another_instance, setup, teardown),
		cmocka_unit_test_setup_teardown(unnamed, setup, teardown),
		cmocka_unit_test_setup_teardown(full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
