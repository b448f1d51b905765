// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who shares a segment with a WAN device: packets straight to private inside addresses, frames of other
 * VLANs and other stations, source routes, and sources that nobody can have. What the stack would not take
 * is not ours, and what passes is not touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "lab.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t everybody[6] = { 255, 255, 255, 255, 255, 255 };
static const uint8_t a_group[6] = { 1, 0, 0x5e, 0, 0, 1 };
/* behind the ports and the sequence number, which the tests take from a UDP header: SYN; SYN and ACK; ACK */
static const uint8_t syn[12] = { 0, 0, 0, 0, 0x50, 0x02 };
static const uint8_t syn_ack[12] = { 0, 0, 0, 0, 0x50, 0x12 };
static const uint8_t ack[12] = { 0, 0, 0, 0, 0x50, 0x10 };
static const uint8_t lsrr[4] = { 131, 3, 4, 0 }, ssrr[4] = { 137, 3, 4, 0 },
		     behind_nop[4] = { 1, 131, 3, 4 }, torn[4] = { 7, 0, 0, 0 },
		     long_one[4] = { 7, 5, 4, 0 }, record[4] = { 7, 4, 8, 0 },
		     behind_end[4] = { 0, 131, 3, 4 }, alert[4] = { 148, 4, 0, 0 };

#define WAN(v6, d4, d6, dp) \
	.src = (v6) ? PEER6 : PEER4, .dst = (v6) ? (d6) : (d4), .sport = PEER_PORT, .dport = (dp)
#define TCP_OF(bytes_) .proto = IPPROTO_TCP, .pay = PAY_BYTES, .bytes = (bytes_), .len = 12

static void both(const char *name, const struct pkt *p, int reason)
{
	bool tc_only = reason == RF_R_INSIDE_DIRECT || p->proto == IPPROTO_TCP;

	lab_case(name, WAN_IN, p, reason, NULL);
	lab_case(name, XDP, p, tc_only ? RF_R_NOT_OURS : reason, NULL);
}

static void signalling_endpoint(const char *a, uint16_t port)
{
	struct rf_pinhole ph = ph_new(strchr(a, ':') != NULL, RF_DIR_OUT);

	ph.classes = RF_CLASS_SIP;
	ph.deadline_ns = 1;
	ph_set(a, port, RF_DIR_OUT, &ph);
}

/* ---- straight to an inside host of mode nat ---- */

static void test_direct_udp(void **state)
{
	struct rf_pinhole ph;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		struct pkt p = { WAN(v6, IN4, IN6, 5060), .pay = PAY_SIP };

		both("SIP", &p, RF_R_INSIDE_DIRECT);
		p.dport = 5070;
		both("SIP, second port", &p, RF_R_INSIDE_DIRECT);
		p.dport = 5080;
		both("a port of nobody's", &p, RF_R_NOT_OURS);
		signalling_endpoint(v6 ? IN6 : IN4, 5080);
		both("a signalling endpoint", &p, RF_R_INSIDE_DIRECT);
		p.pay = PAY_RTP;
		p.dport = IN_PORT;
		both("RTP to a call", &p, RF_R_INSIDE_DIRECT);
		lab_forget_limits();
		lab_case("the same", WAN_IN, &p, RF_R_INSIDE_DIRECT, NULL);
		assert_int_equal(lab.event.pinhole_id, PH_ID);
		assert_int_equal(lab.event.call_id, CALL_ID);
		p.sport = 53;
		p.pay = PAY_ZERO;
		both("anything to a call", &p, RF_R_INSIDE_DIRECT);
		ph = ph_new(v6, RF_DIR_OUT);
		ph.state = RF_PINHOLE_CLOSED;
		ph_set(v6 ? IN6 : IN4, IN_PORT, RF_DIR_OUT, &ph);
		both("a call that ended", &p, RF_R_INSIDE_DIRECT);
		p.dport = IN_PORT + 2;
		both("an answer of DNS", &p, RF_R_NOT_OURS);
		p.dst = v6 ? "fd00::3" : "10.0.0.3";
		p.dport = IN_PORT;
		both("to another host", &p, RF_R_NOT_OURS);
		p.proto = IPPROTO_GRE;
		p.dst = v6 ? IN6 : IN4;
		both("not UDP", &p, RF_R_NOT_OURS);
		p.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		both("ICMP", &p, RF_R_NOT_OURS);
	}
}

