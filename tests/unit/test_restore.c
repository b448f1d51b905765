/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A journal of the version before (ABI 5) is read by this one, whole; what another version has written is
 * counted. tests/data/journal-abi5 is what the controller of commit 22b0c45 left:
 * KEEP_JOURNAL=tests/data/journal-abi5 tests/netns/test_upgrade.sh
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include "binding.h"
#include "restore.h"

#define FIXTURE	  "tests/data/journal-abi5"
#define WAN	  2 /* ifindex in the records */
#define BOOT_AT	  8 /* in the header of a journal */
#define BOOT_SIZE 36

static char path[64];
static const struct journal_owner owner = { .instance = 0x1122334455667788, .unnamed_too = true };

struct world {
	struct config config;
	struct topology topo;
	struct engine *engine;
	struct journal *journal;
	struct restore_report report;
	struct action_list out;
};

static void file_write(const char *name, const char *bytes, size_t n)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

/* The fixture as one of this boot. */
static void fixture(void)
{
	char bytes[65536];
	int fd = open(FIXTURE, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_true(n > BOOT_AT + BOOT_SIZE && n < (ssize_t)sizeof(bytes));
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY);
	assert_int_equal(read(fd, bytes + BOOT_AT, BOOT_SIZE), BOOT_SIZE);
	close(fd);
	file_write(path, bytes, (size_t)n);
}

static int setup(void **state)
{
	snprintf(path, sizeof(path), "/tmp/rf-restore-XXXXXX");
	int fd = mkstemp(path);

	if (fd < 0)
		return -1;
	close(fd);
	fixture();
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return 0;
}

static void since(const struct show_call *c, void *arg)
{
	uint64_t *now = arg;

	if (*now < c->since_ns)
		*now = c->since_ns;
}

/* The moment at which the old controller ended, as far as the records tell. */
static uint64_t begin(struct world *w, uint64_t now)
{
	struct topology_wan *wan = &w->topo.wans[0];
	struct rf_ep ep;
	char text[RESTORE_TEXT_MAX];

	memset(w, 0, sizeof(*w));
	config_defaults(&w->config);
	w->topo.n_wans = 1;
	wan->ifindex = WAN;
	wan->has4 = wan->has6 = true;
	assert_int_equal(ep_parse(view_of("203.0.113.1:1"), &ep), 0);
	wan->wire4 = wan->public4 = ep.addr;
	assert_int_equal(ep_parse(view_of("[2001:db8::1]:1"), &ep), 0);
	wan->wire6 = wan->public6 = ep.addr;
	wan->port_lo = 16384;
	wan->port_hi = 32767;
	w->topo.n_inside = w->config.n_inside;
	memcpy(w->topo.inside, w->config.inside, sizeof(w->topo.inside));
	w->engine = engine_new(&w->config, &w->topo, now, 1);
	assert_non_null(w->engine);
	assert_int_equal(journal_open(&w->journal, path, false, owner, NULL), 0);
	assert_int_equal(restore_records(w->journal, w->engine, now, &w->report), 0);
	assert_true(strlen(restore_unread_text(&w->report, text)) < RESTORE_TEXT_MAX);
	engine_show_calls(w->engine, since, &now);
	return now;
}

static void end(struct world *w)
{
	journal_close(w->journal);
	engine_free(w->engine);
	actions_free(&w->out);
}

struct seen {
	size_t n, held, learn, talking, in, media;
	bool hidden, six;
};

static void see(const struct show_call *c, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->talking += !strcmp(c->state, "talking");
	s->held += !strcmp(c->state, "held");
	s->in += !strcmp(c->direction, "in");
	s->hidden |= !strcmp(c->call_id, "hide-me@10.0.0.11");
	assert_string_equal(c->mode, "nat");
	assert_true(c->answered_ns && c->since_ns && c->deadline_ns);
	for (size_t i = 0; i < c->n_media; i++) {
		s->media++;
		s->learn += c->media[i].learn;
		s->six |= !addr_is_v4(&c->media[i].inside.addr);
		assert_true(c->media[i].pinhole_id && c->media[i].n_remotes);
		assert_string_equal(c->media[i].media, "audio");
		assert_true(c->media[i].rtcp || !strcmp(c->media[i].codec, "PCMU"));
	}
}

