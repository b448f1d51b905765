/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an inside host may open, for itself and for others: whoever names an endpoint in SDP wants something to reach it.
 * Alice speaks, victim is another inside host, evil the accomplice outside.
 */
#include "flows_ladder.h"

/* clang-format off */

/* Another host's endpoint opens with that host's first packet; also in a re-INVITE and in an answer. */
static void another_host(void **state)
{
	LADDER("inside alice, victim",
	       "alice>evil INVITE {@victim audio 20000}",
	       "alice<evil 200 {audio 7000}                 == victim:20000~<>evil:7000",
	       "says names another inside host's endpoint",
	       "alice>evil ACK",
	       "# its own opens at once, and the other one's again not",
	       "any port",
	       "alice>evil INVITE {audio 20000}             == alice:20000<>evil:7000, victim:20000~<>evil:7000",
	       "alice<evil 200 {audio 7000}                 == alice:20000<>evil:7000",
	       "alice>evil ACK",
	       "alice>evil UPDATE {@victim audio 20002}     == alice:20000<>evil:7000, victim:20002~<>evil:7000",
	       "alice<evil 200 {audio 7002}                 == victim:20002~<>evil:7002",
	       "alice>evil BYE                              == none",
	       "alice<evil 200",
	       "# the answer names it",
	       "alice<evil#2 INVITE {audio 7000}",
	       "alice>evil#2 200 {@victim audio 20000}      == victim:20000~<>evil:7000",
	       "alice<evil#2 ACK",
	       "alice<evil#2 BYE                            == none",
	       "alice>evil#2 200",
	       "# a late offer",
	       "alice<evil#3 INVITE",
	       "alice>evil#3 200 {@victim audio 20000}",
	       "alice<evil#3 ACK {audio 7000}               == victim:20000~<>evil:7000",
	       "alice<evil#3 BYE                            == none",
	       "alice>evil#3 200");
}

/* Only RTCP or one of two m-lines is another's; fax; ICE. */
static void parts_of_it(void **state)
{
	LADDER("inside alice, victim",
	       "alice>evil INVITE {audio 20000, image 21000 @victim}",
	       "alice<evil 200 {audio 7000, image 7002}"
	       "  == alice:20000<>evil:7000, victim:21000~<>evil:7002+u",
	       "alice>evil ACK",
	       "alice>evil BYE                              == none",
	       "alice<evil 200",
	       "# fax to the host's own address opens at once",
	       "alice>evil#2 INVITE {image 20000}",
	       "alice<evil#2 200 {image 7000}               == alice:20000<>evil:7000+u",
	       "alice>evil#2 ACK",
	       "alice>evil#2 BYE                            == none",
	       "alice<evil#2 200");
}

static void rtcp_of_another(void **state)
{
	LADDER_NAT4("inside alice, victim",
		    "alice>evil INVITE {audio 20000 rtcp=20007_IN_IP4_192.168.1.11}",
		    "alice<evil 200 {audio 7000}"
		    "  == alice:20000<>evil:7000-rtcp, rtcp victim:20007=16384~|evil:7001",
		    "alice>evil ACK",
		    "alice>evil BYE                              == none",
		    "alice<evil 200");
}

static void ice_of_another(void **state)
{
	LADDER_NAT4("inside alice, victim",
		    "alice>evil INVITE {=0.0.0.0 audio 9 mux a=ice-ufrag:abcd a=ice-pwd:abcdefghijklmnopqrstuv"
		    " a=candidate:1_1_UDP_10_192.168.1.11_20000_typ_host}",
		    "alice<evil 200 {audio 7000 mux a=ice-ufrag:efgh a=ice-pwd:abcdefghijklmnopqrstuw}"
		    "  == victim:20000~<>evil:7000+c+s",
		    "alice>evil ACK",
		    "alice>evil BYE                              == none",
		    "alice<evil 200",
		    "# a low port by a candidate, and one of signalling",
		    "alice>evil#2 INVITE {=0.0.0.0 audio 9 mux a=ice-ufrag:abcd a=ice-pwd:abcdefghijklmnopqrstuv"
		    " a=candidate:1_1_UDP_10_192.168.1.11_53_typ_host}",
		    "alice<evil#2 200 {audio 7000 mux a=ice-ufrag:efgh a=ice-pwd:abcdefghijklmnopqrstuw} == none",
		    "says below 1024",
		    "alice>evil#2 ACK",
		    "alice>evil#2 BYE",
		    "alice<evil#2 200");
}

