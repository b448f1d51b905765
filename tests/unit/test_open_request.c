// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables of what is open: who may answer, for how long, and that they are bounded, each host in itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "open_request.h"
#include "subscription.h"

#define S 1000000000ull

static struct rf_addr addr(const char *text)
{
	struct rf_addr a;

	assert_int_equal(addr_parse(view_of(text), &a), 0);
	return a;
}

static struct sip_msg *message(const char *start, const char *branch, unsigned int cseq,
			       const char *method)
{
	static char texts[64][512]; /* messages hold views into them */
	static unsigned int last;
	char *text = texts[++last % 64];
	struct sip_msg *m = calloc(1, sizeof(*m));
	const char *why = "";

	snprintf(text, sizeof(texts[0]),
		 "%s\r\nVia: SIP/2.0/UDP 10.0.0.5;branch=%s\r\nFrom: <sip:a@x>;tag=a\r\n"
		 "To: <sip:b@x>\r\nCall-ID: c\r\nCSeq: %u %s\r\n\r\n",
		 start, branch, cseq, method);
	if (sip_parse(text, strlen(text), m, &why) != SIP_OK)
		fail_msg("%s", why);
	return m;
}

static bool from(const struct rf_addr *asked, const void *arg)
{
	return addr_eq(asked, arg);
}

static enum open_match match(struct open_table *t, const char *inside, const char *remote,
			     const char *branch, unsigned int cseq, const char *method,
			     struct open_request **r)
{
	struct sip_msg *m = message("SIP/2.0 200 OK", branch, cseq, method);
	struct rf_addr in = addr(inside), src = addr(remote);
	enum open_match got = open_request_find(t, &in, m->call_id, m, from, &src, r);

	free(m);
	return got;
}

static void add(struct open_table *t, const char *inside, const char *remote, const char *branch,
		unsigned int cseq, const char *method, uint64_t now)
{
	char start[64];
	struct rf_addr in = addr(inside), dst = addr(remote);
	struct sip_msg *m;

	snprintf(start, sizeof(start), "%s sip:x SIP/2.0", method);
	m = message(start, branch, cseq, method);
	open_request_add(t, &in, &dst, m, now);
	free(m);
}

static void by_all_its_identifiers(void **state)
{
	struct open_table *t = open_table_new();
	struct open_request *r = NULL;

	add(t, "10.0.0.5", "192.0.2.1", "z1", 1, "MESSAGE", 0);
	assert_int_equal(match(t, "10.0.0.5", "192.0.2.1", "z1", 1, "MESSAGE", &r), OPEN_ASKED);
	assert_int_equal(r->expires, -1);
	assert_int_equal(match(t, "10.0.0.5", "192.0.2.2", "z1", 1, "MESSAGE", &r), OPEN_OTHER);
	assert_int_equal(match(t, "10.0.0.5", "192.0.2.1", "z2", 1, "MESSAGE", &r), OPEN_OTHER);
	assert_int_equal(match(t, "10.0.0.5", "192.0.2.1", "z1", 2, "MESSAGE", &r), OPEN_NONE);
	assert_int_equal(match(t, "10.0.0.5", "192.0.2.1", "z1", 1, "message", &r), OPEN_NONE);
	assert_int_equal(match(t, "10.0.0.6", "192.0.2.1", "z1", 1, "MESSAGE", &r), OPEN_NONE);
	add(t, "10.0.0.5", "192.0.2.1", "z1", 1, "ACK", 0); /* has no answer */
	assert_int_equal(open_table_count(t), 1);
	open_table_free(t);
}

