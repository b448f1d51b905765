// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every verdict reason that the kernel side gives, at each hook that can give it: return code,
 * counter, event, and that a packet which is not translated leaves as it came.
 */
#include "bpf/lab.h"
#include "lib/media_cases.h"

static const struct pkt in4 = { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT };
static const struct pkt in6 = { .src = PEER6, .dst = PUB6, .sport = PEER_PORT, .dport = PUB_PORT };
static const struct pkt out4 = {
	.src = IN4, .dst = PEER4, .sport = IN_PORT, .dport = PEER_PORT, .dmac = lab_mac_l0
};
static const struct pkt out6 = {
	.src = IN6, .dst = PEER6, .sport = IN_PORT, .dport = PEER_PORT, .dmac = lab_mac_l0
};

static struct media_facts facts(struct rf_pinhole *ph, struct rf_pinhole_state *st)
{
	return (struct media_facts){ now_ns(), ph, st, &lab.more, &lab.learnt, &lab.cold };
}

/* To the pinholes of both directions and families. */
static void apply(tweak *t)
{
	struct rf_pinhole_state st = {};
	struct rf_pinhole ph;
	struct media_facts f;
	int v6, dir;

	for (v6 = 0; v6 < 2; v6++)
		for (dir = 0; dir < 2; dir++) {
			ph = ph_new(v6, dir);
			f = facts(&ph, &st);
			t(&f);
			ph_set(dir ? (v6 ? IN6 : IN4) : (v6 ? PUB6 : PUB4),
			       dir ? IN_PORT : PUB_PORT, dir, &ph);
		}
	st_set(&st);
}

static struct pkt with(const struct pkt *base, const struct pkt *mod)
{
	struct pkt p = *mod;

	p.src = base->src;
	p.dst = base->dst;
	p.sport = base->sport;
	p.dport = base->dport;
	p.dmac = base->dmac;
	return p;
}

static struct pkt translated(const struct pkt *p, enum hook h)
{
	bool v6 = pkt_v6(p);
	struct pkt t = *p;

	if (h == INSIDE_IN) {
		t.src = v6 ? PUB6 : PUB4;
		t.sport = PUB_PORT;
	} else {
		t.dst = v6 ? IN6 : IN4;
		t.dport = IN_PORT;
	}
	t.ttl = 63;
	if (h == XDP || (h == WAN_IN && lab_plain_eth(p))) {
		t.dmac = lab_mac_in;
		t.smac = lab_mac_l0;
	}
	if (h == INSIDE_IN && lab_plain_eth(p)) {
		t.dmac = pkt_mac_peer;
		t.smac = lab_mac_w0;
	}
	return t;
}

static void expect_event(const char *name, enum hook h, const struct pkt *p, int reason)
{
	struct rf_ep src = ep(p->src, p->sport), dst = ep(p->dst, p->dport);

	if (lab.n_events != 1)
		fail_msg("%s at %s: %d events", name, hook_names[h], lab.n_events);
	assert_int_equal(lab.event.reason, reason);
	assert_int_equal(lab.event.hook, h + 1);
	assert_int_equal(lab.event.proto, IPPROTO_UDP);
	assert_int_equal(lab.event.pinhole_id, PH_ID);
	assert_int_equal(lab.event.call_id, CALL_ID);
	assert_int_equal(lab.event.suppressed, 0);
	assert_memory_equal(&lab.event.src, &src, sizeof(src));
	assert_memory_equal(&lab.event.dst, &dst, sizeof(dst));
}

static void media_case(const struct media_case *c, enum hook h, bool v6)
{
	int dir = h == INSIDE_IN ? RF_DIR_OUT : RF_DIR_IN;
	const struct pkt *base = dir ? (v6 ? &out6 : &out4) : (v6 ? &in6 : &in4);
	struct pkt in = with(base, &c->mod), out = translated(&in, h);
	int reason = dir && c->reason_out ? c->reason_out : c->reason;
	struct rf_pinhole_state st;
	struct rf_pinhole_state was;

	if (reason < 0)
		reason = RF_R_NONE;
	lab_reset();
	if (c->tweak)
		apply(c->tweak);
	/* what was learnt is of one family */
	if (lab.learnt.state) {
		was = st_get();
		lab.learnt.ep = ep(v6 ? PEER6 : PEER4, PEER_PORT);
		st_set(&was);
	}
	was = st_get();
	lab_case(c->name, h, &in,
		 reason	    ? reason
		 : h == XDP ? RF_R_MEDIA_XDP
			    : RF_R_MEDIA_TC,
		 reason ? NULL : &out);
	st = st_get();
	assert_int_equal(st.dir[dir].drops, reason ? 1 : 0);
	assert_int_equal(st.dir[dir].last_reason, reason);
	assert_int_equal(st.dir[dir].packets, reason ? 0 : 1);
	assert_memory_equal(&st.dir[!dir], &was.dir[!dir], sizeof(st.dir[0]));
	if (reason)
		expect_event(c->name, h, &in, reason);
	else
		assert_int_equal(lab.n_events, 0);
}

