// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a test run cannot show: real veth pairs with senders that offload checksums and that do not,
 * delivery by XDP redirect and redirect_neigh up to the socket (which checks the checksum), releases
 * by socket cookie, releases to this host by way of lo, and datagrams larger than a page.
 */
#include "bpf/lab.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

static int ns_box = -1, ns_wan = -1, ns_in = -1;
static pid_t pid_wan, pid_in;

/* A process that does nothing but keep a network namespace. */
static pid_t ns_holder(int *fd)
{
	char path[64], ready;
	int p[2];
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) || write(p[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(p[0], &ready, 1), 1);
	close(p[0]);
	close(p[1]);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	*fd = open(path, O_RDONLY);
	assert_true(*fd >= 0);
	return pid;
}

static void go(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

static int live_up(void **state)
{
	char cmd[256];

	libbpf_set_print(NULL);
	lab_up(state);
	ns_box = open("/proc/self/ns/net", O_RDONLY);
	pid_wan = ns_holder(&ns_wan);
	pid_in = ns_holder(&ns_in);
	snprintf(cmd, sizeof(cmd),
		 "ip link set w1 address 02:00:00:00:00:11 netns %d; "
		 "ip link set l1 address 02:00:00:00:00:42 netns %d",
		 pid_wan, pid_in);
	sh(cmd);
	go(ns_wan);
	sh("ip link set lo up; ip link set w1 up");
	sh("ip addr add 198.51.100.254/24 dev w1; ip addr add 203.0.113.10/24 dev lo;"
	   "ip -6 addr add 2001:db8:1::fe/64 dev w1 nodad; ip -6 addr add 2001:db8:f::10/64 dev lo nodad");
	sh("ip neigh add 198.51.100.1 lladdr 02:00:00:00:00:01 dev w1;"
	   "ip neigh add 2001:db8:1::1 lladdr 02:00:00:00:00:01 dev w1");
	go(ns_in);
	sh("ip link set lo up; ip link set l1 up");
	sh("ip addr add 10.0.0.2/24 dev l1; ip -6 addr add fd00::2/64 dev l1 nodad;"
	   "ip route add default via 10.0.0.1; ip -6 route add default via fd00::1");
	/* native XDP at the far end, or redirects into the pair are lost */
	assert_int_equal(bpf_xdp_attach(if_nametoindex("l1"),
					bpf_program__fd(lab.skel->progs.rf_xdp_pass),
					XDP_FLAGS_DRV_MODE, NULL),
			 0);
	go(ns_box);
	lab_attach_tc(lab.w0, BPF_TC_INGRESS, lab.skel->progs.rf_wan_in);
	lab_attach_tc(lab.w0, BPF_TC_EGRESS, lab.skel->progs.rf_wan_out);
	lab_attach_tc(lab.l0, BPF_TC_INGRESS, lab.skel->progs.rf_inside_in);
	lab_attach_tc(if_nametoindex("lo"), BPF_TC_EGRESS, lab.skel->progs.rf_lo_out);
	return 0;
}

static int live_down(void **state)
{
	kill(pid_wan, SIGKILL);
	kill(pid_in, SIGKILL);
	waitpid(pid_wan, NULL, 0);
	waitpid(pid_in, NULL, 0);
	return lab_down(state);
}

static void xdp_mode(bool ours)
{
	bpf_xdp_detach(lab.w0, XDP_FLAGS_DRV_MODE, NULL);
	if (ours)
		assert_int_equal(bpf_xdp_attach(lab.w0, bpf_program__fd(lab.skel->progs.rf_wan_xdp),
						XDP_FLAGS_DRV_MODE, NULL),
				 0);
}

static void offload(int ns, const char *dev, bool on)
{
	struct ethtool_value v = { .cmd = ETHTOOL_STXCSUM, .data = on };
	struct ifreq ifr = {};
	int fd;

	go(ns);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	strcpy(ifr.ifr_name, dev);
	ifr.ifr_data = (void *)&v;
	assert_int_equal(ioctl(fd, SIOCETHTOOL, &ifr), 0);
	close(fd);
	go(ns_box);
}

static socklen_t sa_fill(struct sockaddr_storage *s, const char *a, uint16_t port)
{
	struct sockaddr_in6 *s6 = (void *)s;
	struct sockaddr_in *s4 = (void *)s;

	memset(s, 0, sizeof(*s));
	if (strchr(a, ':')) {
		s6->sin6_family = AF_INET6;
		s6->sin6_port = htons(port);
		inet_pton(AF_INET6, a, &s6->sin6_addr);
		return sizeof(*s6);
	}
	s4->sin_family = AF_INET;
	s4->sin_port = htons(port);
	inet_pton(AF_INET, a, &s4->sin_addr);
	return sizeof(*s4);
}

static int udp_socket(int ns, const char *a, uint16_t port)
{
	struct timeval tv = { .tv_sec = 2 };
	struct sockaddr_storage s;
	socklen_t n = sa_fill(&s, a, port);
	int fd;

	go(ns);
	fd = socket(s.ss_family, SOCK_DGRAM, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (bind(fd, (void *)&s, n))
		fail_msg("bind %s: %s", a, strerror(errno));
	go(ns_box);
	return fd;
}

static void udp_send(int fd, const char *to, uint16_t port, const void *data, int len)
{
	struct sockaddr_storage s;
	socklen_t n = sa_fill(&s, to, port);

	assert_int_equal(sendto(fd, data, len, 0, (void *)&s, n), len);
}

static void udp_expect(const char *name, int fd, const char *from, uint16_t port, const void *data,
		       int len)
{
	static uint8_t b[70000];
	struct sockaddr_storage s, want;
	socklen_t n = sizeof(s), wn = sa_fill(&want, from, port);
	int r;

	memset(&s, 0, sizeof(s));
	r = recvfrom(fd, b, sizeof(b), 0, (void *)&s, &n);
	if (r != len)
		fail_msg("%s: received %d, %s", name, r, r < 0 ? strerror(errno) : "");
	assert_memory_equal(b, data, len);
	assert_memory_equal(&s, &want, wn);
}

/* The kernel's own neighbour and router discovery counts as NOT_OURS meanwhile. */
static void expect_one(int reason)
{
	__u64 now[RF_R_MAX];

	lab_read_counts(now);
	assert_int_equal(now[reason] - lab.counts[reason], 1);
	memcpy(lab.counts, now, sizeof(now));
}

/* Both ways through every kind of delivery and both checksum states of the sender. */
static void test_media(void **state)
{
	uint8_t rtp[173] = { 0x80, 0, 0, 1 };
	int i;

	for (i = 0; i < 8; i++) {
		bool v6 = i & 1, xdp = i & 2, on = i & 4;
		const char *in = v6 ? IN6 : IN4, *peer = v6 ? PEER6 : PEER4;
		const char *pub = v6 ? PUB6 : PUB4;
		char name[64];
		__u64 now[RF_R_MAX];
		int a, b;

		snprintf(name, sizeof(name), "%s, %s, offload %s", v6 ? "IPv6" : "IPv4",
			 xdp ? "XDP" : "TC", on ? "on" : "off");
		xdp_mode(xdp);
		offload(ns_wan, "w1", on);
		offload(ns_in, "l1", on);
		lab_reset();
		a = udp_socket(ns_wan, peer, PEER_PORT);
		b = udp_socket(ns_in, in, IN_PORT);
		udp_send(a, pub, PUB_PORT, rtp, sizeof(rtp));
		udp_expect(name, b, peer, PEER_PORT, rtp, sizeof(rtp));
		udp_send(b, peer, PEER_PORT, rtp, sizeof(rtp));
		udp_expect(name, a, pub, PUB_PORT, rtp, sizeof(rtp));
		lab_read_counts(now);
		/* XDP leaves IPv6 with a partial checksum to TC */
		assert_int_equal(now[RF_R_MEDIA_XDP] - lab.counts[RF_R_MEDIA_XDP],
				 xdp && !(v6 && on) ? 1 : 0);
		assert_int_equal(now[RF_R_MEDIA_TC] - lab.counts[RF_R_MEDIA_TC],
				 xdp && !(v6 && on) ? 1 : 2);
		close(a);
		close(b);
	}
	xdp_mode(false);
}

/* ---- the mark of what was delivered: RF_TC_DELIVERED of bpf/config.h ---- */

#define DELIVERED 0x5246

/* At one end of a veth pair. .set: marks all that leaves; else drops what comes in marked */
static void mark_attach(int ns, const char *dev, bool set)
{
	static const int at = offsetof(struct __sk_buff, tc_index);
	const struct bpf_insn marks[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = DELIVERED },
		{ .code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = 1, .src_reg = 2, .off = at },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = TC_ACT_UNSPEC },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const struct bpf_insn drops[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1, .off = at },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = TC_ACT_UNSPEC },
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 2, .off = 1, .imm = DELIVERED },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = TC_ACT_SHOT },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = set ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);

	opts.prog_fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "mark", "GPL", set ? marks : drops,
				     set ? ARRAY_SIZE(marks) : ARRAY_SIZE(drops), NULL);
	assert_true(opts.prog_fd >= 0);
	go(ns);
	hook.ifindex = if_nametoindex(dev);
	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	close(opts.prog_fd);
	go(ns_box);
}