static void test_direct_tcp(void **state)
{
	struct pkt p;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		p = (struct pkt){ WAN(v6, IN4, IN6, 5060), TCP_OF(syn) };
		both("SYN", &p, RF_R_INSIDE_DIRECT);
		p.bytes = ack;
		both("in the middle", &p, RF_R_INSIDE_DIRECT);
		p.bytes = syn;
		p.dport = 80;
		both("HTTP", &p, RF_R_NOT_OURS);
		p.dport = 5061;
		signalling_endpoint(v6 ? IN6 : IN4, 5061);
		both("to a signalling endpoint", &p, RF_R_INSIDE_DIRECT);
		p.bytes = syn_ack;
		both("answer to its own", &p, RF_R_NOT_OURS);
		p.dport = IN_PORT;
		p.bytes = syn;
		both("the number of a call's UDP port", &p, RF_R_NOT_OURS);
	}
	/* what a reader of the header alone would not see */
	p = (struct pkt){ WAN(false, IN4, IN6, 5060), TCP_OF(syn), .mf = true };
	both("first fragment", &p, RF_R_INSIDE_DIRECT);
	p.opts = 8;
	both("behind options", &p, RF_R_INSIDE_DIRECT);
	p.dst = ROUTED4;
	both("first fragment to a routed host", &p, RF_R_TCP_FRAGMENT);
	p.dport = 80;
	both("of HTTP", &p, RF_R_NOT_OURS);
	p = (struct pkt){ WAN(true, IN4, IN6, 5060), TCP_OF(syn), .ext = { 60, 60 } };
	both("behind extension headers", &p, RF_R_INSIDE_DIRECT);
	p.dst = ROUTED6;
	both("the same to a routed host", &p, RF_R_TCP_HELD);
	p.ext[1] = 44;
	p.mf = true;
	both("fragment to a routed host", &p, RF_R_TCP_FRAGMENT);
	p.dst = IN6;
	both("fragment behind extension headers", &p, RF_R_INSIDE_DIRECT);
}

static void test_direct_fragments(void **state)
{
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		struct pkt first = { WAN(v6, IN4, IN6, 5060), .pay = PAY_SIP, .mf = true, .id = 7 };
		struct pkt later = { WAN(v6, IN4, IN6, 0), .pay = PAY_BYTES, .bytes = syn, .len = 8,
				     .frag = 408,	   .id = 7 };

		if (v6)
			first.ext[0] = later.ext[0] = 44;
		lab_case("later, too early", WAN_IN, &later, RF_R_NOT_OURS, NULL);
		lab_case("first of SIP", WAN_IN, &first, RF_R_INSIDE_DIRECT, NULL);
		lab_case("later of SIP", WAN_IN, &later, RF_R_INSIDE_DIRECT, NULL);
		first.id = later.id = 8;
		first.dport = IN_PORT;
		lab_case("first to a call", WAN_IN, &first, RF_R_INSIDE_DIRECT, NULL);
		lab_case("later to a call", WAN_IN, &later, RF_R_INSIDE_DIRECT, NULL);
		first.id = later.id = 9;
		first.dport = 40000;
		lab_case("first of DNS", WAN_IN, &first, RF_R_NOT_OURS, NULL);
		lab_case("later of DNS", WAN_IN, &later, RF_R_NOT_OURS, NULL);
		lab_settings(RF_POLICY_INSIDE_DIRECT);
		first.id = later.id = 10;
		first.dport = 5060;
		lab_case("first, allowed", WAN_IN, &first, RF_R_NOT_OURS, NULL);
		lab_case("later, allowed", WAN_IN, &later, RF_R_NOT_OURS, NULL);
		lab_settings(0);
	}
}