static void test_media(void **state)
{
	static const enum hook hooks[] = { XDP, WAN_IN, INSIDE_IN };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(media_cases); i++)
		for (j = 0; j < 6; j++)
			media_case(&media_cases[i], hooks[j % 3], j / 3);
}

/*
 * Inside devices have the short way only: what it takes leaves as TC would have sent it, and all else
 * goes on to TC as it came, without a trace.
 */
static void inside_xdp_case(const struct media_case *c, bool v6, bool takes)
{
	static uint8_t a[PKT_MAX], b[PKT_MAX];
	static struct result r;
	struct pkt in = with(v6 ? &out6 : &out4, &c->mod), out = translated(&in, INSIDE_IN);
	struct rf_pinhole_state st, was;
	int n = pkt_build(&in, a), m = pkt_build(&out, b);

	lab_reset();
	if (c->tweak)
		apply(c->tweak);
	was = st_get();
	lab_run(INSIDE_XDP, a, n, &r);
	st = st_get();
	if (r.code == XDP_PASS) {
		if (takes)
			fail_msg("%s: left to TC", c->name);
		lab_expect_count(c->name, RF_R_NONE);
		lab_expect_bytes(c->name, r.data, r.len, a, n);
		assert_memory_equal(&st, &was, sizeof(st));
		return;
	}
	if (c->reason || c->reason_out)
		fail_msg("%s: taken", c->name);
	assert_int_equal(r.code, XDP_REDIRECT);
	lab_expect_count(c->name, RF_R_MEDIA_XDP);
	lab_expect_bytes(c->name, r.data, r.len, b, m);
	assert_int_equal(st.dir[RF_DIR_OUT].packets, 1);
	assert_int_equal(st.dir[RF_DIR_OUT].rtp_packets, 1);
}

static void test_media_inside_xdp(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(media_cases); i++) {
		/* hops are known only when warm */
		bool takes = lab.warm && (!strcmp(media_cases[i].name, "delivered") ||
					  !strncmp(media_cases[i].name, "payload type 8", 14));

		inside_xdp_case(&media_cases[i], false, takes);
		inside_xdp_case(&media_cases[i], true, takes);
	}
}

/*
 * What comes from a device without Ethernet header begins with its IP header. Bytes of it that look like
 * a frame with somebody else's packet in it are not one.
 */
static void test_no_frame(void **state)
{
	static const uint8_t like_ip[6] = { 0x44 };
	static uint8_t a[PKT_MAX];
	static struct result r;
	struct pkt p = out4;
	int n;

	p.dmac = like_ip;
	n = pkt_build(&p, a);
	sh("ip link set l0 address 44:00:00:00:00:00");
	lab_run(INSIDE_IN, a, n, &r);
	sh("ip link set l0 address 02:00:00:00:00:03");
	assert_int_equal(r.code, TC_ACT_REDIRECT);
	lab_device(lab.l0, RF_DEV_INSIDE, RF_DEV_L3);
	lab_run(INSIDE_IN, a, n, &r);
	assert_int_equal(r.code, TC_ACT_UNSPEC);
	assert_int_equal(st_get().dir[RF_DIR_OUT].packets, 1);
}

/* A device that takes no redirects keeps everything with TC. */
static void test_inside_xdp_needs_wan(void **state)
{
	static uint8_t a[PKT_MAX];
	static struct result r;
	int n = pkt_build(&out4, a), i;

	lab_device(lab.w0, RF_DEV_WAN, RF_DEV_XDP_NATIVE);
	for (i = 0; i < 20; i++)
		lab_run(INSIDE_IN, a, n, &r);
	lab_run(INSIDE_XDP, a, n, &r);
	assert_int_equal(r.code, XDP_PASS);
	lab_device(lab.w0, RF_DEV_WAN, RF_DEV_XDP_NATIVE | RF_DEV_XDP_TX);
	lab_forget_hops();
	for (i = 0; i < 20; i++)
		lab_run(INSIDE_IN, a, n, &r);
	lab_run(INSIDE_XDP, a, n, &r);
	assert_int_equal(r.code, XDP_REDIRECT);
}

