// SPDX-License-Identifier: GPL-2.0-only
/*
 * Header rewriting over several messages: requests from outside, dialogs from either side, what a
 * registrar lists, and addresses of the other side that only look like inside ones.
 */
#include "rewrite_fixture.h"

#define REPLY(via, more)                                                             \
	"SIP/2.0 200 OK\r\nVia: " via "\r\nFrom: " ALICE "\r\nTo: " BOB ";tag=b\r\n" \
	"Call-ID: " CALL_ID "\r\nCSeq: 1 " more "Content-Length: 0\r\n\r\n"

/* What the inside host wrote in a REGISTER comes back in the list of its Contacts; others stay. */
static void register_lists_contacts(void **state)
{
	struct world w;
	char got[MSG_MAX];

	world_init(&w);
	bound(&w, "10.0.0.9:5060");
	outbound(&w, "10.0.0.5:5060",
		 "REGISTER sip:example.com SIP/2.0\r\nVia: " VIA "\r\nFrom: " ALICE "\r\nTo: " BOB
		 "\r\nCall-ID: " CALL_ID "\r\nCSeq: 1 REGISTER\r\n"
		 "Contact: <sip:alice@10.0.0.5>;expires=60, <sip:alice2@10.0.0.5:5066>\r\n\r\n",
		 got);
	assert_non_null(strstr(got, "Contact: <sip:alice@203.0.113.1:5062>;expires=60, "
				    "<sip:alice2@203.0.113.1:5066>\r\n"));
	inbound(&w, "10.0.0.5:5060",
		REPLY("SIP/2.0/UDP 203.0.113.1:5062;branch=z9hG4bK1",
		      "REGISTER\r\nContact: <sip:alice2@203.0.113.1:5066>;expires=50\r\n"
		      "m: <sip:alice@203.0.113.1:5062>;expires=60, <sip:alice@192.0.2.77:5060>\r\n"),
		got);
	assert_non_null(
		strstr(got, "Contact: <sip:alice2@10.0.0.5:5066>;expires=50\r\n"
			    "m: <sip:alice@10.0.0.5>;expires=60, <sip:alice@192.0.2.77:5060>\r\n"));
	world_free(&w);
}

/* Elsewhere a Contact with our address is another inside host's: the way there leads by us. */
static void contact_of_another_inside_host_stays(void **state)
{
	struct world w;
	char got[MSG_MAX];

	world_init(&w);
	bound(&w, "10.0.0.5:5060");
	bound(&w, "10.0.0.6:5060");
	inbound(&w, "10.0.0.5:5060",
		REPLY("SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK1",
		      "INVITE\r\nContact: <sip:b@203.0.113.1:5062>\r\n"),
		got);
	assert_non_null(strstr(got, "Contact: <sip:b@203.0.113.1:5062>\r\n"));
	assert_non_null(strstr(got, "Via: SIP/2.0/UDP 10.0.0.5:5060;"));
	world_free(&w);
}

static void request_uri_leads_inside(void **state)
{
	static const struct {
		const char *inside, *ruri, *want;
	} table[] = {
		{ "10.0.0.5:5060", "sip:a@203.0.113.1:5060", "sip:a@10.0.0.5:5060" },
		{ "10.0.0.5:5060", "sip:a@203.0.113.1", "sip:a@10.0.0.5" },
		{ "10.0.0.5:5060", "sip:a@203.0.113.1;transport=udp",
		  "sip:a@10.0.0.5;transport=udp" },
		{ "10.0.0.6:5060", "sip:a@203.0.113.1:5062;line=7", "sip:a@10.0.0.6:5060;line=7" },
		{ "10.0.0.7:5099", "sip:a@203.0.113.1:5099", "sip:a@10.0.0.7:5099" },
		/* another binding of ours, a strange port, a name, another host */
		{ "10.0.0.5:5060", "sip:a@203.0.113.1:5062", "sip:a@10.0.0.6:5060" },
		{ "10.0.0.5:5060", "sip:a@203.0.113.1:9999", "sip:a@203.0.113.1:9999" },
		{ "10.0.0.5:5060", "sip:a@pbx.example.com", "sip:a@pbx.example.com" },
		{ "10.0.0.5:5060", "sip:a@192.0.2.1:5060", "sip:a@192.0.2.1:5060" },
		{ "10.0.0.5:5060", "tel:+4930", "tel:+4930" },
		{ "[fd00::5]:5060", "sip:a@[2001:db8::1]:5060", "sip:a@[fd00::5]:5060" },
	};
	char text[MSG_MAX], want[MSG_MAX], got[MSG_MAX];
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct world w;

		world_init(&w);
		bound(&w, "10.0.0.5:5060");
		bound(&w, "10.0.0.6:5060");
		sprintf(text,
			FROM_OUTSIDE("%s", CALL_ID, "<sip:p@203.0.113.1>;tag=p",
				     "<sip:a@203.0.113.1>", ""),
			table[i].ruri);
		swap(text, PAIRS(table[i].ruri, table[i].want), want);
		assert_string_equal(inbound(&w, table[i].inside, text, got), want);
		world_free(&w);
	}
}