/*
 * RFC 7112: a first fragment whose extension header goes on in the second, and bytes behind its end
 * that say it were TCP.
 */
static void test_direct_torn_headers(void **state)
{
	struct pkt p = { WAN(true, IN4, IN6, 5060), .pay = PAY_SIP, .ext = { 44, 60, 60 },
			 .mf = true };
	static struct result r;
	uint8_t a[1024];
	int n = pkt_build(&p, a);

	put16(a + 14 + 4, 16); /* of the chain only the fragment header and the first of two */
	a[14 + 40 + 16] = IPPROTO_GRE;
	lab_run(WAN_IN, a, n, &r);
	assert_int_equal(r.code, TC_ACT_SHOT);
	lab_expect_count("torn", RF_R_TRUNCATED);
	p = (struct pkt){ WAN(true, IN4, IN6, 5060),
			  .ext = { 255, 60, 60, 60, 60, 60, 60, 60, 60 } };
	lab_case("nine extension headers", WAN_IN, &p, RF_R_BAD_HEADER, NULL);
	lab_settings(RF_POLICY_INSIDE_DIRECT);
	lab_case("nine, allowed", WAN_IN, &p, RF_R_NOT_OURS, NULL);
}

static void test_direct_allowed(void **state)
{
	struct pkt p = { WAN(false, IN4, IN6, 5060), .pay = PAY_SIP };
	struct pkt t = { WAN(true, IN4, IN6, 5060), TCP_OF(syn) };

	lab_settings(RF_POLICY_INSIDE_DIRECT);
	both("SIP by UDP", &p, RF_R_NOT_OURS);
	both("SIP by TCP", &t, RF_R_NOT_OURS);
	p.dport = IN_PORT;
	both("media", &p, RF_R_NOT_OURS);
}

/* `sip.except`: a PBX on a routed private address that others manage; of a call's endpoint it says nothing. */
static void test_direct_excepted(void **state)
{
	struct rf_sip_except x = { 0 };
	struct rf_ep k;
	int v6;

	lab_settings(RF_POLICY_SIP_EXCEPTS);
	for (v6 = 0; v6 < 2; v6++) {
		struct pkt p = { WAN(v6, IN4, IN6, 5060), .pay = PAY_SIP };
		struct pkt t = { WAN(v6, IN4, IN6, 5060), TCP_OF(syn) };

		both("UDP, not named", &p, RF_R_INSIDE_DIRECT);
		both("TCP, not named", &t, RF_R_INSIDE_DIRECT);
		k = ep(v6 ? IN6 : IN4, 5060);
		map_set(lab.skel->maps.sip_excepts, &k, &x);
		both("UDP", &p, RF_R_NOT_OURS);
		both("TCP", &t, RF_R_NOT_OURS);
		t.bytes = ack;
		both("TCP, in the middle", &t, RF_R_NOT_OURS);
		p.dport = t.dport = 5070;
		both("its other port, UDP", &p, RF_R_INSIDE_DIRECT);
		both("its other port, TCP", &t, RF_R_INSIDE_DIRECT);
		p.dport = IN_PORT;
		both("a call", &p, RF_R_INSIDE_DIRECT);
	}
}