/* The same checks for this host's own media on its way out. */
static void test_media_local_out(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(media_cases); i++) {
		const struct media_case *c = &media_cases[i];
		int reason = c->reason_out ? c->reason_out : c->reason;
		struct rf_pinhole ph = ph_new(false, RF_DIR_OUT);
		struct rf_pinhole_state st = {};
		struct media_facts f = facts(&ph, &st);
		struct pkt p = c->mod;

		p.src = PUB4;
		p.dst = PEER4;
		p.sport = PUB_PORT;
		p.dport = PEER_PORT;
		if (reason < 0 || reason == RF_R_TTL_EXPIRED)
			reason = RF_R_NONE; /* TTL 1 is this host's own choice */
		lab_reset();
		if (c->tweak)
			c->tweak(&f);
		if (lab.learnt.state)
			lab.learnt.ep = ep(PEER4, PEER_PORT);
		ph.flags = (ph.flags | RF_PH_LOCAL) & ~RF_PH_XLATE;
		ph_set(PUB4, PUB_PORT, RF_DIR_OUT, &ph);
		st_set(&st);
		lab_case(c->name, WAN_OUT, &p, reason ? reason : RF_R_MEDIA_LOCAL, NULL);
		assert_int_equal(st_get().dir[1].drops, reason ? 1 : 0);
	}
}

/* No pinhole in play: what is guarded, what is signalling, what is none of our business. */
struct plain_case {
	const char *name;
	enum hook h;
	int reason;
	struct pkt p;
};

#define WAN4(d, dp)	    .src = PEER4, .dst = d, .sport = PEER_PORT, .dport = dp
#define WAN6(d, dp)	    .src = PEER6, .dst = d, .sport = PEER_PORT, .dport = dp
#define HOST4(s, sp, d, dp) .src = s, .dst = d, .sport = sp, .dport = dp
#define INS(s, sp, d, dp)   .src = s, .dst = d, .sport = sp, .dport = dp, .dmac = lab_mac_l0

