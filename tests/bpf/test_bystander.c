// SPDX-License-Identifier: GPL-2.0-only
/*
 * What belongs to others: replies to flows that left from a guarded port, by our own table, by conntrack and by
 * connected sockets; what never counts (a call's endpoints, before and after its end, somebody who began
 * from outside); and ports that are excepted.
 */
#include "bpf/lab.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "rf_bystander.h"

#define DNS4  "203.0.113.53"
#define DNS6  "2001:db8:f::53"
#define OWN   20100 /* of a local or masqueraded flow */
#define FRESH 1 /* seconds */

static struct pkt query(bool v6, uint16_t own)
{
	return (struct pkt){ .src = v6 ? PUB6 : PUB4,
			     .dst = v6 ? DNS6 : DNS4,
			     .sport = own,
			     .dport = 53,
			     .pay = PAY_BYTES,
			     .bytes = (const uint8_t *)"?",
			     .len = 1 };
}

static struct pkt turned(const struct pkt *p)
{
	struct pkt t = *p;

	t.src = p->dst;
	t.dst = p->src;
	t.sport = p->dport;
	t.dport = p->sport;
	return t;
}

static struct rf_flow_key key_of(const struct pkt *out)
{
	return (struct rf_flow_key){ .own = ep(out->src, out->sport),
				     .remote = ep(out->dst, out->dport) };
}

static bool flow_of(const struct pkt *out, struct rf_flow *f)
{
	struct rf_flow_key k = key_of(out);

	return !bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.flows), &k, f);
}

/* As if it had left. */
static void flow_set(const struct rf_flow_key *k)
{
	struct rf_flow f = { .last_ns = past_ns(), .answered = 1 };
	__u64 s = past_ns() / SEC;
	__u32 port = ntohs(k->own.port);

	map_set(lab.skel->maps.flows, k, &f);
	map_set(lab.skel->maps.flow_ports, &port, &s);
}

/* As if it had been .s seconds ago. */
static void age(const struct pkt *out, unsigned int s)
{
	struct rf_flow_key k = key_of(out);
	struct rf_flow f;

	assert_true(flow_of(out, &f));
	f.last_ns = now_ns() - s * SEC;
	map_set(lab.skel->maps.flows, &k, &f);
}

static void expect_in(const char *name, const struct pkt *p, int reason)
{
	lab_case(name, XDP, p, reason, NULL);
	lab_case(name, WAN_IN, p, reason, NULL);
}

static void call_end(const char *own, uint16_t port, const char *remote, uint16_t rport,
		     unsigned int s)
{
	struct rf_call_end e = { .until_ns = now_ns() + s * SEC, .n = 1 };
	struct rf_ep k = ep(own, port);

	e.remotes[0] = ep(remote, rport);
	map_set(lab.skel->maps.call_ends, &k, &e);
}

/* Local, forwarded: the hook that sees it is the same, but tells the two apart by where it came from. */
static void test_reply_to_flow(void **state)
{
	struct pkt out, in, other;
	struct rf_flow f;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		out = query(v6, OWN);
		in = turned(&out);
		lab_reset();
		expect_in("unasked", &in, RF_R_NO_PINHOLE);
		assert_false(flow_of(&out, &f));
		lab_case("query", WAN_OUT, &out, RF_R_BYSTANDER_OUT, NULL);
		assert_true(flow_of(&out, &f));
		assert_int_equal(f.answered, 0);
		expect_in("reply", &in, RF_R_BYSTANDER_REPLY);
		assert_true(flow_of(&out, &f));
		assert_int_equal(f.answered, 1);
		other = in;
		other.sport = 54;
		expect_in("other port of the same host", &other, RF_R_NO_PINHOLE);
		other = in;
		other.src = v6 ? PEER6 : PEER4;
		expect_in("other host", &other, RF_R_NO_PINHOLE);
		other = in;
		other.dport++;
		expect_in("other port of ours", &other, RF_R_NO_PINHOLE);
	}
}