/* A WAN with private addresses: its own, and what is behind it, lie in an inside prefix. */
static void test_direct_private_wan(void **state)
{
	struct pkt p = { WAN(false, PUB4, PUB6, 5060), .pay = PAY_SIP };
	struct pkt transit = { WAN(false, PEER4, PEER6, 5060), .pay = PAY_SIP };
	struct pkt t = { WAN(false, PEER4, PEER6, 5060), TCP_OF(syn) };

	lab_inside("198.51.100.0", 24, RF_MODE_NAT);
	lab_inside("203.0.113.0", 24, RF_MODE_NAT);
	lab_case("its own address", WAN_IN, &p, RF_R_SIP_HELD, NULL);
	lab_case("back out by a WAN device", WAN_IN, &transit, RF_R_NOT_OURS, NULL);
	lab_case("TCP too", WAN_IN, &t, RF_R_NOT_OURS, NULL);
	/* the gateway's own address on the inside */
	p.dst = "10.0.0.1";
	lab_case("the gateway itself", WAN_IN, &p, RF_R_INSIDE_DIRECT, NULL);
}

/* ---- frames that are not the device's ---- */

static void test_other_vlan(void **state)
{
	struct pkt p;
	int v6, i;

	for (i = 1; i <= 2; i++)
		for (v6 = 0; v6 < 2; v6++) {
			p = (struct pkt){ WAN(v6, PUB4, PUB6, PUB_PORT), .tags = i, .vid = 100 };
			both("media", &p, RF_R_OTHER_VLAN);
			p.dport = PUB_PORT + 2;
			both("to no pinhole", &p, RF_R_OTHER_VLAN);
			p.dport = 5060;
			p.pay = PAY_SIP;
			both("SIP", &p, RF_R_OTHER_VLAN);
			p.dst = v6 ? IN6 : IN4;
			both("SIP to a nat host", &p, RF_R_OTHER_VLAN);
			p = (struct pkt){ .src = v6 ? IN6 : IN4,
					  .dst = v6 ? PEER6 : PEER4,
					  .sport = IN_PORT,
					  .dport = PEER_PORT,
					  .dmac = lab_mac_l0,
					  .tags = i,
					  .vid = 4095 };
			lab_case("media, inside", INSIDE_IN, &p, RF_R_OTHER_VLAN, NULL);
			lab_case("media, inside", INSIDE_XDP, &p, RF_R_NONE, NULL);
			p.dport = 5060;
			lab_case("SIP, inside", INSIDE_IN, &p, RF_R_OTHER_VLAN, NULL);
			p.src = v6 ? PUB6 : PUB4;
			p.sport = 5060;
			lab_case("SIP of this host", WAN_OUT, &p, RF_R_OTHER_VLAN, NULL);
			p = (struct pkt){ WAN(v6, ROUTED4, ROUTED6, 5060), TCP_OF(syn), .tags = i,
					  .vid = 1 };
			both("TCP", &p, RF_R_OTHER_VLAN);
		}
}

static void send_frame(int fd, const struct pkt *p, int outer)
{
	uint8_t a[2048];
	int n = pkt_build(p, a);

	if (outer) { /* one more tag in front */
		memmove(a + 16, a + 12, n - 12);
		put16(a + 12, 0x8100);
		put16(a + 14, outer);
		n += 4;
	}
	assert_int_equal(send(fd, a, n, 0), n);
	usleep(20000); /* until it has come to the hooks of the other end */
}

static void expect_vlans(const char *name, int others, int own)
{
	__u64 now[RF_R_MAX];
	int i;

	for (i = 0; i < 100; i++) { /* a slow machine's softirq */
		lab_read_counts(now);
		if (now[RF_R_OTHER_VLAN] - lab.counts[RF_R_OTHER_VLAN] == (__u64)others &&
		    now[RF_R_NO_PINHOLE] - lab.counts[RF_R_NO_PINHOLE] == (__u64)own)
			break;
		usleep(20000);
	}
	if (i == 100)
		fail_msg("%s: %d of other VLANs, %d own", name,
			 (int)(now[RF_R_OTHER_VLAN] - lab.counts[RF_R_OTHER_VLAN]),
			 (int)(now[RF_R_NO_PINHOLE] - lab.counts[RF_R_NO_PINHOLE]));
	memcpy(lab.counts, now, sizeof(now));
}