/* The far side's own private addresses look like inside ones: they stay in both directions. */
static void foreign_addresses_stay(void **state)
{
	static const char invite[] =
		FROM_OUTSIDE("sip:a@203.0.113.1", "88@10.0.0.6", "<sip:p@10.0.0.6>;tag=p",
			     "<sip:a@203.0.113.1>",
			     "Record-Route: <sip:198.51.100.7;lr>, <sip:10.0.0.6:5080;lr>\r\n"
			     "Contact: <sip:p@10.0.0.6:5066>\r\n");
	char at_phone[MSG_MAX], want[MSG_MAX], reply[MSG_MAX], got[MSG_MAX];
	struct world w;

	world_init(&w);
	bound(&w, "10.0.0.5:5060");
	swap(invite, PAIRS("a@203.0.113.1", "a@10.0.0.5"), want);
	assert_string_equal(inbound(&w, "10.0.0.5:5060", invite, at_phone), want);
	uas_reply(at_phone, "200 OK", "198.51.100.7:5060", "Contact: <sip:a@10.0.0.5:5060>\r\n",
		  reply);
	swap(reply, PAIRS("a@10.0.0.5:5060", "a@203.0.113.1:5060"), want);
	assert_string_equal(outbound(&w, "10.0.0.5:5060", reply, got), want);
	/* BYE from inside, as RFC 3261 12.2.1.1 builds it */
	static const char bye[] =
		"BYE sip:p@10.0.0.6:5066 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKb\r\n"
		"Route: <sip:198.51.100.7;lr>, <sip:10.0.0.6:5080;lr>\r\n"
		"From: <sip:a@203.0.113.1>;tag=uas\r\nTo: <sip:p@10.0.0.6>;tag=p\r\n"
		"Call-ID: 88@10.0.0.6\r\nCSeq: 1 BYE\r\n\r\n";
	swap(bye, PAIRS("10.0.0.5:5060", "203.0.113.1:5060"), want);
	assert_string_equal(outbound(&w, "10.0.0.5:5060", bye, got), want);
	world_free(&w);
}

/* In-dialog requests from the far side name the parties the other way round. */
static void dialog_from_inside_and_bye_from_outside(void **state)
{
	static const char invite[] =
		REQUEST(VIA, "<sip:alice@10.0.0.5>;tag=a", "<sip:bob@10.0.0.5>", "9@10.0.0.5",
			"Contact: <sip:alice@10.0.0.5>\r\n");
	static const char bye[] = "BYE sip:alice@203.0.113.1 SIP/2.0\r\n"
				  "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKz\r\n"
				  "From: <sip:bob@203.0.113.1>;tag=b\r\n"
				  "To: <sip:alice@203.0.113.1>;tag=a\r\n"
				  "Call-ID: 9@203.0.113.1\r\nCSeq: 1 BYE\r\n\r\n";
	char got[MSG_MAX], want[MSG_MAX], reply[MSG_MAX], back[MSG_MAX];
	struct world w;

	world_init(&w);
	outbound(&w, "10.0.0.5:5060", invite, got);
	swap(bye,
	     PAIRS("alice@203.0.113.1", "alice@10.0.0.5", "bob@203.0.113.1", "bob@10.0.0.5",
		   "alice@203.0.113.1", "alice@10.0.0.5", "9@203.0.113.1", "9@10.0.0.5"),
	     want);
	assert_string_equal(inbound(&w, "10.0.0.5:5060", bye, got), want);
	/* and its answer matches what the far side sent, to the byte */
	uas_reply(got, "200 OK", "198.51.100.7:5060", NULL, reply);
	uas_reply(bye, "200 OK", "198.51.100.7:5060", NULL, want);
	assert_string_equal(outbound(&w, "10.0.0.5:5060", reply, back), want);
	world_free(&w);
}