static void mark_detach(int ns, const char *dev)
{
	char cmd[64];

	go(ns);
	snprintf(cmd, sizeof(cmd), "tc qdisc del dev %s clsact", dev);
	sh(cmd);
	go(ns_box);
}

/* Has the egress hook looked at a packet from there? struct rf_pkt of bpf/packet.h: a time, then the source */
static bool egress_looked_at(const char *src, uint16_t port)
{
	size_t size = bpf_map__value_size(lab.skel->maps.packets);
	int cpus = libbpf_num_possible_cpus(), c;
	__u32 hook = RF_HOOK_WAN_OUT;
	struct rf_ep e = ep(src, port);
	uint8_t *v = calloc(cpus, size);
	bool looked = false;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.packets), &hook, v), 0);
	for (c = 0; c < cpus; c++)
		looked |= !memcmp(v + c * size + 8, &e, offsetof(struct rf_ep, port) + 2);
	free(v);
	return looked;
}

static bool counted(int reason)
{
	__u64 now[RF_R_MAX];

	lab_read_counts(now);
	return now[reason] != lab.counts[reason];
}

/* Media is not looked at again where it leaves, and takes the mark nowhere; nobody else's mark counts. */
static void test_delivered_mark(void **state)
{
	uint8_t rtp[172] = { 0x80, 0, 0, 1 };
	int v6, a, b, k;

	for (v6 = 0; v6 < 2; v6++) {
		const char *in = v6 ? IN6 : IN4, *peer = v6 ? PEER6 : PEER4;
		const char *pub = v6 ? PUB6 : PUB4;

		lab_reset();
		lab_poison_contexts();
		mark_attach(ns_wan, "w1", false);
		a = udp_socket(ns_wan, peer, PEER_PORT);
		b = udp_socket(ns_in, in, IN_PORT);
		for (k = 0; k < 20; k++) { /* and once the next hop is known */
			udp_send(b, peer, PEER_PORT, rtp, sizeof(rtp));
			udp_expect("unmarked", a, pub, PUB_PORT, rtp, sizeof(rtp));
		}
		assert_false(egress_looked_at(pub, PUB_PORT));
		close(b);
		b = udp_socket(ns_in, in, IN_PORT + 2);
		mark_attach(ns_in, "l1", true);
		lab_read_counts(lab.counts);
		udp_send(b, peer, PEER_PORT, rtp, sizeof(rtp));
		for (k = 0; k < 100 && !counted(RF_R_UNTRANSLATED); k++)
			usleep(20000); /* a slow machine's softirq */
		expect_one(RF_R_UNTRANSLATED);
		mark_detach(ns_in, "l1");
		mark_detach(ns_wan, "w1");
		close(a);
		close(b);
	}
}