/* Who is named in the configuration speaks for others; that is not for low ports and SIP. */
static void speaker(void **state)
{
	LADDER("inside pbx, victim",
	       "speaks pbx",
	       "pbx>bob INVITE {@victim audio 20000}",
	       "pbx<bob 200 {audio 7000}                    == victim:20000<>bob:7000",
	       "pbx>bob ACK",
	       "pbx>bob INVITE {@victim audio 53}           == victim:20000<>bob:7000",
	       "pbx<bob 200 {audio 7000}                    == none",
	       "says below 1024",
	       "pbx>bob ACK",
	       "pbx>bob INVITE {@victim audio 5060}         == none",
	       "pbx<bob 200 {audio 7000}                    == none",
	       "pbx>bob ACK",
	       "pbx>bob BYE",
	       "pbx<bob 200");
}

/* Calls that are there follow the configuration. */
static void speaker_from_now_on(void **state)
{
	LADDER_NAT("inside pbx, victim",
		   "pbx>bob INVITE {@victim audio 20000}",
		   "pbx<bob 200 {audio 7000}                    == victim:20000~<>bob:7000",
		   "pbx>bob ACK",
		   "speaks pbx",
		   "wait 1                                      == victim:20000<>bob:7000",
		   "pbx>bob BYE                                 == none",
		   "pbx<bob 200");
}

static void inside_ports(void **state)
{
#define OFFER(sdp, answer, open) \
	LADDER("inside alice, victim", "any port", "signals victim 5070", \
	       "alice>evil INVITE {" sdp "}", \
	       "alice<evil 200 {" answer "} == " open, \
	       "alice>evil ACK", \
	       "alice>evil BYE == none", \
	       "alice<evil 200")
	OFFER("audio 161", "audio 7000", "none");
	OFFER("audio 1023", "audio 7000", "none");
	OFFER("audio 1023 mux", "audio 7000 mux", "none");
	OFFER("audio 1024 mux", "audio 7000 mux", "alice:1024<>evil:7000+c");
	OFFER("audio 5060", "audio 7000", "none");
	OFFER("audio 5070", "audio 7000", "alice:5070<>evil:7000");
	OFFER("@victim audio 5070", "audio 7000", "none");
	OFFER("@victim audio 53", "audio 7000", "none");
	OFFER("@victim image 161", "image 7000", "none");
	OFFER("audio 20000 rtcp=123", "audio 7000", "alice:20000<>evil:7000-rtcp");
	/* by the count of ports */
	OFFER("audio 5056/4", "audio 7000/4",
	      "alice:5056<>evil:7000, alice:5058<>evil:7002, alice:5062<>evil:7006");
	OFFER("audio 5069", "audio 7000", "alice:5069<>evil:7000");
	OFFER("@victim audio 5069", "audio 7000", "victim:5069~<>evil:7000-rtcp");
}

/* Nothing reaches the name or management service of others by what a page has put into an offer. */
static void remote_ports(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 53}                    == none",
	       "says \"low_ports\": true of the peer in peers[] allows it (its first entry ends that anybody",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 1023 mux}",
	       "alice>bob 200 {audio 20000 mux}",
	       "alice<bob ACK",
	       "alice<bob INVITE {audio 7000 rtcp=161}",
	       "alice>bob 200 {audio 20000}                 == alice:20000<>bob:7000-rtcp",
	       "alice<bob ACK",
	       "alice>bob BYE                               == none",
	       "alice<bob 200",
	       "alice>bob#2 INVITE {image 20000}",
	       "alice<bob#2 200 {image 161}                 == none",
	       "alice>bob#2 ACK",
	       "alice>bob#2 BYE",
	       "alice<bob#2 200",
	       "# a candidate",
	       "alice>bob#3 INVITE {audio 20000 mux a=ice-ufrag:abcd a=ice-pwd:abcdefghijklmnopqrstuv}",
	       "alice<bob#3 200 {audio 7000 mux a=ice-ufrag:efgh a=ice-pwd:abcdefghijklmnopqrstuw"
	       " a=candidate:1_1_UDP_10_198.51.100.77_53_typ_host}    == alice:20000<>bob:7000+c+s",
	       "alice>bob#3 ACK",
	       "alice>bob#3 BYE                             == none",
	       "alice<bob#3 200",
	       "low ports",
	       "alice>bob#4 INVITE {audio 20000 mux}",
	       "alice<bob#4 200 {audio 1000 mux}            == alice:20000<>bob:1000+c",
	       "alice>bob#4 ACK",
	       "alice>bob#4 BYE                             == none",
	       "alice<bob#4 200");
}