static void how_long(void **state)
{
	struct rf_addr in = addr("10.0.0.5");
	struct open_table *t = open_table_new();
	struct open_request *r = NULL;
	struct sip_msg *m;

	add(t, "10.0.0.5", "192.0.2.1", "z1", 1, "INVITE", 0);
	add(t, "10.0.0.5", "192.0.2.1", "z1", 2, "MESSAGE", 0);
	add(t, "10.0.0.5", "192.0.2.1", "z1", 2, "MESSAGE", 10 * S); /* again */
	open_table_tick(t, 36 * S);
	assert_int_equal(open_table_count(t), 2);
	assert_int_equal(match(t, "10.0.0.5", "192.0.2.1", "z1", 1, "INVITE", &r), OPEN_ASKED);
	m = message("SIP/2.0 180 Ringing", "z1", 1, "INVITE");
	open_request_response(t, &in, m->call_id, m, r, 36 * S, 180 * S);
	free(m);
	open_table_tick(t, 47 * S);
	assert_int_equal(open_table_count(t), 1);
	open_table_tick(t, 215 * S);
	assert_int_equal(match(t, "10.0.0.5", "192.0.2.1", "z1", 1, "INVITE", &r), OPEN_ASKED);
	m = message("SIP/2.0 200 OK", "z1", 1, "INVITE");
	open_request_response(t, &in, m->call_id, m, r, 215 * S, 180 * S);
	free(m);
	assert_int_equal(match(t, "10.0.0.5", "192.0.2.1", "z1", 1, "INVITE", &r), OPEN_ANSWERED);
	open_table_tick(t, 246 * S); /* 64*T1 for the 2xx of forks */
	assert_int_equal(open_table_count(t), 1);
	open_table_tick(t, 247 * S);
	assert_int_equal(open_table_count(t), 0);
	open_table_free(t);
}

/* From each of some hosts a number of requests. */
static void flood(struct open_table *t, uint32_t host, unsigned int hosts, const char *branch,
		  unsigned int n, uint64_t now)
{
	struct rf_addr in = addr("10.0.0.0"), dst = addr("192.0.2.1");
	struct sip_msg *m = message("MESSAGE sip:x SIP/2.0", branch, 1, "MESSAGE");

	for (unsigned int i = 0; i < hosts; i++) {
		in.w[3] = htonl(0x0a000000 + host + i);
		for (m->cseq = 1; m->cseq <= n; m->cseq++)
			open_request_add(t, &in, &dst, m, now);
	}
	free(m);
}

/* Whoever fills it, by many requests or long ones, fills it for itself. */
static void bounded(void **state)
{
	struct open_table *t = open_table_new();
	struct open_request *r = NULL;
	char branch[160];

	memset(branch, 'b', sizeof(branch));
	branch[sizeof(branch) - 1] = 0;
	add(t, "10.0.0.9", "192.0.2.1", "z1", 1, "REGISTER", 0);
	/* one host has its share, and takes nothing of the others' */
	flood(t, 5, 1, "z1", 100000, 1);
	assert_in_range(open_table_bytes(t), OPEN_BYTES_HOST_MAX * 9 / 10,
			OPEN_BYTES_HOST_MAX + 1000);
	flood(t, 6, 3, branch, 100000, 1);
	assert_in_range(open_table_bytes(t), OPEN_BYTES_MAX * 9 / 10, OPEN_BYTES_MAX);
	assert_int_equal(match(t, "10.0.0.9", "192.0.2.1", "z1", 1, "REGISTER", &r), OPEN_ASKED);
	assert_int_equal(match(t, "10.0.0.8", "192.0.2.1", branch, 100000, "MESSAGE", &r),
			 OPEN_ASKED);
	assert_int_equal(match(t, "10.0.0.8", "192.0.2.1", branch, 1, "MESSAGE", &r), OPEN_NONE);
	/* of many hosts, each with little, none grows it */
	flood(t, 0x10000, 200000, branch, 1, 2);
	assert_true(open_table_bytes(t) <= OPEN_BYTES_MAX);
	open_table_tick(t, 100 * S);
	assert_int_equal(open_table_count(t), 0);
	assert_int_equal(open_table_bytes(t), 0);
	open_table_free(t);
}

static void answered(struct open_table *t, const char *inside, const char *branch)
{
	struct rf_addr in = addr(inside);
	struct sip_msg *m = message("SIP/2.0 486 Busy", branch, 1, "INVITE");
	struct open_request *r = NULL;

	assert_int_equal(match(t, inside, "192.0.2.1", branch, 1, "INVITE", &r), OPEN_ASKED);
	open_request_response(t, &in, m->call_id, m, r, 2, 180 * S);
	free(m);
}

/* A request has a number of branches; what has been answered goes first, and once something is gone
 * nobody is said not to have been asked. */
