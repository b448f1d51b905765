// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ordinary TCP and UDP takes the short way (bpf/stranger.h): it passes, is counted, and nothing else is noted. What
 * may be ours never does, wherever its port lies: pinholes beside the guarded range, signalling at odd ports, what
 * cannot be read, and what waits for the signalling in front of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "lab.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define OWN_HTTPS     443
#define ODD_PORT      9000 /* neither guarded nor signalling's */
#define GUARDED_PORT  20002

/* behind the ports and the sequence number, which the tests take from a UDP header */
static const uint8_t syn[12] = { 0, 0, 0, 0, 0x50, 0x02 };
static const uint8_t ack[12] = { 0, 0, 0, 0, 0x50, 0x10 };

#define TCP_OF(bytes_) .proto = IPPROTO_TCP, .pay = PAY_BYTES, .bytes = (bytes_), .len = 12
#define IN_BY_WAN(v6, d4, d6, dp) \
	.src = (v6) ? PEER6 : PEER4, .dst = (v6) ? (d6) : (d4), .sport = PEER_PORT, .dport = (dp)
#define OUT_BY_WAN(v6, sp, dp) \
	.src = (v6) ? PUB6 : PUB4, .dst = (v6) ? PEER6 : PEER4, .sport = (sp), .dport = (dp)
#define FROM_INSIDE(v6, sp, dp)                                                             \
	.src = (v6) ? IN6 : IN4, .dst = (v6) ? PEER6 : PEER4, .sport = (sp), .dport = (dp), \
	.dmac = lab_mac_l0

static __u64 bytes_of(__u32 reason)
{
	int cpus = libbpf_num_possible_cpus(), c;
	struct rf_counter *v = calloc(cpus, sizeof(*v));
	__u64 n = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.reasons), &reason, v), 0);
	for (c = 0; c < cpus; c++)
		n += v[c].bytes;
	free(v);
	return n;
}

static __u32 hook_of(enum hook h)
{
	return h == WAN_IN ? RF_HOOK_WAN_IN : h == WAN_OUT ? RF_HOOK_WAN_OUT : RF_HOOK_INSIDE_IN;
}

/* Has the hook read a packet's addresses? struct rf_pkt of bpf/packet.h: a time, then the source */
static bool looked_closely(enum hook h, const char *src)
{
	size_t size = bpf_map__value_size(lab.skel->maps.packets);
	int cpus = libbpf_num_possible_cpus(), c;
	struct rf_addr a = addr(src);
	uint8_t *v = calloc(cpus, size);
	__u32 hook = hook_of(h);
	bool looked = false;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.packets), &hook, v), 0);
	for (c = 0; c < cpus; c++)
		looked |= !memcmp(v + c * size + 8, &a, sizeof(a));
	free(v);
	return looked;
}

static void forget_packets(void)
{
	size_t size = bpf_map__value_size(lab.skel->maps.packets);
	void *none = calloc(libbpf_num_possible_cpus(), size);
	__u32 h;

	for (h = 0; h < RF_HOOK_MAX; h++)
		map_set(lab.skel->maps.packets, &h, none);
	free(none);
}

/* counts by its L3 length, as everywhere */
static void short_way(const char *name, enum hook h, const struct pkt *p, int reason)
{
	static uint8_t b[PKT_MAX];
	__u64 before = bytes_of(reason);

	forget_packets();
	lab_case(name, h, p, reason, NULL);
	if (looked_closely(h, p->src))
		fail_msg("%s: was looked at closely", name);
	assert_int_equal(bytes_of(reason) - before, pkt_build(p, b) - 14);
}

static void closely(const char *name, enum hook h, const struct pkt *p, int reason)
{
	forget_packets();
	lab_case(name, h, p, reason, NULL);
	if (!looked_closely(h, p->src))
		fail_msg("%s: was not looked at closely", name);
}

/* Whatever the device's MAC address is: it may look like the start of an IP header. */
static void test_tcp(void **state)
{
	static const uint8_t macs[][6] = { { 2, 0, 0, 0, 0, 1 },
					   { 0x42, 0, 0, 0, 0, 1 },
					   { 0x66, 0, 0, 0, 0, 1 } };
	char cmd[80];
	size_t i;
	int v6;

	for (i = 0; i < ARRAY_SIZE(macs); i++) {
		snprintf(cmd, sizeof(cmd), "ip link set w0 address %02x:00:00:00:00:01",
			 macs[i][0]);
		sh(cmd);
		for (v6 = 0; v6 < 2; v6++) {
			struct pkt p = { IN_BY_WAN(v6, PUB4, PUB6, OWN_HTTPS), TCP_OF(ack),
					 .dmac = macs[i] };

			short_way("in the middle", WAN_IN, &p, RF_R_NOT_OURS);
			p.bytes = syn;
			short_way("SYN", WAN_IN, &p, RF_R_NOT_OURS);
			p.dport = 5060;
			closely("SYN to a signalling port", WAN_IN, &p, RF_R_NOT_OURS);
		}
	}
	sh("ip link set w0 address 02:00:00:00:00:01");
}

static void signalling(const char *a, uint16_t port, int dir)
{
	struct rf_pinhole ph = ph_new(strchr(a, ':') != NULL, dir);

	ph.classes = RF_CLASS_SIP;
	ph.deadline_ns = 1;
	ph_set(a, port, dir, &ph);
}