/* Two inside endpoints whose SDP names our public address (RFC 4787 REQ-9). */
static void test_hairpin(void **state)
{
	uint8_t rtp[172] = { 0x80, 0, 0, 1 };
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		const char *pub = v6 ? PUB6 : PUB4, *in = v6 ? IN6 : IN4;
		struct rf_pinhole ph;
		int a, b, side;

		lab_reset();
		lab_control(now_ns(), 0x5eed);
		for (side = 0; side < 2; side++) { /* ports 4000 and 5000, public 20000 and 21000 */
			ph = ph_new(v6, RF_DIR_IN);
			ph.id = PH_ID + side;
			ph.xlate = ep(in, 4000 + 1000 * side);
			ph.remote.addr = addr(pub);
			ph.remote.port = htons(21000 - 1000 * side);
			ph_set(pub, 20000 + 1000 * side, RF_DIR_IN, &ph);
			ph.xlate = ep(pub, 20000 + 1000 * side);
			ph_set(in, 4000 + 1000 * side, RF_DIR_OUT, &ph);
		}
		a = udp_socket(ns_in, in, 4000);
		b = udp_socket(ns_in, in, 5000);
		udp_send(a, pub, 21000, rtp, sizeof(rtp));
		udp_expect("hairpin", b, pub, 20000, rtp, sizeof(rtp));
		udp_send(b, pub, 20000, rtp, sizeof(rtp));
		udp_expect("hairpin back", a, pub, 21000, rtp, sizeof(rtp));
		close(a);
		close(b);
	}
}