/* As the kernel hands them over: tags beside the frame, and the untagged frame on the VLAN's device. */
static void test_vlan_live(void **state)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("w1") };
	struct pkt p = { WAN(false, PUB4, PUB6, PUB_PORT + 2) };
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = lab.w0,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	bool vlan = !system("ip link add link w0 name w0.100 type vlan id 100 2>/dev/null");

	assert_true(fd >= 0 && !bind(fd, (void *)&to, sizeof(to)));
	if (vlan) {
		sh("ip link set w0.100 up");
		lab_attach_tc(if_nametoindex("w0.100"), BPF_TC_INGRESS, lab.skel->progs.rf_wan_in);
	} else {
		print_message("no VLAN devices in this kernel\n");
	}
	lab_attach_tc(lab.w0, BPF_TC_INGRESS, lab.skel->progs.rf_wan_in);
	usleep(100000); /* what the devices say by themselves */
	lab_read_counts(lab.counts);
	send_frame(fd, &p, 0);
	expect_vlans("untagged", 0, 1);
	p.tags = 1;
	send_frame(fd, &p, 0);
	expect_vlans("priority", 0, 1);
	p.vid = 100;
	send_frame(fd, &p, 0);
	expect_vlans("VLAN 100", 1, vlan);
	p.vid = 200;
	send_frame(fd, &p, 0);
	expect_vlans("VLAN 200", 1, 0);
	send_frame(fd, &p, 100);
	expect_vlans("VLAN 200 in 100", 1 + vlan, 0);
	p.vid = 0;
	send_frame(fd, &p, 100);
	expect_vlans("priority in VLAN 100", 1, vlan);
	close(fd);
	if (vlan)
		sh("ip link del w0.100");
	assert_int_equal(bpf_tc_hook_destroy(&hook), 0);
}

/* XDP leaves to TC what the stack will look at twice; TC judges, and delivers nothing. */
static void test_other_stations(void **state)
{
	const uint8_t *groups[] = { everybody, a_group };
	struct pkt in, out, sip;
	size_t i;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		in = (struct pkt){ WAN(v6, PUB4, PUB6, PUB_PORT) };
		out = (struct pkt){ .src = v6 ? IN6 : IN4,
				    .dst = v6 ? PEER6 : PEER4,
				    .sport = IN_PORT,
				    .dport = PEER_PORT };
		sip = (struct pkt){ WAN(v6, PUB4, PUB6, 5060), .pay = PAY_SIP };
		for (i = 0; i < ARRAY_SIZE(groups); i++) {
			in.dmac = out.dmac = sip.dmac = groups[i];
			lab_case("media", WAN_IN, &in, RF_R_LINK_BROADCAST, NULL);
			lab_case("media, XDP", XDP, &in, RF_R_NONE, NULL);
			lab_case("media, inside", INSIDE_IN, &out, RF_R_LINK_BROADCAST, NULL);
			lab_case("media, inside XDP", INSIDE_XDP, &out, RF_R_NONE, NULL);
			lab_case("SIP", WAN_IN, &sip, RF_R_SIP_HELD, NULL);
			in.dport = PUB_PORT + 2;
			lab_case("to no pinhole", WAN_IN, &in, RF_R_NO_PINHOLE, NULL);
			in.dport = PUB_PORT;
		}
		in.dmac = out.dmac = lab_mac_in;
		lab_case("another station", WAN_IN, &in, RF_R_NONE, NULL);
		lab_case("another station, XDP", XDP, &in, RF_R_NONE, NULL);
		lab_case("another station, inside", INSIDE_XDP, &out, RF_R_NONE, NULL);
		in.dport = PUB_PORT + 2;
		lab_case("another station, no pinhole", XDP, &in, RF_R_NONE, NULL);
	}
}

