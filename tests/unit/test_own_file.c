// SPDX-License-Identifier: GPL-2.0-only
/*
 * What somebody may put in the place of a file that root opens: none of it is followed, waited for, made or
 * written to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "journal.h"
#include "own_file.h"

static char dir[32], outside[64], path[64];

static void remove_all(void)
{
	static const char *const names[] = { "f", "f.old", "f.new", "outside", "d/f", "d", "link" };
	char at[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(at, sizeof(at), "%s/%s", dir, names[i]);
		if (unlink(at))
			rmdir(at);
	}
}

static int setup(void **state)
{
	int fd;

	strcpy(dir, "/tmp/rf-own-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
	snprintf(outside, sizeof(outside), "%s/outside", dir);
	fd = open(outside, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "precious", 8), 8);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	remove_all();
	return rmdir(dir);
}

static void expect_refused(const char *at)
{
	static const int flags[] = { O_RDWR | O_CREAT, O_RDWR, O_RDONLY };
	int fd;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		fd = own_file_open(at, flags[i], 0600);
		assert_true(fd < 0);
		assert_true(own_file_is_foreign(fd));
	}
}

static void expect_untouched(void)
{
	char text[16] = "";
	int fd = open(outside, O_RDONLY);
	struct stat st;

	assert_int_equal(read(fd, text, sizeof(text)), 8);
	assert_string_equal(text, "precious");
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, geteuid());
	close(fd);
}

static void test_file(void **state)
{
	int fd = own_file_open(path, O_RDWR, 0600);

	assert_int_equal(fd, -ENOENT);
	assert_false(own_file_is_foreign(fd));
	fd = own_file_open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(own_file_open(path, O_RDWR | O_CREAT | O_EXCL, 0600), -EEXIST);
}

static void test_links(void **state)
{
	char none[64];
	struct stat st;

	assert_int_equal(symlink(outside, path), 0);
	expect_refused(path);
	assert_int_equal(unlink(path), 0);
	snprintf(none, sizeof(none), "%s/f.new", dir);
	assert_int_equal(symlink(none, path), 0);
	expect_refused(path);
	assert_int_equal(stat(none, &st), -1); /* nor made */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(link(outside, path), 0);
	expect_refused(path);
	expect_untouched();
}

static void test_other_kinds(void **state)
{
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refused(path); /* nor waited for who writes into it */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	expect_refused(path);
	assert_int_equal(rmdir(path), 0);
	if (mknod(path, S_IFCHR | 0600, makedev(1, 3)))
		return; /* not root, or in a container */
	expect_refused(path);
}

static void test_directory(void **state)
{
	char sub[64], in_it[64], link_to[64], by_link[80];
	int fd;

	snprintf(sub, sizeof(sub), "%s/d", dir);
	snprintf(in_it, sizeof(in_it), "%s/d/f", dir);
	snprintf(link_to, sizeof(link_to), "%s/link", dir);
	snprintf(by_link, sizeof(by_link), "%s/f", link_to);
	assert_int_equal(mkdir(sub, 0700) | symlink(sub, link_to), 0);
	fd = own_file_open(in_it, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_true(own_file_is_foreign(own_file_open(by_link, O_RDWR, 0600)));
	assert_true(own_dir_open(link_to) < 0);
	fd = own_dir_open(sub);
	assert_true(fd >= 0);
	close(fd);
}

/* Root's, its own user's, or that of the directory; nobody else's. */
static void test_owner(void **state)
{
	int fd;

	if (geteuid())
		skip();
	fd = own_file_open(path, O_RDWR | O_CREAT, 0600);
	close(fd);
	assert_int_equal(chown(path, 65533, 65533), 0);
	expect_refused(path);
	assert_int_equal(chown(dir, 65533, 65533), 0);
	fd = own_file_open(path, O_RDWR, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chown(path, 0, 0), 0);
	fd = own_file_open(path, O_RDWR, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* The journal by all its ways: opening, reading, and the file beside it when it is written anew. */
static void test_journal(void **state)
{
	const struct journal_owner owner = { .instance = 7 };
	struct journal_report report;
	struct journal *j;

	assert_int_equal(symlink(outside, path), 0);
	for (int rw = 0; rw < 2; rw++)
		assert_true(own_file_is_foreign(journal_open(&j, path, rw, owner, &report)));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	for (int rw = 0; rw < 2; rw++)
		assert_true(own_file_is_foreign(journal_open(&j, path, rw, owner, &report)));
	expect_untouched();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_file),      TEST(test_links), TEST(test_other_kinds),
		TEST(test_directory), TEST(test_owner), TEST(test_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