static void test_flow_times(void **state)
{
	struct pkt out = query(false, OWN), in = turned(&out);
	struct rf_flow f;

	lab_case("query", WAN_OUT, &out, RF_R_BYSTANDER_OUT, NULL);
	age(&out, 29);
	expect_in("29 s", &in, RF_R_BYSTANDER_REPLY);
	assert_true(flow_of(&out, &f));
	assert_true(now_ns() - f.last_ns < 5 * SEC); /* renewed by the answer */
	age(&out, 179);
	expect_in("answered, 179 s", &in, RF_R_BYSTANDER_REPLY);
	age(&out, 181);
	expect_in("answered, 181 s", &in, RF_R_NO_PINHOLE);
	lab_reset();
	lab_case("query", WAN_OUT, &out, RF_R_BYSTANDER_OUT, NULL);
	age(&out, 31);
	expect_in("31 s", &in, RF_R_NO_PINHOLE);
	lab_case("query again", WAN_OUT, &out, RF_R_BYSTANDER_OUT, NULL);
	expect_in("and its reply", &in, RF_R_BYSTANDER_REPLY);
}

/* Its fragments, too: a long answer has no other way. */
static void test_fragments(void **state)
{
	struct pkt out = query(false, OWN), in = turned(&out), later;

	in.len = 1400;
	in.pay = PAY_ZERO;
	in.mf = true;
	in.id = 9;
	later = in;
	later.frag = 1408;
	later.mf = false;
	lab_case("unasked", WAN_IN, &in, RF_R_MEDIA_FRAGMENT, NULL);
	lab_case("unasked, rest", WAN_IN, &later, RF_R_MEDIA_FRAGMENT, NULL);
	lab_case("query", WAN_OUT, &out, RF_R_BYSTANDER_OUT, NULL);
	in.id = later.id = 10;
	lab_case("first", WAN_IN, &in, RF_R_NOT_OURS, NULL);
	lab_case("rest", WAN_IN, &later, RF_R_NOT_OURS, NULL);
}

/* A public port that a masqueraded flow has is leased to a call: both go on. */
static void test_leased_port(void **state)
{
	struct pkt out = query(false, PUB_PORT), in = turned(&out);
	struct pkt media = { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT };
	struct pkt bad = { .src = PEER4, .dst = PUB4, .sport = PEER_PORT + 2, .dport = PUB_PORT };
	struct rf_flow_key k = { .own = ep(PUB4, PUB_PORT), .remote = ep(PEER4, PEER_PORT) };
	struct rf_flow f;
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);

	expect_in("unasked", &in, RF_R_WRONG_SOURCE);
	assert_int_equal(st_get().dir[RF_DIR_IN].drops, 2);
	lab_case("query", WAN_OUT, &out, RF_R_BYSTANDER_OUT, NULL);
	expect_in("reply", &in, RF_R_BYSTANDER_REPLY);
	assert_int_equal(st_get().dir[RF_DIR_IN].drops, 2);
	expect_in("a third one", &bad, RF_R_WRONG_SOURCE);
	/* the call's far side is no bystander, whatever the table says */
	flow_set(&k);
	ph.state = RF_PINHOLE_CLOSED;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	expect_in("after BYE", &media, RF_R_PINHOLE_CLOSED);
	expect_in("after BYE, the reply", &in, RF_R_BYSTANDER_REPLY);
	media.src = PUB4;
	media.dst = PEER4;
	media.sport = PUB_PORT;
	media.dport = PEER_PORT;
	map_clear(lab.skel->maps.flows);
	lab_case("out to the far side", WAN_OUT, &media, RF_R_NO_PINHOLE, NULL);
	assert_false(flow_of(&media, &f));
}

/* What is not translated has the call's own socket behind it. */
static void test_untranslated(void **state)
{
	struct pkt out = query(false, PUB_PORT), in = turned(&out);
	struct rf_flow_key k = key_of(&out);
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);

	ph.flags = RF_PH_LOCAL;
	ph.xlate = ep(PUB4, PUB_PORT);
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	flow_set(&k);
	lab_case("reply", WAN_IN, &in, RF_R_WRONG_SOURCE, NULL);
}