static const struct plain_case plain[] = {
	{ "lowest guarded port", XDP, RF_R_NO_PINHOLE, { WAN4(PUB4, 16384) } },
	{ "highest guarded port", XDP, RF_R_NO_PINHOLE, { WAN6(PUB6, 32767) } },
	{ "below", XDP, RF_R_NOT_GUARDED, { WAN4(PUB4, 16383) } },
	{ "above", XDP, RF_R_NOT_GUARDED, { WAN6(PUB6, 32768) } },
	{ "guarded port, TC", WAN_IN, RF_R_NO_PINHOLE, { WAN4(PUB4, 16384) } },
	{ "guarded port, IPv6", WAN_IN, RF_R_NO_PINHOLE, { WAN6(PUB6, 32767) } },
	{ "guarded port, two tags", WAN_IN, RF_R_NO_PINHOLE, { WAN6(PUB6, 32767), .tags = 2 } },
	{ "below, TC", WAN_IN, RF_R_NOT_GUARDED, { WAN4(PUB4, 16383) } },
	{ "other host", WAN_IN, RF_R_NOT_OURS, { WAN4("198.51.100.9", 20000) } },
	{ "inside host in mode nat, by its own address",
	  WAN_IN,
	  RF_R_NOT_OURS,
	  { WAN4(IN4, 20000) } },
	{ "routed host", XDP, RF_R_NO_PINHOLE, { WAN4(ROUTED4, 20000) } },
	{ "routed host, TC", WAN_IN, RF_R_NO_PINHOLE, { WAN4(ROUTED4, 20000) } },
	{ "routed host by address (auto)", WAN_IN, RF_R_NO_PINHOLE, { WAN6(ROUTED6, 20000) } },
	{ "routed host, other port", WAN_IN, RF_R_NOT_GUARDED, { WAN6(ROUTED6, 53) } },
	{ "TCP", WAN_IN, RF_R_NOT_OURS, { WAN4(PUB4, 20000), .proto = 6 } },
	{ "TCP, IPv6", WAN_IN, RF_R_NOT_OURS, { WAN6(PUB6, 20000), .proto = 6 } },
	{ "three tags", WAN_IN, RF_R_UNSUPPORTED_L2, { WAN4(PUB4, 20000), .tags = 3 } },
	{ "nine extension headers",
	  WAN_IN,
	  RF_R_BAD_HEADER,
	  { WAN6(PUB6, 20000), .ext = { 255, 60, 60, 60, 60, 60, 60, 60, 60 } } },
	{ "nine extension headers, XDP",
	  XDP,
	  RF_R_BAD_HEADER,
	  { WAN6(PUB6, 20000), .ext = { 255, 60, 60, 60, 60, 60, 60, 60, 60 } } },
	{ "nine, to another",
	  WAN_IN,
	  RF_R_NOT_OURS,
	  { WAN6("2001:db8:1::9", 20000), .ext = { 255, 60, 60, 60, 60, 60, 60, 60, 60 } } },
	{ "ICMP about nothing", WAN_IN, RF_R_NOT_OURS, { WAN4(PUB4, 0), .proto = 1 } },
	{ "signalling", XDP, RF_R_TO_TC, { WAN4(PUB4, 5060), .pay = PAY_SIP } },
	{ "signalling, TC", WAN_IN, RF_R_SIP_HELD, { WAN4(PUB4, 5060), .pay = PAY_SIP } },
	{ "signalling, second port", WAN_IN, RF_R_SIP_HELD, { WAN6(PUB6, 5070), .pay = PAY_SIP } },
	{ "signalling, third port",
	  WAN_IN,
	  RF_R_NOT_GUARDED,
	  { WAN6(PUB6, 5080), .pay = PAY_SIP } },
	{ "signalling to routed", WAN_IN, RF_R_SIP_HELD, { WAN4(ROUTED4, 5060), .pay = PAY_SIP } },
	{ "signalling to a nat host",
	  WAN_IN,
	  RF_R_INSIDE_DIRECT,
	  { WAN4(IN4, 5060), .pay = PAY_SIP } },
	{ "fragment, XDP", XDP, RF_R_TO_TC, { WAN4(PUB4, 20000), .mf = true } },
	{ "fragment to another, XDP",
	  XDP,
	  RF_R_NOT_OURS,
	  { WAN4("198.51.100.9", 20000), .mf = true } },
	{ "first fragment to media",
	  WAN_IN,
	  RF_R_MEDIA_FRAGMENT,
	  { WAN4(PUB4, PUB_PORT), .mf = true } },
	{ "first fragment to no pinhole",
	  WAN_IN,
	  RF_R_MEDIA_FRAGMENT,
	  { WAN4(PUB4, 20001), .mf = true } },
	{ "first fragment elsewhere", WAN_IN, RF_R_NOT_OURS, { WAN4(PUB4, 53), .mf = true } },

	{ "host: SIP out",
	  WAN_OUT,
	  RF_R_SIP_HELD,
	  { HOST4(PUB4, 40000, PEER4, 5060), .pay = PAY_SIP } },
	{ "host: SIP reply",
	  WAN_OUT,
	  RF_R_SIP_HELD,
	  { HOST4(PUB6, 5060, PEER6, 40000), .pay = PAY_SIP } },
	{ "host: no pinhole", WAN_OUT, RF_R_BYSTANDER_OUT, { HOST4(PUB4, 20001, PEER4, 40000) } },
	{ "host: other port", WAN_OUT, RF_R_NOT_GUARDED, { HOST4(PUB4, 123, PEER4, 123) } },
	{ "host: other address",
	  WAN_OUT,
	  RF_R_NOT_OURS,
	  { HOST4("198.51.100.9", 20001, PEER4, 5060) } },
	{ "host: TCP", WAN_OUT, RF_R_NOT_OURS, { HOST4(PUB4, 20001, PEER4, 5060), .proto = 6 } },
	{ "host: fragment of others",
	  WAN_OUT,
	  RF_R_NOT_OURS,
	  { HOST4(PUB4, 20001, PEER4, 40000), .mf = true } },
	{ "host: fragment of SIP",
	  WAN_OUT,
	  RF_R_FRAGMENT_HELD,
	  { HOST4(PUB4, 5060, PEER4, 40000), .mf = true } },

	{ "inside: SIP out",
	  INSIDE_IN,
	  RF_R_SIP_HELD,
	  { INS(IN4, 5060, PEER4, 5060), .pay = PAY_SIP } },
	{ "inside: SIP out, IPv6",
	  INSIDE_IN,
	  RF_R_SIP_HELD,
	  { INS(IN6, 5062, PEER6, 5070), .pay = PAY_SIP } },
	{ "inside: SIP to an inside host",
	  INSIDE_IN,
	  RF_R_NOT_OURS,
	  { INS(IN4, 5060, "10.0.0.3", 5060), .pay = PAY_SIP } },
	{ "inside: SIP to our public address",
	  INSIDE_IN,
	  RF_R_NOT_OURS,
	  { INS(IN4, 5060, PUB4, 5060), .pay = PAY_SIP } },
	{ "inside: unknown source",
	  INSIDE_IN,
	  RF_R_NOT_OURS,
	  { INS("172.30.0.1", 5060, PEER4, 5060), .pay = PAY_SIP } },
	{ "inside: other UDP", INSIDE_IN, RF_R_NOT_OURS, { INS(IN4, 40000, PEER4, 53) } },
	{ "inside: media without a call, nat",
	  INSIDE_IN,
	  RF_R_NOT_OURS,
	  { INS(IN4, 20000, PEER4, 40000) } },
	{ "inside: media without a call, routed",
	  INSIDE_IN,
	  RF_R_BYSTANDER_OUT,
	  { INS(ROUTED4, 20000, PEER4, 40000) } },
	{ "inside: the same, IPv6",
	  INSIDE_IN,
	  RF_R_BYSTANDER_OUT,
	  { INS(ROUTED6, 20000, PEER6, 40000) } },
	{ "inside: routed to inside",
	  INSIDE_IN,
	  RF_R_NOT_OURS,
	  { INS(ROUTED4, 20000, IN4, 40000) } },
	{ "inside: SIP, routed",
	  INSIDE_IN,
	  RF_R_SIP_HELD,
	  { INS(ROUTED4, 20000, PEER4, 5060), .pay = PAY_SIP } },
	{ "inside: pinhole's port to an inside host",
	  INSIDE_IN,
	  RF_R_NOT_OURS,
	  { INS(IN4, IN_PORT, "10.0.0.3", 4000) } },
	{ "inside: TCP", INSIDE_IN, RF_R_NOT_OURS, { INS(IN4, IN_PORT, PEER4, 5060), .proto = 6 } },
	{ "inside: fragment of media",
	  INSIDE_IN,
	  RF_R_MEDIA_FRAGMENT,
	  { INS(IN4, IN_PORT, PEER4, PEER_PORT), .mf = true } },
	{ "inside: fragment to inside",
	  INSIDE_IN,
	  RF_R_NOT_OURS,
	  { INS(IN4, IN_PORT, "10.0.0.3", 4000), .mf = true } },
	{ "inside: fragment of other UDP",
	  INSIDE_IN,
	  RF_R_NOT_OURS,
	  { INS(IN4, 40000, PEER4, 53), .mf = true } },
	{ "inside: fragment of SIP",
	  INSIDE_IN,
	  RF_R_FRAGMENT_HELD,
	  { INS(IN4, 5060, PEER4, 5060), .mf = true } },
	{ "inside: fragment, routed, no call",
	  INSIDE_IN,
	  RF_R_NOT_OURS,
	  { INS(ROUTED4, 20000, PEER4, 40000), .mf = true } },
	{ "inside: three tags",
	  INSIDE_IN,
	  RF_R_UNSUPPORTED_L2,
	  { INS(IN4, 5060, PEER4, 5060), .tags = 3 } },
};