/* XDP knows its device's address from TC, and follows it when it changes. */
static void test_own_mac(void **state)
{
	static const uint8_t none[6], other[6] = { 2, 0, 0, 0, 0, 9 };
	struct pkt p = { WAN(false, PUB4, PUB6, PUB_PORT + 2) };

	lab_own_mac(lab.w0, none);
	lab_case("not known yet", XDP, &p, RF_R_NONE, NULL);
	lab_case("seen by TC", WAN_IN, &p, RF_R_NO_PINHOLE, NULL);
	lab_case("known", XDP, &p, RF_R_NO_PINHOLE, NULL);
	p.dmac = other;
	lab_case("somebody else's", XDP, &p, RF_R_NONE, NULL);
	p.dmac = NULL;
	lab_own_mac(lab.w0 + 64, other); /* some container's device */
	lab_own_mac(lab.w0 + 1024, other);
	lab_case("known for all that", XDP, &p, RF_R_NO_PINHOLE, NULL);
	p.dmac = other;
	sh("ip link set w0 address 02:00:00:00:00:09");
	lab_case("ours now", WAN_IN, &p, RF_R_NO_PINHOLE, NULL);
	lab_case("known, too", XDP, &p, RF_R_NO_PINHOLE, NULL);
	p.dmac = lab_mac_w0;
	lab_case("no longer ours", XDP, &p, RF_R_NONE, NULL);
	sh("ip link set w0 address 02:00:00:00:00:01");
}

/* ---- source routes ---- */

static const struct {
	const char *name;
	const uint8_t *opt;
	int opts;
	bool refused;
} options[] = {
	{ "LSRR", lsrr, 4, true },
	{ "LSRR of many", lsrr, 40, true },
	{ "SSRR", ssrr, 4, true },
	{ "LSRR behind a NOP", behind_nop, 4, true },
	{ "without a length", torn, 4, true },
	{ "longer than the header", long_one, 4, true },
	{ "route record", record, 4, false },
	{ "behind the end of the list", behind_end, 4, false },
	{ "router alert", alert, 8, false },
	{ "NOPs", NULL, 40, false },
};

static void test_source_route(void **state)
{
	struct rf_pinhole ph;
	struct pkt p, q;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		bool no = options[i].refused;

		lab_reset();
		p = (struct pkt){ WAN(false, PUB4, PUB6, PUB_PORT), .opt = options[i].opt,
				  .opts = options[i].opts };
		q = p;
		q.dst = IN4;
		q.dport = IN_PORT;
		q.ttl = 63;
		if (no) {
			both(options[i].name, &p, RF_R_SOURCE_ROUTED);
		} else {
			q.dmac = lab_mac_in;
			q.smac = lab_mac_l0;
			lab_case(options[i].name, XDP, &p, RF_R_MEDIA_XDP, &q);
		}
		ph = ph_new(false, RF_DIR_IN);
		ph.flags |= RF_PH_LOCAL;
		ph.flags &= ~RF_PH_XLATE;
		ph_set(PUB4, 20000, RF_DIR_IN, &ph);
		p.dport = 20000;
		lab_case("to this host", WAN_IN, &p, no ? RF_R_SOURCE_ROUTED : RF_R_MEDIA_LOCAL,
			 NULL);
		p.dport = 1234;
		both("to a port that is not guarded", &p, RF_R_NOT_GUARDED);
		p.dport = 5060;
		p.pay = PAY_SIP;
		lab_case("SIP", WAN_IN, &p, no ? RF_R_SOURCE_ROUTED : RF_R_SIP_HELD, NULL);
		p.mf = true;
		lab_case("SIP in fragments", WAN_IN, &p,
			 no ? RF_R_MEDIA_FRAGMENT : RF_R_FRAGMENT_HELD, NULL);
		p = (struct pkt){ .src = IN4,
				  .dst = PEER4,
				  .sport = 5060,
				  .dport = 5060,
				  .dmac = lab_mac_l0,
				  .opt = options[i].opt,
				  .opts = options[i].opts,
				  .pay = PAY_SIP };
		lab_case("SIP from inside", INSIDE_IN, &p, no ? RF_R_NOT_OURS : RF_R_SIP_HELD,
			 NULL);
		p.src = PUB4;
		p.dmac = NULL;
		lab_case("SIP of this host", WAN_OUT, &p, no ? RF_R_NOT_OURS : RF_R_SIP_HELD, NULL);
		p = (struct pkt){ WAN(false, ROUTED4, ROUTED6, 5060), TCP_OF(syn),
				  .opt = options[i].opt, .opts = options[i].opts };
		lab_case("TCP", WAN_IN, &p, no ? RF_R_SOURCE_ROUTED : RF_R_TCP_HELD, NULL);
	}
}