/* 300 s and longer, while its host goes on sending. */
static void test_call_over(void **state)
{
	struct pkt out = { .src = PUB4, .dst = PEER4, .sport = OWN, .dport = PEER_PORT },
		   in = turned(&out), dns = query(false, OWN), reply = turned(&dns);
	struct rf_ep own = ep(PUB4, OWN);
	struct rf_call_end e, after;
	struct rf_settings set;
	struct rf_flow f;
	__u32 zero = 0;

	call_end(PUB4, OWN, PEER4, PEER_PORT, 3);
	lab_case("goes on", WAN_OUT, &out, RF_R_NO_PINHOLE, NULL);
	assert_false(flow_of(&out, &f));
	expect_in("its far side", &in, RF_R_NO_PINHOLE);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.call_ends), &own, &e), 0);
	assert_true(e.until_ns > now_ns() + 295 * SEC);
	/* longer where conntrack keeps UDP for longer */
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.settings), &zero, &set), 0);
	set.call_end_s = 660;
	map_set(lab.skel->maps.settings, &zero, &set);
	lab_case("goes on", WAN_OUT, &out, RF_R_NO_PINHOLE, NULL);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.call_ends), &own, &e), 0);
	assert_true(e.until_ns > now_ns() + 655 * SEC);
	lab_case("another flow", WAN_OUT, &dns, RF_R_BYSTANDER_OUT, NULL);
	expect_in("and its reply", &reply, RF_R_BYSTANDER_REPLY);
	/* a flow that was known before the call */
	lab_reset();
	lab_case("before", WAN_OUT, &out, RF_R_BYSTANDER_OUT, NULL);
	expect_in("before", &in, RF_R_BYSTANDER_REPLY);
	call_end(PUB4, OWN, PEER4, PEER_PORT, 300);
	expect_in("after", &in, RF_R_NO_PINHOLE);
	age(&out, 3);
	lab_case("after", WAN_OUT, &out, RF_R_NO_PINHOLE, NULL);
	call_end(PUB4, OWN, PEER4, PEER_PORT, 0);
	usleep(20000);
	lab_case("301 s of silence", WAN_OUT, &out, RF_R_BYSTANDER_OUT, NULL);
	/* with more remotes than it holds, anybody */
	call_end(PUB4, OWN, PEER4, PEER_PORT, 300);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.call_ends), &own, &e), 0);
	e.n = RF_CALL_END_REMOTES + 1;
	e.until_ns = now_ns() + 100 * SEC;
	map_set(lab.skel->maps.call_ends, &own, &e);
	lab_case("anybody", WAN_OUT, &dns, RF_R_NO_PINHOLE, NULL);
	/* but only those it names keep it */
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.call_ends), &own, &after),
			 0);
	assert_int_equal(after.until_ns, e.until_ns);
	age(&out, 3);
	lab_case("one of them", WAN_OUT, &out, RF_R_NO_PINHOLE, NULL);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.call_ends), &own, &after),
			 0);
	assert_true(after.until_ns > e.until_ns + 150 * SEC);
}

static void test_routed(void **state)
{
	struct pkt out = {
		.src = ROUTED4, .dst = DNS4, .sport = OWN, .dport = 53, .dmac = lab_mac_l0
	};
	struct rf_flow_key k = { .own = ep(ROUTED4, OWN), .remote = ep(DNS4, 53) };
	struct pkt in = turned(&out);

	lab_case("out", INSIDE_IN, &out, RF_R_BYSTANDER_OUT, NULL);
	in.dmac = NULL;
	expect_in("not seen leaving", &in, RF_R_NO_PINHOLE);
	flow_set(&k);
	expect_in("reply", &in, RF_R_BYSTANDER_REPLY);
	call_end(ROUTED4, OWN, DNS4, 53, 300);
	lab_case("a call's", INSIDE_IN, &out, RF_R_NO_PINHOLE, NULL);
	expect_in("a call's", &in, RF_R_NO_PINHOLE);
}

/*
 * The gateway's MAC address, our own or a routed host's source: the stack sends it out again. Nobody of ours did,
 * so it opens nothing for whom it is addressed to.
 */