static void test_plain(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(plain); i++) {
		lab_reset();
		lab_case(plain[i].name, plain[i].h, &plain[i].p, plain[i].reason, NULL);
	}
}

/* A port that belongs to an inside SIP endpoint, held like the well-known one. */
static void test_sip_pinhole(void **state)
{
	struct pkt in = { WAN4(PUB4, 15060), .pay = PAY_SIP };
	struct pkt out = { INS(IN4, 15060, PEER4, 40000), .pay = PAY_SIP };
	struct pkt host = { HOST4(PUB4, 15060, PEER4, 40000), .pay = PAY_SIP };
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);

	ph.classes = RF_CLASS_SIP;
	ph.deadline_ns = 1;
	ph_set(PUB4, 15060, RF_DIR_IN, &ph);
	ph_set(PUB4, 15060, RF_DIR_OUT, &ph);
	ph_set(IN4, 15060, RF_DIR_OUT, &ph);
	lab_case("in, XDP", XDP, &in, RF_R_TO_TC, NULL);
	lab_case("in", WAN_IN, &in, RF_R_SIP_HELD, NULL);
	lab_case("out", INSIDE_IN, &out, RF_R_SIP_HELD, NULL);
	lab_case("host", WAN_OUT, &host, RF_R_SIP_HELD, NULL);
	out.dst = "10.0.0.3";
	lab_case("stays inside", INSIDE_IN, &out, RF_R_NOT_OURS, NULL);
	in.mf = out.mf = host.mf = true;
	lab_case("fragment in", WAN_IN, &in, RF_R_FRAGMENT_HELD, NULL);
	lab_case("fragment, host", WAN_OUT, &host, RF_R_FRAGMENT_HELD, NULL);
}

static void test_no_route(void **state)
{
	static const char
		*const to[] = { "10.9.1.1", "10.9.2.1", "10.9.3.1", "fd09::1",
				"100.64.0.1" /* by the default route: out of the WAN again */ };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(to); i++) {
		bool v6 = strchr(to[i], ':');
		struct rf_pinhole ph = ph_new(v6, RF_DIR_IN);

		lab_reset();
		ph.xlate = ep(to[i], IN_PORT);
		ph_set(v6 ? PUB6 : PUB4, PUB_PORT, RF_DIR_IN, &ph);
		lab_case(to[i], XDP, v6 ? &in6 : &in4, RF_R_TO_TC, NULL);
		lab_case(to[i], WAN_IN, v6 ? &in6 : &in4, RF_R_NO_ROUTE, NULL);
	}
}