/* tun and wireguard have no Ethernet header; the neighbour code wants one. */
static void test_l3_device(void **state)
{
	struct pkt p = {
		.no_eth = true, .src = IN4, .dst = PEER4, .sport = IN_PORT, .dport = PEER_PORT
	};
	struct ifreq ifr = { .ifr_name = "t0", .ifr_flags = IFF_TUN | IFF_NO_PI };
	int tun = open("/dev/net/tun", O_RDWR), a, v6, n;
	struct pollfd pf = { .fd = tun, .events = POLLIN };
	struct rf_pinhole ph;
	static uint8_t b[2048];
	struct rf_addr to;

	if (tun < 0 || ioctl(tun, TUNSETIFF, &ifr))
		fail_msg("no tun device: %s", strerror(errno));
	sh("ip link set t0 up; ip addr add 10.7.0.1/24 dev t0; ip -6 addr add fd07::1/64 dev t0 nodad");
	lab_attach_tc(if_nametoindex("t0"), BPF_TC_INGRESS, lab.skel->progs.rf_inside_in);
	for (v6 = 0; v6 < 2; v6++) {
		const char *in = v6 ? "fd07::2" : "10.7.0.2", *peer = v6 ? PEER6 : PEER4;
		const char *pub = v6 ? PUB6 : PUB4;

		lab_reset();
		lab_device(if_nametoindex("t0"), RF_DEV_INSIDE, RF_DEV_L3);
		ph = ph_new(v6, RF_DIR_OUT);
		ph_set(in, IN_PORT, RF_DIR_OUT, &ph);
		ph = ph_new(v6, RF_DIR_IN);
		ph.xlate = ep(in, IN_PORT);
		ph_set(pub, PUB_PORT, RF_DIR_IN, &ph);
		a = udp_socket(ns_wan, peer, PEER_PORT);
		p.src = in;
		p.dst = peer;
		n = pkt_build(&p, b);
		assert_int_equal(write(tun, b, n), n);
		udp_expect("from tun", a, pub, PUB_PORT, b + pkt_l3_len(&p) + 8, 172);
		udp_send(a, pub, PUB_PORT, b + pkt_l3_len(&p) + 8, 172);
		/* past what the kernel itself sends there */
		do {
			assert_int_equal(poll(&pf, 1, 2000), 1);
			n = read(tun, b, sizeof(b));
		} while (n != 200 + 20 * v6);
		to = addr(in);
		assert_memory_equal(b + (v6 ? 24 : 16), v6 ? &to.w[0] : &to.w[3], v6 ? 16 : 4);
		assert_int_equal(get16(b + (v6 ? 42 : 22)), IN_PORT);
		if (!v6)
			assert_int_equal(csum_add(0, b, 20), 0xffff);
		assert_int_equal(csum_add(pseudo_sum(peer, in, 17, 180), b + 20 + 20 * v6, 180),
				 0xffff);
		close(a);
	}
	close(tun);
}

/* An inside host's ICMP error reaches the peer's socket as one about its own packet. */
static void test_icmp(void **state)
{
	uint8_t rtp[172] = { 0x80, 0, 0, 1 }, b[16];
	int v6, a, i;

	for (v6 = 0; v6 < 2; v6++) {
		struct sockaddr_storage s;
		socklen_t n = sa_fill(&s, v6 ? PUB6 : PUB4, PUB_PORT);

		lab_reset();
		a = udp_socket(ns_wan, v6 ? PEER6 : PEER4, PEER_PORT);
		assert_int_equal(connect(a, (void *)&s, n), 0);
		assert_int_equal(send(a, rtp, sizeof(rtp), 0), sizeof(rtp));
		i = recv(a, b, sizeof(b), 0); /* nobody listens inside */
		assert_int_equal(i, -1);
		assert_int_equal(errno, ECONNREFUSED);
		close(a);
	}
}