static void test_bounced(void **state)
{
	static const char *const own[2][3] = { { ROUTED4, PUB4, "100.64.0.1" },
					       { ROUTED6, PUB6, "fc01::1" } };
	struct rf_guard g = { .ifindex = lab.w0, .port_lo = 16384, .port_hi = 32767 };
	struct rf_addr private[2] = { addr(own[0][2]), addr(own[1][2]) };
	struct pkt out, in;
	struct rf_flow f;
	int v6, i;

	for (v6 = 0; v6 < 2; v6++)
		for (i = 0; i < 3; i++) { /* the last: a WAN with a private address */
			lab_reset();
			map_set(lab.skel->maps.guards, &private[v6], &g);
			out = query(v6, 20003);
			out.src = own[v6][i];
			in = turned(&out);
			lab.forwarded_from = lab.w0;
			lab_case("bounced", WAN_OUT, &out, RF_R_NONE, NULL);
			assert_false(flow_of(&out, &f));
			expect_in("whom it was sent to", &in, RF_R_NO_PINHOLE);
			lab.forwarded_from = lab.l0;
			lab_case("from inside", WAN_OUT, &out, RF_R_NONE, NULL);
			assert_true(flow_of(&out, &f));
			expect_in("its answer", &in, RF_R_BYSTANDER_REPLY);
			bpf_map_delete_elem(bpf_map__fd(lab.skel->maps.guards), &private[v6]);
		}
}

/* Masqueraded to a WAN with a private address: a long query is known by its first fragment there, too. */
static void test_private_wan_fragments(void **state)
{
	struct rf_guard g = { .ifindex = lab.w0, .port_lo = 16384, .port_hi = 32767 };
	static const char *const own[] = { "100.64.0.1", "fc01::1" };
	struct pkt out, in;
	struct rf_flow f;
	int v6;

	lab.forwarded_from = lab.l0;
	for (v6 = 0; v6 < 2; v6++) {
		struct rf_addr a = addr(own[v6]);

		map_set(lab.skel->maps.guards, &a, &g);
		out = query(v6, OWN);
		out.src = own[v6];
		out.len = 1400;
		out.pay = PAY_ZERO;
		out.mf = true;
		out.id = 11;
		if (v6)
			out.ext[0] = 44;
		lab_case("first", WAN_OUT, &out, RF_R_NONE, NULL);
		assert_true(flow_of(&out, &f));
		in = query(v6, OWN);
		in.src = own[v6];
		in = turned(&in);
		expect_in("its answer", &in, RF_R_BYSTANDER_REPLY);
		bpf_map_delete_elem(bpf_map__fd(lab.skel->maps.guards), &a);
	}
}

/* Routed with its private address and not masqueraded: what its first bytes make look like media is not all media. */
static void test_untranslated_inside(void **state)
{
	static const struct {
		const char *name;
		uint16_t sport, dport;
		int reason;
	} ports[] = {
		{ "media", 4000, 4002, RF_R_UNTRANSLATED },
		{ "the lowest ports of media", 1024, 1024, RF_R_UNTRANSLATED },
		{ "query", 20002, 53, RF_R_NONE },
		{ "answer", 53, 20002, RF_R_NONE },
		{ "the highest port of a service", 20002, 1023, RF_R_NONE },
	};
	struct pkt p;
	size_t i;
	int v6;

	lab.forwarded_from = lab.l0;
	for (v6 = 0; v6 < 2; v6++)
		for (i = 0; i < ARRAY_SIZE(ports); i++) {
			p = (struct pkt){ .src = v6 ? IN6 : IN4,
					  .dst = v6 ? DNS6 : DNS4,
					  .sport = ports[i].sport,
					  .dport = ports[i].dport };
			lab_case(ports[i].name, WAN_OUT, &p, ports[i].reason, NULL);
		}
}

static void test_excepts(void **state)
{
	struct rf_settings s = { .abi_version = RF_ABI_VERSION,
				 .policy = RF_POLICY_EXCEPTS,
				 .n_sip_ports = 1,
				 .sip_ports = { htons(5060) } };
	struct pkt in = { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = OWN }, out;
	struct rf_guard g = { .ifindex = lab.l0, .port_lo = 16384, .port_hi = 32767 };
	struct rf_addr pub = addr(PUB4);
	static struct rf_excepts x;
	__u32 zero = 0;

	map_set(lab.skel->maps.settings, &zero, &s);
	expect_in("nothing there", &in, RF_R_NO_PINHOLE);
	x.ports[OWN / 64] = 1ull << OWN % 64;
	map_set(lab.skel->maps.excepts, &lab.w0, &x);
	expect_in("excepted", &in, RF_R_NOT_GUARDED);
	in.dport++;
	expect_in("its neighbour", &in, RF_R_NO_PINHOLE);
	in.dport = OWN;
	/* the address of another device: its word counts, by whichever way a packet comes */
	map_set(lab.skel->maps.guards, &pub, &g);
	expect_in("excepted at another device", &in, RF_R_NO_PINHOLE);
	map_clear(lab.skel->maps.excepts);
	map_set(lab.skel->maps.excepts, &lab.l0, &x);
	expect_in("by another way", &in, RF_R_NOT_GUARDED);
	out = turned(&in);
	lab_case("leaves by another way", WAN_OUT, &out, RF_R_NOT_GUARDED, NULL);
	s.policy = 0;
	map_set(lab.skel->maps.settings, &zero, &s);
	expect_in("not in use", &in, RF_R_NO_PINHOLE);
}