/* Not the gateway by any of its addresses, no group, nobody. IPv4-mapped is IPv4. */
static void no_host(void **state)
{
#define NONE(address)                                         \
	"alice>evil INVITE {=" address " audio 20000}",       \
	"alice<evil 200 {audio 7000}                 == none", \
	"alice>evil ACK"
	LADDER_NAT4("inside alice, victim",
		    NONE("192.168.1.1"),
		    "says an address of this gateway",
		    NONE("203.0.113.1"),
		    NONE("::ffff:192.168.1.1"),
		    NONE("192.168.255.255"),
		    "says no address that can be served: no pinhole (192.168.255.255:20000)",
		    NONE("192.168.0.0"),
		    NONE("10.255.255.255"),
		    NONE("::ffff:192.168.255.255"),
		    NONE("255.255.255.255"),
		    NONE("127.0.0.1"),
		    NONE("::1"),
		    NONE("::c0a8:10b"),
		    NONE("224.0.0.251"),
		    NONE("ff02::fb"),
		    NONE("0.0.0.1"),
		    NONE("198.51.100.200"),
		    "alice>evil INVITE {=::ffff:192.168.1.11 audio 53}",
		    "alice<evil 200 {audio 7000}             == none",
		    "alice>evil ACK",
		    "alice>evil INVITE {=::ffff:192.168.1.11 audio 20000} == victim:20000~<>evil:7000",
		    "alice<evil 200 {audio 7000}",
		    "alice>evil ACK",
		    "alice>evil BYE                          == none",
		    "alice<evil 200");
}

/* The same of what the peer names. */
static void no_remote(void **state)
{
#define NOWHERE(address)                                      \
	"alice<evil INVITE {=" address " audio 7000}",        \
	"alice>evil 200 {audio 20000}                == none", \
	"alice<evil ACK"
	LADDER_NAT4("inside alice",
		    "alice<evil INVITE {audio 7000}",
		    "alice>evil 200 {audio 20000}            == alice:20000<>evil:7000",
		    "alice<evil ACK",
		    "# where the address is the reason the port is not",
		    "alice<evil INVITE {=192.168.1.1 audio 53}",
		    "alice>evil 200 {audio 20000}            == none",
		    "says an address of our own side, multicast or loopback: no pinhole (192.168.1.1:53)",
		    "alice<evil ACK",
		    NOWHERE("255.255.255.255"),
		    NOWHERE("192.168.255.255"),
		    NOWHERE("::ffff:10.255.255.255"),
		    NOWHERE("192.168.1.1"),
		    NOWHERE("203.0.113.1"),
		    NOWHERE("127.0.0.1"),
		    NOWHERE("240.0.0.1"),
		    NOWHERE("239.1.1.1"),
		    NOWHERE("::ffff:127.0.0.1"),
		    NOWHERE("::198.51.100.9"),
		    "alice>evil BYE",
		    "alice<evil 200");
}

/* The far side names the public endpoint that the call itself has. */
static void own_mapping(void **state)
{
	LADDER_NAT("inside alice, bob",
		   "alice>evil INVITE {audio 20000}",
		   "alice<evil 200 {^ audio 20000}              == none",
		   "says the call's own public endpoint",
		   "alice>evil ACK",
		   "alice<evil INVITE {^ audio 20001 mux}",
		   "alice>evil 200 {audio 20000 mux}",
		   "alice<evil ACK",
		   "alice>evil BYE",
		   "alice<evil 200",
		   "# known before the answer, as another call of the same host has it",
		   "alice>evil#2 INVITE {audio 20000}",
		   "alice<evil#2 200 {audio 7000}               == alice:20000<>evil:7000",
		   "alice>evil#2 ACK",
		   "alice<evil#3 INVITE {^ audio 20000}",
		   "alice>evil#3 200 {audio 20000}",
		   "alice<evil#3 ACK",
		   "# another host's is a call that was turned around to us",
		   "bob<evil#4 INVITE {^ audio 20000}",
		   "bob>evil#4 200 {audio 20002}"
		   "  == alice:20000<>evil:7000, bob:20002<>wan:20000",
		   "bob<evil#4 ACK",
		   "bob>evil#4 BYE                              == alice:20000<>evil:7000",
		   "bob<evil#4 200",
		   "alice>evil#3 BYE",
		   "alice<evil#3 200",
		   "alice>evil#2 BYE                            == none",
		   "alice<evil#2 200");
}

