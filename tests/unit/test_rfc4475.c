/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The torture messages of RFC 4475: what the parser says to each, and that each valid one leaves
 * byte for byte as it came.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "check_views.h"
#include "edit.h"

#define MESSAGE(name, text) static const char name[] = text;
#include "rfc4475.inc"
#undef MESSAGE

static struct sip_msg msg;
static struct edit_list edits;
static char out[8192];

/* Where "valid" is ours rather than the RFC's, the reason is that a middlebox must do no harm: what
 * an endpoint should refuse reaches the endpoint, which says so to its peer. */
static const struct {
	const char *name, *text;
	size_t n;
	enum sip_parse_result verdict;
} table[] = {
#define M(name, verdict)                               \
	{                                              \
#name, name, sizeof(name) - 1, verdict \
	}
	/* 3.1.1 valid messages */
	M(wsinv, SIP_OK),
	M(intmeth, SIP_OK),
	M(esc01, SIP_OK),
	M(escnull, SIP_OK),
	M(esc02, SIP_OK),
	M(lwsdisp, SIP_OK),
	M(longreq, SIP_OK),
	M(dblreq, SIP_OK), /* two requests in one datagram: the second is not part of it */
	M(semiuri, SIP_OK),
	M(transports, SIP_OK),
	M(mpart01, SIP_OK),
	M(unreason, SIP_OK),
	M(noreason, SIP_OK),
	/* 3.1.2 invalid messages */
	M(badinv01, SIP_MALFORMED),
	M(clerr, SIP_MALFORMED),
	M(ncl, SIP_MALFORMED),
	M(scalar02, SIP_MALFORMED),
	M(scalarlg, SIP_MALFORMED),
	M(quotbal, SIP_MALFORMED),
	M(ltgtruri, SIP_MALFORMED),
	M(lwsruri, SIP_MALFORMED),
	M(lwsstart, SIP_MALFORMED),
	M(trws, SIP_MALFORMED),
	M(escruri, SIP_OK), /* headers in the Request-URI: the endpoint's to refuse */
	M(baddate, SIP_OK), /* Date is not ours */
	M(regbadct, SIP_OK), /* a URI that ought to be in <>: the registrar's to refuse */
	M(badaspec, SIP_OK), /* blanks in <>: "may be liberal" */
	M(baddn, SIP_OK), /* unquoted comma in a display name: unambiguous in From and To */
	M(badvers, SIP_MALFORMED),
	M(mismatch01, SIP_MALFORMED),
	M(mismatch02, SIP_MALFORMED),
	M(bigcode, SIP_MALFORMED),
	/* 3.2, 3.3 transaction and application layer */
	M(badbranch, SIP_OK),
	M(insuf, SIP_MALFORMED),
	M(unkscm, SIP_OK),
	M(novelsc, SIP_OK),
	M(unksm2, SIP_OK),
	M(bext01, SIP_OK),
	M(invut, SIP_OK),
	M(regaut01, SIP_OK),
	M(multi01, SIP_MALFORMED),
	M(mcl01, SIP_MALFORMED),
	M(bcast, SIP_OK),
	M(zeromf, SIP_OK),
	M(cparam01, SIP_OK),
	M(cparam02, SIP_OK),
	M(regescrt, SIP_OK),
	M(sdp01, SIP_OK),
	/* 3.4 RFC 2543 */
	M(inv2543, SIP_OK),
#undef M
};

static void verdicts(void **state)
{
	const char *error;
	size_t i, n;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum sip_parse_result got = sip_parse(table[i].text, table[i].n, &msg, &error);

		if (got != table[i].verdict)
			fail_msg("%s: %d, expected %d (%s)", table[i].name, got, table[i].verdict,
				 got == SIP_OK ? "" : error);
		if (got != SIP_OK)
			continue;
		check_msg(&msg, (struct view){ table[i].text, table[i].n });
		edit_init(&edits);
		assert_int_equal(edit_apply(&edits, &msg, out, sizeof(out), &n), 0);
		assert_int_equal(n, msg.raw.n);
		assert_memory_equal(out, table[i].text, n);
	}
}

static struct sip_msg *parse(const char *text, size_t n)
{
	assert_int_equal(sip_parse(text, n, &msg, NULL), SIP_OK);
	return &msg;
}

#define PARSE(name)	    parse(name, sizeof(name) - 1)
#define assert_view(v, lit) assert_true(view_eq(v, VIEW(lit)))

static void tortuous_invite(void **state)
{
	struct sip_msg *m = PARSE(wsinv);

	assert_int_equal(m->method, SIP_M_INVITE);
	assert_int_equal(m->cseq, 9);
	assert_view(m->via->sent_by.whole, "192.0.2.2");
	assert_view(m->via->transport, "UDP");
	assert_view(m->via->branch, "390skdjuw");
	assert_view(m->from->tag, "98asjd8");
	assert_view(m->from->uri.whole, "sip:jdrosen@example.com");
	assert_view(m->to->tag, "1918181833n");
	assert_view(m->to->uri.hp.whole, "chair-dnrc.example.com");
	assert_view(m->contact->uri.whole, "sip:jdrosen@example.com");
	assert_int_equal(m->n_values, 7); /* three Vias, Route, Contact, From, To */
	assert_int_equal(m->body.n, 150);
	assert_true(sip_sdp_body(m).n == 150);
}

static void unusual_characters(void **state)
{
	struct sip_msg *m = PARSE(intmeth);

	assert_int_equal(m->method, SIP_M_OTHER);
	assert_view(m->ruri.hp.whole, "example.com");
	assert_view(m->ruri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
	assert_view(m->to->uri.hp.whole, "example.com");
	assert_view(m->from->tag, "_token~1'+`*%!-.");
}

static void where_parameters_belong(void **state)
{
	struct sip_msg *m = PARSE(cparam01);

	assert_view(m->contact->uri.whole, "sip:+19725552222@gw1.example.net");
	assert_view(m->contact->params, ";unknownparam");
	m = PARSE(cparam02);
	assert_view(m->contact->uri.params, ";unknownparam");
	assert_int_equal(m->contact->params.n, 0);
	m = PARSE(semiuri);
	assert_view(m->ruri.user, "user;par=u%40example.net");
	m = PARSE(dblreq);
	assert_int_equal(m->method, SIP_M_REGISTER);
	assert_true(m->raw.n < sizeof(dblreq) - 1);
}

static void other_schemes(void **state)
{
	struct sip_msg *m = PARSE(novelsc);

	assert_false(m->ruri.is_sip);
	assert_view(m->ruri.scheme, "soap.beep");
	m = PARSE(unksm2);
	assert_false(m->to->uri.is_sip);
	m = PARSE(inv2543);
	assert_null(m->from->tag.p);
	assert_null(m->via->branch.p);
	assert_true(!m->contact && sip_sdp_body(m).n);
}

static int setup(void **state)
{
	sip_parser_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),	      cmocka_unit_test(tortuous_invite),
		cmocka_unit_test(unusual_characters), cmocka_unit_test(where_parameters_belong),
		cmocka_unit_test(other_schemes),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