static void see_registration(const struct show_registration *r, void *arg)
{
	size_t *n = arg;

	(*n)++;
	assert_non_null(strstr(r->contact, "carol@"));
	assert_int_equal(ntohs(r->inside.port), 5064);
}

static size_t count(const struct world *w, enum action_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < w->out.n; i++)
		n += w->out.v[i].kind == kind;
	return n;
}

/* Four calls (one that came in, by IPv6; one on hold; one with a source to be learnt), three signalling
 * ports, a registration, a rewritten Call-ID, a pinhole added by hand. */
static void whole(void **state)
{
	struct seen s = { 0 };
	size_t registrations = 0;
	struct world w;
	uint64_t now = begin(&w, 1);

	assert_int_equal(w.report.n_unread, 0);
	engine_restored(w.engine, now, &w.out);
	assert_false(w.out.failed);
	engine_show_calls(w.engine, see, &s);
	engine_show_registrations(w.engine, see_registration, &registrations);
	assert_int_equal(s.n, 4);
	assert_int_equal(s.talking, 3);
	assert_int_equal(s.held, 1);
	assert_int_equal(s.in, 1);
	assert_int_equal(s.media, 8); /* RTP and RTCP */
	assert_int_equal(s.learn, 2);
	assert_true(s.hidden && s.six);
	assert_int_equal(registrations, 1);
	assert_int_equal(count(&w, ACT_SIGNAL_SET), 3);
	assert_int_equal(count(&w, ACT_PINHOLE_SET), 8 + 1);
	assert_int_equal(count(&w, ACT_FORGET), 0);
	assert_int_equal(count(&w, ACT_PINHOLE_CLOSE), 0);
	/* classes were a byte in both kinds of records */
	for (size_t i = 0; i < w.out.n; i++) {
		const struct pinhole_spec *p = &w.out.v[i].pinhole;

		if (w.out.v[i].kind != ACT_PINHOLE_SET)
			continue;
		assert_true(!(p->classes_in & ~0xff) && !(p->classes_out & ~0xff));
		assert_true(p->held_in || p->rtcp || p->classes_in & RF_CLASS_RTP);
		assert_true(p->deadline_ns > now && p->wan_ifindex == WAN);
		if (p->id >= ID_FIRST_MANUAL) {
			assert_int_equal(p->classes_in, RF_CLASS_RTP);
			assert_int_equal(p->n_remotes, 1);
			assert_int_equal(ntohs(p->remotes[0].port), 30500);
			assert_int_equal(ntohs(p->inside.port), 20500);
		}
	}
	end(&w);
}

static void see_late(const struct show_call *c, void *arg)
{
	assert_string_equal(c->state, "ending");
	assert_int_equal(c->n_media, 0);
}

/* The same a month later: nothing of it has any time left. Bindings and aliases, which carry no such moment, live
 * as long as what needs them. */
static void late(void **state)
{
	size_t registrations = 0;
	struct world w;
	uint64_t now = begin(&w, 1) + 30ull * 86400 * 1000000000;

	engine_restored(w.engine, now, &w.out);
	engine_show_calls(w.engine, see_late, NULL);
	engine_show_registrations(w.engine, see_registration, &registrations);
	assert_int_equal(registrations, 0);
	for (size_t i = 0; i < w.out.n; i++)
		if (w.out.v[i].kind == ACT_PINHOLE_SET) /* added by hand, without an end */
			assert_int_equal(w.out.v[i].pinhole.deadline_ns, UINT64_MAX);
	actions_reset(&w.out);
	engine_tick(w.engine, now + BINDING_LIFE_NS + 1, &w.out);
	assert_int_equal(count(&w, ACT_SIGNAL_CLOSE), 3);
	assert_int_equal(count(&w, ACT_FORGET), 4 + 3 + 1); /* calls, bindings, the alias */
	end(&w);
}