/* From one byte to the largest datagram, as one skb, linear or not. */
static void test_large_punts(void **state)
{
	static const int sizes[] = { 1, 100, 1472, 1473, 4000, 8972, 9000, 32768, 65000, 65507 };
	static uint8_t data[65507];
	unsigned int i;
	int v6;

	sh("ip link set w0 mtu 65535");
	go(ns_wan);
	sh("ip link set w1 mtu 65535");
	go(ns_box);
	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 31 + i / 251;
	for (v6 = 0; v6 < 2; v6++) {
		int a = udp_socket(ns_wan, v6 ? PEER6 : PEER4, 40000), l3 = v6 ? 40 : 20;

		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			int len = v6 && sizes[i] > 65487 ? 65487 : sizes[i];

			lab_reset();
			udp_send(a, v6 ? PUB6 : PUB4, 5060, data, len);
			usleep(20000);
			lab_drain();
			if (lab.n_punts != 1)
				fail_msg("%d bytes: %d punts", len, lab.n_punts);
			assert_int_equal(lab.punt.len, l3 + 8 + len);
			assert_int_equal(lab.punt.kind, RF_PUNT_SIP);
			assert_memory_equal(lab.punt_data + l3 + 8, data, len);
			expect_one(RF_R_SIP_HELD);
		}
		close(a);
	}
	sh("ip link set w0 mtu 1500");
	go(ns_wan);
	sh("ip link set w1 mtu 1500");
	go(ns_box);
}

/* A real datagram over the MTU: the kernel's own fragments are all held, at either hook. */
static void test_real_fragments(void **state)
{
	static uint8_t data[4000];
	int a = udp_socket(ns_wan, PEER4, 40000), b = udp_socket(ns_in, IN4, 5060);
	int h = udp_socket(ns_box, PUB4, 5060);

	udp_send(a, PUB4, 5060, data, sizeof(data));
	usleep(20000);
	lab_drain();
	assert_int_equal(lab.n_punts, 3);
	assert_int_equal(lab.punt.hook, RF_HOOK_WAN_IN);
	udp_send(b, PEER4, 5060, data, sizeof(data));
	usleep(20000);
	lab_drain();
	assert_int_equal(lab.n_punts, 3);
	assert_int_equal(lab.punt.hook, RF_HOOK_INSIDE_IN);
	assert_int_equal(lab.punt.kind, RF_PUNT_FRAGMENT);
	udp_send(h, PEER4, 5060, data, sizeof(data));
	usleep(20000);
	lab_drain();
	assert_int_equal(lab.n_punts, 3);
	assert_int_equal(lab.punt.hook, RF_HOOK_WAN_OUT);
	close(a);
	close(b);
	close(h);
}

static int raw_socket(bool v6, __u32 mark, int slot)
{
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW), one = 1;
	struct rf_control c = { .heartbeat_ns = now_ns(), .inject_mark = 0x5eed };
	socklen_t n = sizeof(c.cookies[0]);
	__u32 zero = 0;

	assert_true(fd >= 0);
	if (mark)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	if (v6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &one, sizeof(one)), 0);
	if (slot >= 0) {
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &c.cookies[slot], &n), 0);
		map_set(lab.skel->maps.control, &zero, &c);
	}
	return fd;
}

static int raw_send(int fd, const struct pkt *p)
{
	static uint8_t b[PKT_MAX];
	struct sockaddr_storage s;
	socklen_t n = sa_fill(&s, p->dst, 0);
	int len = pkt_build(p, b);

	return sendto(fd, b, len, 0, (void *)&s, n) == len ? 0 : -errno;
}

/* SIP from this host: held, the sender sees no error; the controller's own goes out. */
static void test_release_out(void **state)
{
	int v6, slot;

	for (v6 = 0; v6 < 2; v6++)
		for (slot = 0; slot < RF_COOKIES_JUDGE; slot += 3) {
			const char *pub = v6 ? PUB6 : PUB4, *peer = v6 ? PEER6 : PEER4;
			struct pkt p = { .no_eth = true,
					 .src = pub,
					 .dst = peer,
					 .sport = 5060,
					 .dport = 5060,
					 .pay = PAY_SIP };
			uint8_t sip[2048];
			int a, b, c;

			lab_reset();
			pkt_build(&p, sip);
			a = udp_socket(ns_wan, peer, 5060);
			b = udp_socket(ns_box, pub, 5060);
			udp_send(b, peer, 5060, sip, 100);
			lab_drain();
			assert_int_equal(lab.n_punts, 1);
			assert_int_equal(lab.punt.hook, RF_HOOK_WAN_OUT);
			c = raw_socket(v6, 0, slot);
			assert_int_equal(raw_send(c, &p), 0);
			udp_expect("released", a, pub, 5060, sip + pkt_l3_len(&p) + 8, 400);
			lab_drain();
			assert_int_equal(lab.n_punts, 0);
			close(c);
			/* the same socket options, another socket */
			c = raw_socket(v6, 0, -1);
			assert_int_equal(raw_send(c, &p), 0);
			lab_drain();
			assert_int_equal(lab.n_punts, 1);
			close(a);
			close(b);
			close(c);
		}
}