static void test_sip_excepts(void **state)
{
	static const struct {
		const char *name, *addr;
		uint16_t port;
	} keys[] = { { "address and port", PUB4, 5060 },
		     { "address", PUB4, 0 },
		     { "port", "::", 5060 } };
	struct rf_settings s = { .abi_version = RF_ABI_VERSION,
				 .policy = RF_POLICY_SIP_EXCEPTS,
				 .heartbeat_limit_ns = 60 * SEC,
				 .n_sip_ports = 1,
				 .sip_ports = { htons(5060) } };
	struct pkt in = { .src = PEER4, .dst = PUB4, .sport = 5060, .dport = 5060, .pay = PAY_SIP },
		   out = { .src = PUB4,
			   .dst = PEER4,
			   .sport = 5060,
			   .dport = 5060,
			   .pay = PAY_SIP },
		   inside = { .src = IN4,
			      .dst = PEER4,
			      .sport = 5060,
			      .dport = 5060,
			      .pay = PAY_SIP,
			      .dmac = lab_mac_l0 };
	struct rf_sip_except x = { 0 };
	struct rf_ep k;
	__u32 zero = 0;
	size_t i;

	map_set(lab.skel->maps.settings, &zero, &s);
	lab_case("none", WAN_IN, &in, RF_R_SIP_HELD, NULL);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		map_clear(lab.skel->maps.sip_excepts);
		k = ep(keys[i].addr, keys[i].port);
		memset(&k.addr, 0, keys[i].addr[0] == ':' ? sizeof(k.addr) : 0);
		map_set(lab.skel->maps.sip_excepts, &k, &x);
		expect_in(keys[i].name, &in, RF_R_SIP_EXCEPTED);
		lab_case(keys[i].name, WAN_OUT, &out, RF_R_SIP_EXCEPTED, NULL);
		lab_case(keys[i].name, INSIDE_IN, &inside,
			 keys[i].addr[0] == ':' ? RF_R_SIP_EXCEPTED : RF_R_SIP_HELD, NULL);
	}
	k = ep(IN4, 0);
	map_set(lab.skel->maps.sip_excepts, &k, &x);
	lab_case("container", INSIDE_IN, &inside, RF_R_SIP_EXCEPTED, NULL);
}

/* ---- conntrack and sockets: without our own table ---- */

static int udp_socket(bool v6, uint16_t port)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET6, PUB6, &a6.sin6_addr);
	inet_pton(AF_INET, PUB4, &a4.sin_addr);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, v6 ? (void *)&a6 : (void *)&a4, v6 ? sizeof(a6) : sizeof(a4)), 0);
	return fd;
}

static void udp_to(int fd, const char *dst, uint16_t port, bool connected)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool v6 = strchr(dst, ':');
	void *a = v6 ? (void *)&a6 : (void *)&a4;
	socklen_t n = v6 ? sizeof(a6) : sizeof(a4);

	inet_pton(v6 ? AF_INET6 : AF_INET, dst, v6 ? (void *)&a6.sin6_addr : (void *)&a4.sin_addr);
	if (connected)
		assert_int_equal(connect(fd, a, n), 0);
	else
		assert_int_equal(sendto(fd, "?", 1, 0, a, n), 1);
}

/* As if it had come from the wire. */
static void arrives(const struct pkt *p)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("w1") };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	static uint8_t b[PKT_MAX];
	int n = pkt_build(p, b);

	assert_int_equal(sendto(fd, b, n, 0, (void *)&to, sizeof(to)), n);
	close(fd);
	usleep(50000);
}