static void test_segments(void **state)
{
	struct pkt p = { WAN(true, PUB4, PUB6, PUB_PORT), .ext = { 43 }, .segments = 1 };

	both("media", &p, RF_R_SOURCE_ROUTED);
	p.dport = 1234;
	both("not guarded", &p, RF_R_NOT_GUARDED);
	p.dst = IN6;
	both("to an inside host, another port", &p, RF_R_NOT_OURS);
	p.dport = 5060;
	both("to an inside host, SIP", &p, RF_R_INSIDE_DIRECT);
	p.dst = PUB6;
	lab_case("SIP", WAN_IN, &p, RF_R_SOURCE_ROUTED, NULL);
	p = (struct pkt){ WAN(true, ROUTED4, ROUTED6, 5060), TCP_OF(syn), .ext = { 43 },
			  .segments = 1 };
	both("TCP", &p, RF_R_SOURCE_ROUTED);
	p = (struct pkt){ .src = IN6,
			  .dst = PEER6,
			  .sport = IN_PORT,
			  .dport = PEER_PORT,
			  .dmac = lab_mac_l0,
			  .ext = { 43 },
			  .segments = 1 };
	lab_case("from inside", INSIDE_IN, &p, RF_R_NOT_OURS, NULL);
}

/* ---- sources ---- */

static void test_spoofed_sources(void **state)
{
	static const char *const sources[] = {
		PUB4, "127.0.0.1", "0.0.0.0", "224.0.1.75", "255.255.255.255",
		PUB6, "::1",	   "::",      "ff02::1"
	};
	struct pkt p;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		bool v6 = strchr(sources[i], ':');
		struct rf_pinhole ph = ph_new(v6, RF_DIR_IN);
		int k;

		lab_reset();
		ph.remote.addr = addr(sources[i]);
		ph_set(v6 ? PUB6 : PUB4, PUB_PORT, RF_DIR_IN, &ph);
		p = (struct pkt){ .src = sources[i],
				  .dst = v6 ? PUB6 : PUB4,
				  .sport = PEER_PORT,
				  .dport = PUB_PORT };
		for (k = 0; k < 20; k++) { /* nor once the next hop is known */
			lab_case(sources[i], XDP, &p, RF_R_TO_TC, NULL);
			lab_case(sources[i], WAN_IN, &p, RF_R_SPOOFED_SOURCE, NULL);
		}
		p.dport = 5060;
		p.pay = PAY_SIP;
		lab_case(sources[i], WAN_IN, &p, RF_R_SPOOFED_SOURCE, NULL);
		p = (struct pkt){
			.src = sources[i], .dst = v6 ? ROUTED6 : ROUTED4, .dport = 5060, TCP_OF(syn)
		};
		lab_case(sources[i], WAN_IN, &p, RF_R_SPOOFED_SOURCE, NULL);
	}
}