/* From/To that name us without our having put that there. */
static void public_from_outside_stays(void **state)
{
	static const char invite[] =
		FROM_OUTSIDE("sip:a@example.com", CALL_ID, "<sip:a@203.0.113.1>;tag=p",
			     "<sip:a@203.0.113.1:5060>", "Referred-By: <sip:203.0.113.1>\r\n");
	char got[MSG_MAX];
	struct world w;

	world_init(&w);
	assert_string_equal(inbound(&w, "10.0.0.5:5060", invite, got), invite);
	world_free(&w);
}

/* A phone with STUN or externip gets back what it wrote: the public address. */
static void own_public_is_not_unrewritten(void **state)
{
	static const char request[] =
		REQUEST("SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK1;rport", ALICE, BOB, CALL_ID,
			"Contact: <sip:alice@203.0.113.1:5060>\r\n");
	static const char invite[] = FROM_OUTSIDE("sip:alice@203.0.113.1:5060", "x",
						  "<sip:p@example.com>;tag=p", BOB, "");
	char got[MSG_MAX], reply[MSG_MAX];
	struct world w;

	world_init(&w);
	assert_string_equal(outbound(&w, "10.0.0.5:5060", request, got), request);
	uas_reply(request, "200 OK", "203.0.113.1:5060", NULL, reply);
	assert_string_equal(inbound(&w, "10.0.0.5:5060", reply, got), reply);
	assert_string_equal(inbound(&w, "10.0.0.5:5060", invite, got), invite);
	world_free(&w);
}

/* Route set of an inside proxy: "Route: <public>" of an in-dialog request is its own again. */
static void route_set_comes_back(void **state)
{
	static const char request[] =
		REQUEST("SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKp", ALICE, BOB, CALL_ID,
			"Record-Route: <sip:10.0.0.9;lr>\r\n"
			"Contact: <sip:alice@10.0.0.5:5070>\r\n");
	static const char bye[] =
		"BYE sip:alice@203.0.113.1:5070 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKz\r\n"
		"Route: <sip:203.0.113.1:5062;lr>\r\nFrom: <sip:bob@example.com>;tag=b\r\n"
		"To: " ALICE "\r\nCall-ID: " CALL_ID "\r\nCSeq: 1 BYE\r\n\r\n";
	char got[MSG_MAX], want[MSG_MAX];
	struct world w;

	world_init(&w);
	bound(&w, "10.0.0.8:5060");
	outbound(&w, "10.0.0.9:5060", request, got);
	assert_non_null(strstr(got, "Record-Route: <sip:203.0.113.1:5062;lr>"));
	swap(bye, PAIRS("203.0.113.1:5070", "10.0.0.5:5070", "203.0.113.1:5062", "10.0.0.9"), want);
	assert_string_equal(inbound(&w, "10.0.0.9:5060", bye, got), want);
	world_free(&w);
}

/* A registrar inside answers a phone outside with the Contact that the phone wrote. */
static void register_from_outside(void **state)
{
	static const char request[] =
		"REGISTER sip:203.0.113.1 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 10.0.0.6:5060;branch=z9hG4bKr;rport\r\n"
		"From: <sip:p@203.0.113.1>;tag=p\r\nTo: <sip:p@203.0.113.1>\r\n"
		"Call-ID: r\r\nCSeq: 1 REGISTER\r\nContact: <sip:p@10.0.0.6:5060>\r\n\r\n";
	char got[MSG_MAX], want[MSG_MAX], reply[MSG_MAX];
	struct world w;

	world_init(&w);
	bound(&w, "10.0.0.5:5060");
	swap(request, PAIRS("203.0.113.1", "10.0.0.5"), want);
	assert_string_equal(inbound(&w, "10.0.0.5:5060", request, got), want);
	uas_reply(got, "200 OK", "198.51.100.7:1024",
		  "Contact: <sip:p@10.0.0.6:5060>;expires=60\r\n", reply);
	assert_string_equal(outbound(&w, "10.0.0.5:5060", reply, got), reply);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(register_lists_contacts),
		cmocka_unit_test(contact_of_another_inside_host_stays),
		cmocka_unit_test(request_uri_leads_inside),
		cmocka_unit_test(foreign_addresses_stay),
		cmocka_unit_test(dialog_from_inside_and_bye_from_outside),
		cmocka_unit_test(public_from_outside_stays),
		cmocka_unit_test(own_public_is_not_unrewritten),
		cmocka_unit_test(route_set_comes_back),
		cmocka_unit_test(register_from_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