static void many_branches(void **state)
{
	struct open_table *t = open_table_new();
	struct open_request *r = NULL;
	char branch[16], tag[OPEN_TEXT_MAX + 100];
	struct rf_addr in = addr("10.0.0.7"), dst = addr("192.0.2.1");
	struct sip_value via;
	struct sip_msg *m;
	unsigned int i;

	for (i = 0; i < OPEN_BRANCHES_MAX; i++) {
		snprintf(branch, sizeof(branch), "b%u", i);
		add(t, "10.0.0.7", "192.0.2.1", branch, 1, "INVITE", 2);
	}
	answered(t, "10.0.0.7", "b3");
	assert_int_equal(match(t, "10.0.0.7", "192.0.2.1", "x", 1, "INVITE", &r), OPEN_OTHER);
	add(t, "10.0.0.7", "192.0.2.1", "b16", 1, "INVITE", 2);
	assert_int_equal(match(t, "10.0.0.7", "192.0.2.1", "b0", 1, "INVITE", &r), OPEN_ASKED);
	assert_int_equal(match(t, "10.0.0.7", "192.0.2.1", "b16", 1, "INVITE", &r), OPEN_ASKED);
	assert_int_equal(match(t, "10.0.0.7", "192.0.2.1", "b3", 1, "INVITE", &r), OPEN_NONE);
	assert_int_equal(match(t, "10.0.0.7", "192.0.2.2", "b0", 1, "INVITE", &r), OPEN_OTHER);
	add(t, "10.0.0.7", "192.0.2.1", "b17", 1, "INVITE", 2);
	assert_int_equal(match(t, "10.0.0.7", "192.0.2.1", "b0", 1, "INVITE", &r), OPEN_NONE);
	assert_int_equal(match(t, "10.0.0.7", "192.0.2.1", "b1", 1, "INVITE", &r), OPEN_ASKED);
	/* one that is too long to be known */
	add(t, "10.0.0.7", "192.0.2.1", "z1", 1, "MESSAGE", 2);
	memset(tag, 't', sizeof(tag));
	m = message("MESSAGE sip:x SIP/2.0", "z2", 1, "MESSAGE");
	via = *m->via;
	via.branch = (struct view){ tag, sizeof(tag) };
	m->via = &via;
	open_request_add(t, &in, &dst, m, 2);
	free(m);
	assert_int_equal(match(t, "10.0.0.7", "192.0.2.1", "z1", 1, "MESSAGE", &r), OPEN_ASKED);
	assert_int_equal(match(t, "10.0.0.7", "192.0.2.1", "z2", 1, "MESSAGE", &r), OPEN_NONE);
	open_table_free(t);
}

/* A branch of what was forgotten for want of room is not all of its request. */
static void forgotten_in_part(void **state)
{
	struct open_table *t = open_table_new();
	struct open_request *r = NULL;

	add(t, "10.0.0.5", "192.0.2.1", "z1", 1, "INVITE", 0);
	flood(t, 5, 1, "z1", 100000, 1);
	add(t, "10.0.0.5", "192.0.2.2", "z2", 1, "INVITE", 2);
	assert_int_equal(match(t, "10.0.0.5", "192.0.2.2", "z2", 1, "INVITE", &r), OPEN_ASKED);
	assert_int_equal(match(t, "10.0.0.5", "192.0.2.1", "z1", 1, "INVITE", &r), OPEN_NONE);
	add(t, "10.0.0.6", "192.0.2.2", "z2", 1, "INVITE", 2); /* another host's */
	assert_int_equal(match(t, "10.0.0.6", "192.0.2.1", "z1", 1, "INVITE", &r), OPEN_OTHER);
	open_table_free(t);
}

static bool notifies(struct subscription_table *t, const char *inside, const char *id, uint64_t now)
{
	struct rf_addr in = addr(inside), dst = addr("192.0.2.1");
	const char *why = "";
	struct sip_msg *m = calloc(1, sizeof(*m));
	char text[512];
	bool yes;

	snprintf(
		text, sizeof(text),
		"NOTIFY sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z\r\nFrom: <sip:b@x>;tag=b\r\n"
		"To: <sip:a@x>;tag=t\r\nCall-ID: %s\r\nCSeq: 1 NOTIFY\r\nEvent: e\r\n\r\n",
		id);
	assert_int_equal(sip_parse(text, strlen(text), m, &why), SIP_OK);
	yes = subscription_allows(t, &in, m->call_id, &dst, m, now);
	free(m);
	return yes;
}