/* Two inside hosts who know each other by our address: turned around, such a packet is one of ours. */
static void test_turned_around(void **state)
{
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);
	struct pkt p = { .src = PUB4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT };
	static struct result r;
	uint8_t a[512];
	int n = pkt_build(&p, a), i;
	__u32 mark;

	ph.remote.addr = addr(PUB4);
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	lab_control(now_ns(), 0xbeef);
	for (i = 0; i < 40; i++) {
		mark = 0xbeef ^ 1;
		assert_int_equal(lab_run_mark(WAN_IN, a, n, &r, &mark), 0);
		assert_int_equal(r.code, TC_ACT_REDIRECT);
		lab_expect_count("turned around", RF_R_MEDIA_TC);
	}
	lab_case("from the wire", WAN_IN, &p, RF_R_SPOOFED_SOURCE, NULL);
	/* nor by waiting behind signalling, which would bring it back as one of ours */
	ph.state = RF_PINHOLE_CLOSED;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	lab_progress(1, 0);
	lab_case("closed, something may open it", WAN_IN, &p, RF_R_PINHOLE_CLOSED, NULL);
	p.src = PEER4;
	ph.remote.addr = addr(PEER4);
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	lab_case("who may wait", WAN_IN, &p, RF_R_MEDIA_PARKED, NULL);
}

/* In an IPv6 header, IPv4's addresses: the key of the maps would be the same. */
static void test_v4_mapped(void **state)
{
	static const char mapped_pub[] = "::ffff:198.51.100.1",
			  mapped_peer[] = "::ffff:203.0.113.10";
	struct pkt p = {
		.src = mapped_peer, .dst = mapped_pub, .sport = PEER_PORT, .dport = PUB_PORT
	};
	struct rf_addr pub = addr(PUB4), peer = addr(PEER4), a = addr(mapped_pub),
		       b = addr(mapped_peer);

	assert_memory_equal(&a, &pub, sizeof(a));
	assert_memory_equal(&b, &peer, sizeof(b));
	both("media", &p, RF_R_NOT_OURS);
	p.dport = 5060;
	p.pay = PAY_SIP;
	both("SIP", &p, RF_R_NOT_OURS);
	p = (struct pkt){ .src = mapped_peer, .dst = PUB6, .dport = 5060, .pay = PAY_SIP };
	both("SIP, a real destination", &p, RF_R_NOT_OURS);
	p = (struct pkt){ .src = mapped_peer, .dst = mapped_pub, .dport = 5060, TCP_OF(syn) };
	both("TCP", &p, RF_R_NOT_OURS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_direct_udp, lab_setup),
		cmocka_unit_test_setup(test_direct_tcp, lab_setup),
		cmocka_unit_test_setup(test_direct_fragments, lab_setup),
		cmocka_unit_test_setup(test_direct_torn_headers, lab_setup),
		cmocka_unit_test_setup(test_direct_allowed, lab_setup),
		cmocka_unit_test_setup(test_direct_excepted, lab_setup),
		cmocka_unit_test_setup(test_direct_private_wan, lab_setup),
		cmocka_unit_test_setup(test_other_vlan, lab_setup),
		cmocka_unit_test_setup(test_vlan_live, lab_setup),
		cmocka_unit_test_setup(test_other_stations, lab_setup),
		cmocka_unit_test_setup(test_own_mac, lab_setup),
		cmocka_unit_test_setup(test_source_route, lab_setup),
		cmocka_unit_test_setup(test_segments, lab_setup),
		cmocka_unit_test_setup(test_spoofed_sources, lab_setup),
		cmocka_unit_test_setup(test_turned_around, lab_setup),
		cmocka_unit_test_setup(test_v4_mapped, lab_setup),
	};
	const struct CMUnitTest warm[] = {
		cmocka_unit_test_setup(test_other_vlan, lab_setup),
		cmocka_unit_test_setup(test_other_stations, lab_setup),
		cmocka_unit_test_setup(test_source_route, lab_setup),
		cmocka_unit_test_setup(test_spoofed_sources, lab_setup),
		cmocka_unit_test_setup(test_v4_mapped, lab_setup),
	};
	int failed = cmocka_run_group_tests(tests, lab_up, NULL);

	lab.warm = true;
	failed += cmocka_run_group_tests_name("next hops known", warm, NULL, NULL);
	lab.lines = true;
	return failed + cmocka_run_group_tests_name("inbound lines", warm, NULL, lab_down);
}