/* The pinhole's WAN device is gone, and perhaps another one has its number. */
static void test_no_wan(void **state)
{
	const __u32 gone = 0x7ffffff0;

	for (int v6 = 0; v6 < 2; v6++) {
		struct rf_pinhole ph = ph_new(v6, RF_DIR_OUT);
		const struct pkt *out = v6 ? &out6 : &out4;
		struct pkt sent = translated(out, INSIDE_IN);

		lab_reset();
		ph.wan_ifindex = gone;
		ph_set(v6 ? IN6 : IN4, IN_PORT, RF_DIR_OUT, &ph);
		lab_case("no such device", INSIDE_IN, out, RF_R_NO_ROUTE, NULL);
		lab_device(gone, RF_DEV_WAN, 0); /* its record waits for it */
		lab_case("gone", INSIDE_IN, out, RF_R_NO_ROUTE, NULL);
		ph.wan_ifindex = lab.l0;
		ph_set(v6 ? IN6 : IN4, IN_PORT, RF_DIR_OUT, &ph);
		lab_case("an inside device's number", INSIDE_IN, out, RF_R_NO_ROUTE, NULL);
		ph.wan_ifindex = lab.w0;
		ph_set(v6 ? IN6 : IN4, IN_PORT, RF_DIR_OUT, &ph);
		lab_case("made anew", INSIDE_IN, out, RF_R_MEDIA_TC, &sent);
	}
}

static void test_away(void **state)
{
	struct pkt sip[] = { { WAN4(PUB4, 5060), .pay = PAY_SIP },
			     { HOST4(PUB4, 5060, PEER4, 5060), .pay = PAY_SIP },
			     { INS(IN4, 5060, PEER4, 5060), .pay = PAY_SIP } };
	struct pkt later = { WAN4(PUB4, 0), .frag = 1480, .pay = PAY_BYTES, .bytes = pkt_mac_dev,
			     .len = 6 };
	int i;

	for (i = 0; i < 3; i++) {
		lab_settings(0);
		lab_control(now_ns() - 61 * SEC, 0);
		lab_case("stale", WAN_IN + i, &sip[i], RF_R_CONTROLLER_AWAY, NULL);
		lab_control(0, 0);
		lab_case("never", WAN_IN + i, &sip[i], RF_R_CONTROLLER_AWAY, NULL);
		lab_case("fragment of unknown kind", WAN_IN, &later, RF_R_NOT_OURS, NULL);
		lab_settings(RF_POLICY_AWAY_PASS);
		lab_case("policy", WAN_IN + i, &sip[i], RF_R_SIP_AWAY_PASSED, NULL);
		lab_control(now_ns() + 2 * SEC,
			    0); /* no controller has written that on our clock */
		lab_case("future", WAN_IN + i, &sip[i], RF_R_SIP_AWAY_PASSED, NULL);
		lab_control(now_ns() + 3600 * SEC, 0);
		lab_case("far future", WAN_IN + i, &sip[i], RF_R_SIP_AWAY_PASSED, NULL);
		lab_control(now_ns() + SEC / 2, 0); /* read before our clock was */
		lab_case("back", WAN_IN + i, &sip[i], RF_R_SIP_HELD, NULL);
	}
	/* media needs no controller */
	lab_control(0, 0);
	lab_device(lab.l0, RF_DEV_INSIDE, 0);
	lab_case("media", XDP, &in4, RF_R_TO_TC, NULL);
}

static void test_injected(void **state)
{
	struct pkt p = { WAN4(PUB4, 5060), .pay = PAY_SIP };
	static struct result r;
	uint8_t a[2048];
	int n = pkt_build(&p, a);
	__u32 mark = 0xbeef;

	lab_control(now_ns(), 0xbeef);
	assert_int_equal(lab_run_mark(WAN_IN, a, n, &r, &mark), 0);
	assert_int_equal(r.code, TC_ACT_UNSPEC);
	assert_int_equal(mark, 0);
	lab_expect_count("injected", RF_R_RELEASED);
	mark = 0xbee0;
	assert_int_equal(lab_run_mark(WAN_IN, a, n, &r, &mark), 0);
	assert_int_equal(r.code, TC_ACT_SHOT);
	assert_int_equal(mark, 0xbee0);
	lab_expect_count("other mark", RF_R_SIP_HELD);
	lab_control(now_ns(), 0);
	mark = 0;
	assert_int_equal(lab_run_mark(WAN_IN, a, n, &r, &mark), 0);
	lab_expect_count("no mark in use", RF_R_SIP_HELD);
}

/* Frames that a promiscuous device picked up are somebody else's. */
static void test_other_host(void **state)
{
	struct pkt p = { WAN4(PUB4, 5060), .pay = PAY_SIP, .dmac = lab_mac_in };

	lab_case("WAN", WAN_IN, &p, RF_R_NONE, NULL);
	lab_case("inside", INSIDE_IN, &p, RF_R_NONE, NULL);
}