static unsigned int nft_counter(const char *name)
{
	char cmd[128], line[256];
	unsigned int n = ~0u;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "nft list counter inet t %s", name);
	f = popen(cmd, "r");
	while (fgets(line, sizeof(line), f))
		sscanf(line, " packets %u", &n);
	pclose(f);
	return n;
}

/*
 * A release to this host itself, from the peer's real address: it must reach the socket as if the
 * WAN device had received it: IP_PKTINFO, and netfilter's INPUT hook, whose rules would be
 * slipped past if it came by lo. Strict reverse path filter on; larger than the WAN's MTU, too.
 */
static void test_release_to_host(void **state)
{
	int one = 1, v6, i;

	sysctl_set("ipv4/conf/all/rp_filter", "1");
	sysctl_set("ipv4/conf/w0/rp_filter", "1");
	sh("nft add table inet t; nft add counter inet t wan; nft add counter inet t lo;"
	   "nft 'add chain inet t i { type filter hook input priority 0; }';"
	   "nft add rule inet t i iifname w0 udp dport 5060 counter name wan;"
	   "nft add rule inet t i iifname lo udp dport 5060 counter name lo");
	for (v6 = 0; v6 < 2; v6++) {
		const char *pub = v6 ? PUB6 : PUB4, *peer = v6 ? PEER6 : PEER4;
		int fd = udp_socket(ns_box, pub, 5060), raw;
		unsigned int wan = nft_counter("wan"), lo = nft_counter("lo");

		lab_reset();
		setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO,
			   &one, sizeof(one));
		raw = raw_socket(v6, lab.w0, 3);
		for (i = 0; i < 3; i++) {
			static const int sizes[] = { 400, 1473, 60000 };
			struct pkt p = { .no_eth = true,
					 .src = peer,
					 .dst = pub,
					 .sport = 5060,
					 .dport = 5060,
					 .pay = PAY_SIP,
					 .len = sizes[i] };
			static uint8_t b[PKT_MAX];
			char ctl[128];
			struct iovec iov = { b, sizeof(b) };
			struct msghdr m = { .msg_iov = &iov,
					    .msg_iovlen = 1,
					    .msg_control = ctl,
					    .msg_controllen = sizeof(ctl) };
			struct cmsghdr *c;
			unsigned int ifindex = 0;

			assert_int_equal(raw_send(raw, &p), 0);
			if (recvmsg(fd, &m, 0) != sizes[i])
				fail_msg("%s, %d bytes: not received", pub, sizes[i]);
			for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
				ifindex = v6 ? ((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_ifindex
					     : (unsigned int)((struct in_pktinfo *)CMSG_DATA(c))
							  ->ipi_ifindex;
			assert_int_equal(ifindex, lab.w0);
			expect_one(RF_R_RELEASED);
			lab_drain();
			assert_int_equal(lab.n_punts, 0);
		}
		assert_int_equal(nft_counter("wan") - wan, 3);
		assert_int_equal(nft_counter("lo") - lo, 0);
		close(raw);
		/* the mark alone is worth nothing: a socket that is not the controller's stays on lo */
		raw = raw_socket(v6, lab.w0, -1);
		raw_send(raw, &(struct pkt){ .no_eth = true,
					     .src = pub,
					     .dst = pub,
					     .sport = 5060,
					     .dport = 5060,
					     .pay = PAY_SIP });
		usleep(20000);
		assert_int_equal(nft_counter("wan") - wan, 3);
		assert_int_equal(nft_counter("lo") - lo, 1);
		close(raw);
		close(fd);
	}
	sh("nft delete table inet t");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_media, lab_setup),
		cmocka_unit_test_setup(test_delivered_mark, lab_setup),
		cmocka_unit_test_setup(test_hairpin, lab_setup),
		cmocka_unit_test_setup(test_l3_device, lab_setup),
		cmocka_unit_test_setup(test_icmp, lab_setup),
		cmocka_unit_test_setup(test_large_punts, lab_setup),
		cmocka_unit_test_setup(test_real_fragments, lab_setup),
		cmocka_unit_test_setup(test_release_out, lab_setup),
		cmocka_unit_test_setup(test_release_to_host, lab_setup),
	};

	return cmocka_run_group_tests(tests, live_up, live_down);
}