/* Who has sent to one remote has not sent to another: a pinhole that waits begins anew. */
static void another_remote(void **state)
{
	LADDER("inside alice, victim",
	       "alice>evil INVITE {@victim audio 20000 mux}",
	       "alice<evil 200 {audio 7000 mux}             == victim:20000~<>evil:7000+c",
	       "alice>evil ACK",
	       "alice<evil INVITE {audio 7000 sendonly mux}",
	       "alice>evil 200 {@victim audio 20000 recvonly mux}     == victim:20000~<evil:7000+c",
	       "same pinhole",
	       "alice<evil ACK",
	       "alice<evil INVITE {audio 7002 mux}",
	       "alice>evil 200 {@victim audio 20000 mux}    == victim:20000~<>evil:7002+c",
	       "another pinhole",
	       "alice<evil ACK",
	       "alice>evil BYE                              == none",
	       "alice<evil 200",
	       "# one's own stays what it is",
	       "alice>evil#2 INVITE {audio 20000 mux}",
	       "alice<evil#2 200 {audio 7000 mux}           == alice:20000<>evil:7000+c",
	       "alice>evil#2 ACK",
	       "another pinhole",
	       "alice<evil#2 INVITE {audio 7002 mux}",
	       "alice>evil#2 200 {audio 20000 mux}          == alice:20000<>evil:7002+c",
	       "same pinhole",
	       "alice<evil#2 ACK",
	       "alice>evil#2 BYE                            == none",
	       "alice<evil#2 200");
}

/* A port that a neighbour's call has, named with ICE credentials: what was refused is not taken up again by a
 * description that names no place (RFC 8840), nor by a hold. */
static void others_mapping(void **state)
{
#define CREDENTIALS "mux a=ice-ufrag:abcd a=ice-pwd:abcdefghijklmnopqrstuv}"
#define ANSWER "alice<evil 200 {audio 7000 mux a=ice-ufrag:efgh a=ice-pwd:abcdefghijklmnopqrstuw}", "alice>evil ACK"
	LADDER_NAT4("inside alice, bob",
		    "bob<carol INVITE {audio 7000}",
		    "bob>carol 200 {audio 20000}             == bob:20000<>carol:7000",
		    "bob<carol ACK",
		    "alice>evil INVITE {=203.0.113.1 audio 20000 " CREDENTIALS,
		    ANSWER,
		    "says no address that can be served",
		    "alice>evil INVITE {=0.0.0.0 audio 9 " CREDENTIALS,
		    ANSWER,
		    "alice>evil INVITE {=0.0.0.0 audio 20000 " CREDENTIALS,
		    ANSWER,
		    "# this gateway, and a name",
		    "alice>evil INVITE {=192.168.1.1 audio 20002 " CREDENTIALS,
		    ANSWER,
		    "alice>evil INVITE {=0.0.0.0 audio 9 " CREDENTIALS,
		    ANSWER,
		    "alice>evil BYE",
		    "alice<evil 200");
#undef CREDENTIALS
#undef ANSWER
}

/* What a STUN server saw is our public address with a port that nobody has; which base it stands for is not said
 * (RFC 8839 5.1: raddr may be 0.0.0.0). The host candidate is. */
static void srflx_without_base(void **state)
{
#define CREDENTIALS "mux a=ice-ufrag:abcd a=ice-pwd:abcdefghijklmnopqrstuv"
#define ANSWER "alice<evil 200 {audio 7000 mux a=ice-ufrag:efgh a=ice-pwd:abcdefghijklmnopqrstuw}"
	LADDER_NAT4("inside alice, victim",
		    "any port",
		    "alice>evil INVITE {=203.0.113.1 audio 40000 " CREDENTIALS
		    " a=candidate:1_1_UDP_10_192.168.1.10_20000_typ_host"
		    " a=candidate:2_1_UDP_9_203.0.113.1_40000_typ_srflx_raddr_0.0.0.0_rport_0}",
		    ANSWER "  == alice:20000<>evil:7000+c+s",
		    "alice>evil ACK",
		    "alice>evil BYE                          == none",
		    "alice<evil 200",
		    "# no host candidate: refused as before",
		    "alice>evil#2 INVITE {=203.0.113.1 audio 40000 " CREDENTIALS
		    " a=candidate:2_1_UDP_9_203.0.113.1_40000_typ_srflx_raddr_0.0.0.0_rport_0}",
		    "alice<evil#2 200 {audio 7000 mux a=ice-ufrag:efgh a=ice-pwd:abcdefghijklmnopqrstuw}" " == none",
		    "says an address of this gateway",
		    "alice>evil#2 ACK",
		    "alice>evil#2 BYE",
		    "alice<evil#2 200");
#undef CREDENTIALS
#undef ANSWER
}

/* clang-format on */

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_host),	   cmocka_unit_test(parts_of_it),
		cmocka_unit_test(rtcp_of_another), cmocka_unit_test(ice_of_another),
		cmocka_unit_test(speaker),	   cmocka_unit_test(speaker_from_now_on),
		cmocka_unit_test(inside_ports),	   cmocka_unit_test(remote_ports),
		cmocka_unit_test(no_host),	   cmocka_unit_test(no_remote),
		cmocka_unit_test(own_mapping),	   cmocka_unit_test(another_remote),
		cmocka_unit_test(others_mapping),  cmocka_unit_test(srflx_without_base),
	};

	return cmocka_run_group_tests_name("What an inside host may open", tests, NULL, NULL);
}