/* One event per reason, CPU and 100 ms; the next one says how many were left out. */
static void test_event_limit(void **state)
{
	struct pkt p = { WAN4(PUB4, 20001) }, q = in4;
	static struct result r;
	uint8_t a[2048];
	cpu_set_t one;
	int n = pkt_build(&p, a), i, events = 0;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	for (i = 0; i < 10; i++) {
		lab_run(WAN_IN, a, n, &r);
		events += lab.n_events;
	}
	assert_int_equal(events, 1);
	q.pt = 9;
	n = pkt_build(&q, a);
	lab_run(WAN_IN, a, n, &r);
	assert_int_equal(lab.n_events, 1); /* another reason has its own limit */
	usleep(120000);
	n = pkt_build(&p, a);
	lab_run(WAN_IN, a, n, &r);
	assert_int_equal(lab.n_events, 1);
	assert_int_equal(lab.event.suppressed, 9);
	assert_int_equal(lab.event.pinhole_id, 0);
	assert_int_equal(lab.event.ifindex, lab.w0);
	assert_int_equal(lab.event.len, 200);
	usleep(120000);
	lab_run(WAN_IN, a, n, &r);
	assert_int_equal(lab.n_events, 1);
	assert_int_equal(lab.event.suppressed, 0);
}

/* Mode auto: private addresses are translated, so not guarded by themselves; others are routed. */
static void test_auto_mode(void **state)
{
	static const struct {
		const char *a;
		bool routed;
	} c[] = {
		{ "10.0.0.0", 0 },	  { "10.255.255.255", 0 },  { "11.0.0.0", 1 },
		{ "9.255.255.255", 1 },	  { "172.15.255.255", 1 },  { "172.16.0.0", 0 },
		{ "172.31.255.255", 0 },  { "172.32.0.0", 1 },	    { "192.168.0.0", 0 },
		{ "192.168.255.255", 0 }, { "192.167.255.255", 1 }, { "192.169.0.0", 1 },
		{ "100.64.0.0", 0 },	  { "100.127.255.255", 0 }, { "100.63.255.255", 1 },
		{ "100.128.0.0", 1 },	  { "169.254.0.1", 0 },	    { "169.253.0.1", 1 },
		{ "127.0.0.1", 0 },	  { "fc00::1", 0 },	    { "fdff::1", 0 },
		{ "fe00::1", 1 },	  { "fe80::1", 0 },	    { "febf::1", 0 },
		{ "fec0::1", 1 },	  { "2001:db8::1", 1 },
	};
	unsigned int i;

	map_clear(lab.skel->maps.inside);
	lab_inside("0.0.0.0", 0, RF_MODE_AUTO);
	lab_inside("::", 0, RF_MODE_AUTO);
	for (i = 0; i < ARRAY_SIZE(c); i++) {
		bool v6 = strchr(c[i].a, ':');
		struct pkt p = {
			.src = v6 ? PEER6 : PEER4, .dst = c[i].a, .sport = 1, .dport = 20000
		};

		lab_case(c[i].a, WAN_IN, &p, c[i].routed ? RF_R_NO_PINHOLE : RF_R_NOT_OURS, NULL);
	}
}

/* Mode host for an inside prefix: its packets are judged where this host sends them. */
static void test_host_mode(void **state)
{
	struct pkt p = { INS(IN4, 5060, PEER4, 5060), .pay = PAY_SIP };

	lab_inside("10.0.0.0", 8, RF_MODE_HOST);
	lab_case("SIP", INSIDE_IN, &p, RF_R_NOT_OURS, NULL);
	p.mf = true;
	lab_case("fragment", INSIDE_IN, &p, RF_R_NOT_OURS, NULL);
}

/* RFC 5095 and segment routing: the address in the header is not the last one. */
static void test_segments_left(void **state)
{
	struct pkt p = { WAN6(PUB6, PUB_PORT), .ext = { 43 } };
	static struct result r;
	uint8_t a[512];
	int n = pkt_build(&p, a), h;

	a[14 + 40 + 3] = 1;
	for (h = XDP; h <= WAN_IN; h++) {
		lab_run(h, a, n, &r);
		assert_int_equal(r.code, h == XDP ? XDP_DROP : TC_ACT_SHOT);
		lab_expect_count("segments left", RF_R_SOURCE_ROUTED);
	}
}

/* Without a state nothing can be learnt or counted, but what was agreed on still passes. */
static void test_no_state(void **state)
{
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);
	struct pkt out = translated(&in4, WAN_IN);

	ph.slot = 0;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	map_clear(lab.skel->maps.learnt);
	lab_case("exact", WAN_IN, &in4, RF_R_MEDIA_TC, &out);
	ph.flags |= RF_PH_LEARN;
	lab.cold.learn_until_s = now_ns() / SEC + 2;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	lab_case("learning", WAN_IN, &in4, RF_R_WRONG_SOURCE, NULL);
}