static void test_socket(void **state)
{
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		struct pkt out = query(v6, OWN), in = turned(&out), other = in;
		int fd = udp_socket(v6, OWN);

		other.sport = 54;
		lab_reset();
		expect_in("unconnected", &in, RF_R_NO_PINHOLE);
		udp_to(fd, v6 ? DNS6 : DNS4, 53, true);
		expect_in("connected", &in, RF_R_BYSTANDER_REPLY);
		expect_in("to another port", &other, RF_R_NO_PINHOLE);
		call_end(v6 ? PUB6 : PUB4, OWN, v6 ? DNS6 : DNS4, 53, 300);
		expect_in("of a call", &in, RF_R_NO_PINHOLE);
		close(fd);
		map_clear(lab.skel->maps.call_ends);
		expect_in("closed", &in, RF_R_NO_PINHOLE);
	}
}

static void test_conntrack(void **state)
{
	bool asked = lab.skel->rodata->rf_conntrack;
	int v6;

	if (!conntrack_here())
		skip();
	if (system("nft add table inet t && nft 'add chain inet t o { type filter hook output priority 0; }' && "
		   "nft add rule inet t o ct state new accept && "
		   "nft 'add chain inet t i { type filter hook input priority 0; }' && "
		   "nft add rule inet t i ct state new accept"))
		skip();
	for (v6 = 0; v6 < 2; v6++) {
		struct pkt out = query(v6, OWN + 2), in = turned(&out);
		struct pkt stranger = { .src = v6 ? PEER6 : PEER4,
					.dst = v6 ? PUB6 : PUB4,
					.sport = 7777,
					.dport = OWN + 2,
					.dmac = lab_mac_w0 },
			   answer = turned(&stranger);
		int fd = udp_socket(v6, OWN + 2);
		struct rf_flow f;

		answer.dmac = NULL;
		lab_reset();
		expect_in("unasked", &in, RF_R_NO_PINHOLE);
		udp_to(fd, v6 ? DNS6 : DNS4, 53, false);
		expect_in("reply", &in, asked ? RF_R_BYSTANDER_REPLY : RF_R_NO_PINHOLE);
		call_end(v6 ? PUB6 : PUB4, OWN + 2, v6 ? DNS6 : DNS4, 53, 300);
		expect_in("of a call", &in, RF_R_NO_PINHOLE);
		map_clear(lab.skel->maps.call_ends);
		/* somebody began before we were here: not he, and not by what answers him */
		arrives(&stranger);
		udp_to(fd, v6 ? PEER6 : PEER4, 7777, false);
		stranger.dmac = NULL;
		expect_in("a stranger's", &stranger, RF_R_NO_PINHOLE);
		if (asked) {
			lab_case("the answer to him", WAN_OUT, &answer, RF_R_NO_PINHOLE, NULL);
			assert_false(flow_of(&answer, &f));
			expect_in("a stranger's, answered", &stranger, RF_R_NO_PINHOLE);
		}
		close(fd);
	}
	sh("nft delete table inet t");
}

static int lab_up_without(void **state)
{
	lab.no_conntrack = true;
	return lab_up(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reply_to_flow, lab_setup),
		cmocka_unit_test_setup(test_flow_times, lab_setup),
		cmocka_unit_test_setup(test_fragments, lab_setup),
		cmocka_unit_test_setup(test_leased_port, lab_setup),
		cmocka_unit_test_setup(test_untranslated, lab_setup),
		cmocka_unit_test_setup(test_call_over, lab_setup),
		cmocka_unit_test_setup(test_routed, lab_setup),
		cmocka_unit_test_setup(test_bounced, lab_setup),
		cmocka_unit_test_setup(test_private_wan_fragments, lab_setup),
		cmocka_unit_test_setup(test_untranslated_inside, lab_setup),
		cmocka_unit_test_setup(test_excepts, lab_setup),
		cmocka_unit_test_setup(test_sip_excepts, lab_setup),
		cmocka_unit_test_setup(test_socket, lab_setup),
		cmocka_unit_test_setup(test_conntrack, lab_setup),
	};
	int failed = cmocka_run_group_tests(tests, lab_up, lab_down);

	return failed +
	       cmocka_run_group_tests_name("without conntrack", tests, lab_up_without, lab_down);
}