/* By the host that fills it, for itself: its oldest goes. */
static void subscriptions_are_bounded(void **state)
{
	struct subscription_table *t = subscription_table_new();
	struct rf_addr in = addr("10.0.0.9"), dst = addr("192.0.2.1");
	char id[16];

	subscription_grant(t, &in, VIEW("first"), VIEW("t"), VIEW("e"), &dst, 1);
	for (unsigned int host = 1; host <= 5; host++) {
		in.w[3] = htonl(0x0a000100 + host);
		for (unsigned int i = 0; i < 40000; i++) {
			snprintf(id, sizeof(id), "%u", i);
			subscription_grant(t, &in, view_of(id), VIEW("t"), VIEW("e"), &dst,
					   i < 20000 ? 1000000 : i);
		}
		if (host == 1)
			assert_in_range(subscription_bytes(t), SUBSCRIPTION_BYTES_HOST_MAX * 9 / 10,
					SUBSCRIPTION_BYTES_HOST_MAX + 1000);
	}
	assert_in_range(subscription_bytes(t), SUBSCRIPTION_BYTES_MAX * 9 / 10,
			SUBSCRIPTION_BYTES_MAX);
	assert_true(notifies(t, "10.0.0.9", "first", 0));
	assert_true(notifies(t, "10.0.1.5", "39999", 0));
	assert_false(notifies(t, "10.0.1.5", "0", 0));
	subscription_tick(t, 1000000);
	assert_int_equal(subscription_count(t), 0);
	assert_int_equal(subscription_bytes(t), 0);
	subscription_table_free(t);
}

/* A NOTIFY before the answer: while that is open, and no grant is lost or won by it. */
static void before_the_answer(void **state)
{
	struct subscription_table *t = subscription_table_new();
	struct rf_addr in = addr("10.0.0.5"), dst = addr("192.0.2.1");

	subscription_answered(t, &in, VIEW("s"), VIEW("t"), VIEW("e"), &dst);
	assert_false(notifies(t, "10.0.0.5", "s", 0));
	subscription_ask(t, &in, VIEW("s"), VIEW("t"), VIEW("e"), &dst, 37);
	assert_true(notifies(t, "10.0.0.5", "s", 36));
	assert_false(notifies(t, "10.0.0.6", "s", 36));
	assert_false(notifies(t, "10.0.0.5", "x", 36));
	assert_false(notifies(t, "10.0.0.5", "s", 37));
	subscription_answered(t, &in, VIEW("s"), VIEW("t"), VIEW("e"), &dst);
	assert_false(notifies(t, "10.0.0.5", "s", 1));
	subscription_grant(t, &in, VIEW("s"), VIEW("t"), VIEW("e"), &dst, 100);
	subscription_ask(t, &in, VIEW("s"), VIEW("t"), VIEW("e"), &dst, 60); /* a refresh */
	assert_true(notifies(t, "10.0.0.5", "s", 99));
	subscription_answered(t, &in, VIEW("s"), VIEW("t"), VIEW("e"), &dst);
	assert_true(notifies(t, "10.0.0.5", "s", 99));
	assert_false(notifies(t, "10.0.0.5", "s", 100));
	subscription_tick(t, 100);
	assert_int_equal(subscription_count(t), 0);
	subscription_table_free(t);
}

static void subscription_times(void **state)
{
	assert_int_equal(subscription_seconds(600, 300), 300);
	assert_int_equal(subscription_seconds(600, -1), 600);
	assert_int_equal(subscription_seconds(-1, -1), 3600);
	assert_int_equal(subscription_seconds(60, 120), 120);
	assert_int_equal(subscription_seconds(60, 86400), 3600);
	assert_int_equal(subscription_seconds(86400, 2592000), 86400);
	assert_int_equal(subscription_seconds(-1, 86400), 3600);
	assert_int_equal(subscription_seconds(0, 86400), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_all_its_identifiers),
		cmocka_unit_test(how_long),
		cmocka_unit_test(bounded),
		cmocka_unit_test(many_branches),
		cmocka_unit_test(forgotten_in_part),
		cmocka_unit_test(subscriptions_are_bounded),
		cmocka_unit_test(before_the_answer),
		cmocka_unit_test(subscription_times),
	};

	sip_parser_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