/* With nothing configured at all, everything passes and nothing is touched. */
static void test_unconfigured(void **state)
{
	static const enum hook hooks[] = { XDP, WAN_IN, WAN_OUT, INSIDE_IN };
	struct pkt p = { WAN4(PUB4, 5060), .pay = PAY_SIP };
	int i;

	map_clear(lab.skel->maps.guards);
	map_clear(lab.skel->maps.inside);
	map_clear(lab.skel->maps.pinholes);
	map_clear(lab.skel->maps.devices);
	for (i = 0; i < 4; i++) {
		p.dmac = hooks[i] == INSIDE_IN ? lab_mac_l0 : lab_mac_w0;
		lab_case("nothing", hooks[i], &p, RF_R_NOT_OURS, NULL);
	}
}

static const struct {
	const char *name;
	int at;
	uint8_t value;
	int to_other;
	int reason;
} bad[] = {
	{ "version 5", 14, 0x55, 0, RF_R_BAD_HEADER },
	{ "IHL 4", 14, 0x44, 0, RF_R_BAD_HEADER },
	{ "total length below the header's", 17, 19, 0, RF_R_BAD_HEADER },
	{ "total length beyond the frame", 17, 0xff, 0, RF_R_TRUNCATED },
	{ "UDP length beyond the packet", 39, 0xff, 0, RF_R_TRUNCATED },
	{ "UDP length one beyond", 39, 181, 0, RF_R_TRUNCATED },
	{ "UDP length below the header's", 39, 7, 0, RF_R_BAD_HEADER },
	{ "UDP length below, to another host", 39, 7, 1, RF_R_NOT_OURS },
	{ "version 5, to another host", 14, 0x55, 1, RF_R_NOT_OURS },
};

static void test_bad_headers(void **state)
{
	static struct result r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad) * 2; i++) {
		unsigned int c = i / 2;
		enum hook h = i & 1 ? XDP : WAN_IN;
		struct pkt p = in4;
		uint8_t a[512];
		int n;

		if (bad[c].to_other)
			p.dst = "198.51.100.9";
		lab_reset();
		n = pkt_build(&p, a);
		if (bad[c].at == 39)
			a[38] = 0;
		if (bad[c].at == 17)
			a[16] = 0;
		a[bad[c].at] = bad[c].value;
		lab_run(h, a, n, &r);
		if (r.code != lab_code(h, bad[c].reason))
			fail_msg("%s: code %d", bad[c].name, r.code);
		lab_expect_count(bad[c].name, h == XDP && bad[c].reason == RF_R_NOT_OURS
						      ? RF_R_NONE
						      : bad[c].reason);
		lab_expect_bytes(bad[c].name, r.data, r.len, a, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_media, lab_setup),
		cmocka_unit_test_setup(test_media_inside_xdp, lab_setup),
		cmocka_unit_test_setup(test_inside_xdp_needs_wan, lab_setup),
		cmocka_unit_test_setup(test_media_local_out, lab_setup),
		cmocka_unit_test_setup(test_plain, lab_setup),
		cmocka_unit_test_setup(test_sip_pinhole, lab_setup),
		cmocka_unit_test_setup(test_no_route, lab_setup),
		cmocka_unit_test_setup(test_no_wan, lab_setup),
		cmocka_unit_test_setup(test_away, lab_setup),
		cmocka_unit_test_setup(test_injected, lab_setup),
		cmocka_unit_test_setup(test_other_host, lab_setup),
		cmocka_unit_test_setup(test_event_limit, lab_setup),
		cmocka_unit_test_setup(test_auto_mode, lab_setup),
		cmocka_unit_test_setup(test_host_mode, lab_setup),
		cmocka_unit_test_setup(test_segments_left, lab_setup),
		cmocka_unit_test_setup(test_no_state, lab_setup),
		cmocka_unit_test_setup(test_unconfigured, lab_setup),
		cmocka_unit_test_setup(test_bad_headers, lab_setup),
	};

	const struct CMUnitTest warm[] = {
		cmocka_unit_test_setup(test_media, lab_setup),
		cmocka_unit_test_setup(test_media_inside_xdp, lab_setup),
		cmocka_unit_test_setup(test_plain, lab_setup),
		cmocka_unit_test_setup(test_no_state, lab_setup),
		cmocka_unit_test_setup(test_no_frame, lab_setup),
		cmocka_unit_test_setup(test_bad_headers, lab_setup),
	};
	int failed = cmocka_run_group_tests(tests, lab_up, NULL);

	if (lab_sample() > 1)
		return failed;
	lab.warm = true;
	failed += cmocka_run_group_tests_name("next hops known", warm, NULL, NULL);
	lab.lines = true;
	return failed + cmocka_run_group_tests_name("inbound lines", warm, NULL, lab_down);
}