/* A host's signalling has whatever port it chose. */
static void test_tcp_at_odd_ports(void **state)
{
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		struct pkt in = { IN_BY_WAN(v6, PUB4, PUB6, ODD_PORT), TCP_OF(syn) };
		struct pkt direct = { IN_BY_WAN(v6, IN4, IN6, ODD_PORT), TCP_OF(syn) };
		struct pkt out = { FROM_INSIDE(v6, ODD_PORT, OWN_HTTPS), TCP_OF(syn) };

		short_way("in", WAN_IN, &in, RF_R_NOT_OURS);
		short_way("straight inside", WAN_IN, &direct, RF_R_NOT_OURS);
		short_way("out", INSIDE_IN, &out, RF_R_NOT_OURS);
		signalling(in.dst, ODD_PORT, RF_DIR_IN);
		signalling(out.src, ODD_PORT, RF_DIR_OUT);
		closely("in, where signalling is", WAN_IN, &in, RF_R_TCP_HELD);
		closely("straight there", WAN_IN, &direct, RF_R_INSIDE_DIRECT);
		closely("out from there", INSIDE_IN, &out, RF_R_TCP_HELD);
	}
}

static void test_udp(void **state)
{
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		struct pkt in = { IN_BY_WAN(v6, PUB4, PUB6, ODD_PORT), .pay = PAY_ZERO, .len = 40 };
		struct pkt out = { OUT_BY_WAN(v6, ODD_PORT, 53), .pay = PAY_ZERO, .len = 40 };
		struct pkt from = { FROM_INSIDE(v6, ODD_PORT, 53), .pay = PAY_ZERO, .len = 40 };

		short_way("in", WAN_IN, &in, RF_R_NOT_GUARDED);
		short_way("out", WAN_OUT, &out, RF_R_NOT_GUARDED);
		short_way("from inside", INSIDE_IN, &from, RF_R_NOT_OURS);
		in.dport = GUARDED_PORT;
		closely("to a guarded port", WAN_IN, &in, RF_R_NO_PINHOLE);
		in.dport = 5060;
		closely("to a signalling port", WAN_IN, &in, RF_R_SIP_HELD);
		out.sport = GUARDED_PORT;
		closely("from a guarded port", WAN_OUT, &out, RF_R_BYSTANDER_OUT);
		out.sport = ODD_PORT;
		out.dport = 5060;
		closely("out to a signalling port", WAN_OUT, &out, RF_R_SIP_HELD);
		from.dport = 5060;
		closely("inside's to a signalling port", INSIDE_IN, &from, RF_R_SIP_HELD);
		/* for the address alone: its ports are none of ours */
		in.dst = v6 ? "2001:db8:77::1" : "198.18.0.1";
		in.dport = GUARDED_PORT;
		short_way("to somebody else", WAN_IN, &in, RF_R_NOT_OURS);
		in.dst = v6 ? IN6 : IN4;
		in.dport = ODD_PORT;
		closely("straight inside", WAN_IN, &in, RF_R_NOT_OURS);
	}
}

/* By `pinhole add`, or signalling's: wherever its port is */
static void test_pinholes_beside_the_range(void **state)
{
	struct rf_pinhole ph;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		struct pkt in = { IN_BY_WAN(v6, PUB4, PUB6, ODD_PORT), .pay = PAY_ZERO, .len = 40 };
		struct pkt from = { FROM_INSIDE(v6, ODD_PORT, PEER_PORT), .pay = PAY_ZERO,
				    .len = 40 };
		struct pkt rtp = { IN_BY_WAN(v6, PUB4, PUB6, ODD_PORT) };

		ph = ph_new(v6, RF_DIR_IN);
		ph_set(in.dst, ODD_PORT, RF_DIR_IN, &ph);
		ph = ph_new(v6, RF_DIR_OUT);
		ph_set(from.src, ODD_PORT, RF_DIR_OUT, &ph);
		closely("in", WAN_IN, &in, RF_R_NOT_MEDIA);
		closely("from inside", INSIDE_IN, &from, RF_R_NOT_MEDIA);
		rtp.sport = 9;
		closely("media from elsewhere", WAN_IN, &rtp, RF_R_WRONG_SOURCE);
		ph.flags |= RF_PH_LOCAL;
		from.src = v6 ? PUB6 : PUB4;
		ph_set(from.src, ODD_PORT, RF_DIR_OUT, &ph);
		closely("out", WAN_OUT, &from, RF_R_NOT_MEDIA);
	}
}

/* What cannot be read is not let through for its port. */
static void test_torn(void **state)
{
	static uint8_t b[PKT_MAX];
	struct pkt p = { IN_BY_WAN(false, PUB4, PUB6, ODD_PORT), .pay = PAY_ZERO, .len = 40 };
	int len = pkt_build(&p, b);
	static struct result r;

	b[14 + 20 + 4] = 0x70; /* the UDP length is more than there is */
	lab_run(WAN_IN, b, len, &r);
	lab_expect_count("longer than the packet", RF_R_TRUNCATED);
}

/* Media in front of which the offer still waits */
static void test_behind_signalling(void **state)
{
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		struct pkt p = { FROM_INSIDE(v6, ODD_PORT, PEER_PORT), .pay = PAY_STUN };

		lab_progress(1, 0);
		closely("signalling is on its way", INSIDE_IN, &p, RF_R_MEDIA_PARKED);
		lab_progress(1, 1);
		short_way("it is through", INSIDE_IN, &p, RF_R_NOT_OURS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_tcp, lab_setup),
		cmocka_unit_test_setup(test_tcp_at_odd_ports, lab_setup),
		cmocka_unit_test_setup(test_udp, lab_setup),
		cmocka_unit_test_setup(test_pinholes_beside_the_range, lab_setup),
		cmocka_unit_test_setup(test_torn, lab_setup),
		cmocka_unit_test_setup(test_behind_signalling, lab_setup),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