struct rewrite {
	struct journal *to;
	int kind, version;
};

static int rewrite_one(enum record_kind kind, uint32_t id, const void *bytes, size_t n, void *arg)
{
	const struct rewrite *r = arg;
	char *copy = malloc(n);

	memcpy(copy, bytes, n);
	if (r->kind == (int)kind) {
		copy[4] = (char)r->version; /* behind the magic */
		copy[5] = (char)(r->version >> 8);
	}
	assert_int_equal(journal_save(r->to, kind, id, copy, n), 0);
	free(copy);
	return 0;
}

/* The same journal, with records of one kind in another version. */
static void as_version(int kind, int version)
{
	struct rewrite r = { .kind = kind, .version = version };
	struct journal *from;
	char old[80];

	fixture();
	snprintf(old, sizeof(old), "%s.from", path);
	assert_int_equal(rename(path, old), 0);
	assert_int_equal(journal_open(&from, old, false, owner, NULL), 0);
	assert_int_equal(journal_open(&r.to, path, true, owner, NULL), 0);
	assert_int_equal(journal_load(from, rewrite_one, &r), 0);
	journal_close(from);
	journal_close(r.to);
	unlink(old);
}

static void other_versions(void **state)
{
	static const struct {
		int kind, version;
		size_t n;
		const char *says;
	} cases[] = {
		{ RECORD_CALL, 4, 4, "4 calls" },
		{ RECORD_CALL, 7, 4, "4 calls" },
		{ RECORD_CALL, 0x105, 4, "4 calls" },
		{ RECORD_BINDING, 2, 3, "3 signalling ports" },
		{ RECORD_REGISTRATION, 2, 1, "1 registration" },
		{ RECORD_ALIAS, 0, 1, "1 rewritten identifier" },
		{ RECORD_PINHOLE, 0, 1, "1 pinhole added by hand" },
		{ RECORD_PINHOLE, 3, 1, "1 pinhole added by hand" },
	};
	char text[RESTORE_TEXT_MAX];
	struct world w;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		as_version(cases[i].kind, cases[i].version);
		begin(&w, 1);
		assert_int_equal(w.report.n_unread, cases[i].n);
		assert_int_equal(w.report.version, cases[i].version);
		assert_string_equal(restore_unread_text(&w.report, text), cases[i].says);
		end(&w);
	}
}

/* A kind that this version does not know, records without a head, more than one kind. */
static void strange(void **state)
{
	char text[RESTORE_TEXT_MAX];
	struct journal *j;
	struct world w;

	fixture();
	assert_int_equal(journal_open(&j, path, true, owner, NULL), 0);
	assert_int_equal(journal_save(j, RECORD_CALL, 90, "", 0), 0);
	assert_int_equal(journal_save(j, RECORD_PINHOLE, 90, "short", 5), 0);
	assert_int_equal(journal_save(j, RECORD_PINHOLE + 1, 90, "x", 1), 0);
	journal_close(j);
	begin(&w, 1);
	assert_int_equal(w.report.n_unread, 3);
	assert_int_equal(w.report.version, 0);
	assert_string_equal(restore_unread_text(&w.report, text),
			    "1 call, 1 pinhole added by hand, 1 record of an unknown kind");
	end(&w);
	for (size_t k = 0; k < sizeof(w.report.unread) / sizeof(w.report.unread[0]); k++)
		w.report.unread[k] = SIZE_MAX;
	assert_true(strlen(restore_unread_text(&w.report, text)) < RESTORE_TEXT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole, setup, teardown),
		cmocka_unit_test_setup_teardown(late, setup, teardown),
		cmocka_unit_test_setup_teardown(other_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(strange, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
