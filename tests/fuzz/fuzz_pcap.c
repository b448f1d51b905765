/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libFuzzer: replay of a capture. The bytes are the file itself, if they begin like one (see tests/data);
 * else they are datagrams as unit/flows_script.h has them, put into frames here, so that what lies behind
 * the framing is reached as well:
 *	a..f, h	from an inside host	A..F, H, S	from outside	T U	time passes
 *	O	from here on: 1 over TCP, 2 in fragments, 4 VLAN, 8 cut by the capture, 16 of 64 bytes each
 *		(TCP), 32 every other segment late, 64 seen on the outside of the NAT
 *	P p	RTP from inside, to inside: ports of both ends, how many
 * Whatever it is: text and JSON come out, the one without control characters, the other valid.
 * Build: clang -fsanitize=fuzzer,address,undefined.
 */
#include <arpa/inet.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replay.h"
#include "text_safe.h"
#include "unit/check_views.h"

#define SNAP	 400
#define FILE_MAX (512 << 10)

enum { TCP = 1, FRAGMENTS = 2, VLAN = 4, CUT = 8, SMALL = 16, LATE = 32, OUTSIDE = 64 };

struct capture {
	uint8_t *p;
	size_t n;
	uint64_t ns;
	unsigned int flags, id;
	uint32_t seq[16]; /* of the TCP stream of each host and way */
};

struct frame {
	bool v6, tcp;
	const char *src, *dst;
	uint16_t sport, dport;
	uint32_t seq;
	const uint8_t *p;
	size_t n;
};

static void put(struct capture *c, const void *p, size_t n)
{
	if (c->n + n > FILE_MAX)
		return;
	memcpy(c->p + c->n, p, n);
	c->n += n;
}

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void record(struct capture *c, const uint8_t *eth, size_t n)
{
	uint32_t h[4] = { (uint32_t)(c->ns / 1000000000), (uint32_t)(c->ns % 1000000000),
			  (uint32_t)n, (uint32_t)n };

	if ((c->flags & CUT) && n > SNAP)
		h[2] = SNAP;
	put(c, h, sizeof(h));
	put(c, eth, h[2]);
	c->ns += 1000000;
}

/* One IP packet, or one fragment, in its Ethernet frame. */
static void packet(struct capture *c, const struct frame *f, const uint8_t *l4, size_t n, size_t at,
		   bool more)
{
	static uint8_t buf[20000];
	size_t e = c->flags & VLAN ? 18 : 14, h = f->v6 ? 40 : 20;
	uint8_t *ip = buf + e;

	memset(buf, 0, sizeof(buf));
	if (c->flags & VLAN)
		memcpy(buf + 12, "\x81\x00\x00\x07", 4);
	put16(buf + e - 2, f->v6 ? 0x86dd : 0x0800);
	if (f->v6) {
		ip[0] = 0x60;
		put16(ip + 4, (unsigned int)n);
		ip[6] = f->tcp ? 6 : 17;
		ip[7] = 64;
		inet_pton(AF_INET6, f->src, ip + 8);
		inet_pton(AF_INET6, f->dst, ip + 24);
	} else {
		ip[0] = 0x45;
		put16(ip + 2, (unsigned int)(n + 20));
		put16(ip + 4, c->id);
		put16(ip + 6, (more ? 0x2000 : 0) | (unsigned int)(at / 8));
		ip[8] = 64;
		ip[9] = f->tcp ? 6 : 17;
		inet_pton(AF_INET, f->src, ip + 12);
		inet_pton(AF_INET, f->dst, ip + 16);
	}
	memcpy(ip + h, l4, n);
	record(c, buf, e + h + n);
}

static void segment(struct capture *c, const struct frame *f)
{
	static uint8_t l4[18000];
	size_t n = f->n + (f->tcp ? 20 : 8), step = 576, at;

	memset(l4, 0, 20);
	put16(l4, f->sport);
	put16(l4 + 2, f->dport);
	if (f->tcp) {
		put16(l4 + 4, f->seq >> 16);
		put16(l4 + 6, f->seq & 0xffff);
		l4[12] = 0x50;
		l4[13] = f->n ? 0x18 : 2;
		memcpy(l4 + 20, f->p, f->n);
	} else {
		put16(l4 + 4, (unsigned int)n);
		if (f->v6)
			put16(l4 + 6, 0xffff); /* any: a wrong one is seen */
		memcpy(l4 + 8, f->p, f->n);
	}
	c->id++;
	if (!(c->flags & FRAGMENTS) || f->v6 || n <= step) {
		packet(c, f, l4, n, 0, false);
		return;
	}
	for (at = 0; at < n; at += step)
		packet(c, f, l4 + at, n - at < step ? n - at : step, at, at + step < n);
}

static void stream(struct capture *c, struct frame *f, uint32_t *seq)
{
	size_t step = c->flags & SMALL ? 64 : 1000, n = f->n, at;
	const uint8_t *p = f->p;

	f->tcp = true;
	if (!*seq) {
		*seq = 0xfffffe00; /* wraps soon */
		f->n = 0;
		f->seq = (*seq)++;
		segment(c, f);
	}
	for (int late = 0; late < 2; late++)
		for (at = 0; at < n; at += step) {
			if (late != ((c->flags & LATE) && at / step % 2))
				continue;
			f->p = p + at;
			f->n = n - at < step ? n - at : step;
			f->seq = *seq + (uint32_t)at;
			segment(c, f);
		}
	*seq += (uint32_t)n;
}

static bool address(struct capture *c, uint8_t who, struct frame *f)
{
	static const char *const inside[] = { "192.168.1.10", "192.168.1.11", "192.168.1.12" };
	uint8_t k = who | 0x20;
	const char *in, *ex;

	if (who == 'S')
		k = 'a';
	if (k < 'a' || k > 'h')
		return false;
	f->v6 = k == 'h';
	in = f->v6 ? "fd00::10" : c->flags & OUTSIDE ? "203.0.113.1" : inside[(k - 'a') % 3];
	ex = who == 'S' ? "192.0.2.66"
	     : f->v6	? "2001:db8:2::9"
	     : k == 'g' ? "192.0.2.20"
	     : k >= 'd' ? "198.51.100.10"
			: "198.51.100.9";
	f->src = who >= 'a' ? in : ex;
	f->dst = who >= 'a' ? ex : in;
	return true;
}

static void media(struct capture *c, const uint8_t *p, size_t n)
{
	uint8_t rtp[172] = { 0x80, 0 };
	struct frame f = { .p = rtp, .n = sizeof(rtp) };

	if (n < 6 || !address(c, *p == 'p' ? 'a' : 'A', &f))
		return;
	f.sport = (uint16_t)(p[1] << 8 | p[2]);
	f.dport = (uint16_t)(p[3] << 8 | p[4]);
	for (unsigned int i = 0; i < p[5] % 8u; i++) {
		rtp[1] = n > 6 ? p[6] : 0;
		rtp[3] = (uint8_t)i;
		segment(c, &f);
	}
}

static void step(struct capture *c, const uint8_t *p, size_t n)
{
	uint64_t amount = n > 1 ? p[1] : 1;
	struct frame f = { .sport = 5060, .dport = 5060 };

	switch (*p) {
	case 'T': c->ns += amount * 1000000000; return;
	case 'U': c->ns += amount * 60000000000; return;
	case 'O': c->flags = (unsigned int)amount; return;
	case 'P':
	case 'p': media(c, p, n); return;
	default: break;
	}
	if (!address(c, *p, &f))
		return;
	f.p = p + 1;
	f.n = n - 1 > 16000 ? 16000 : n - 1;
	if (c->flags & TCP)
		stream(c, &f, &c->seq[(*p & 7) + (*p >= 'a' ? 8 : 0)]);
	else
		segment(c, &f);
	c->ns += 20000000;
}

static void make(struct capture *c, const uint8_t *data, size_t size)
{
	static const uint32_t head[] = { 0xa1b23c4d, 2 | 4 << 16, 0, 0, 65535, 1 };
	const uint8_t *end = data + size;

	put(c, head, sizeof(head));
	c->ns = 1700000000ull * 1000000000;
	for (int i = 0; i < 64 && data < end; i++) {
		const uint8_t *q = memchr(data, 0xff, (size_t)(end - data));
		size_t n = (size_t)((q ? q : end) - data);

		if (n)
			step(c, data, n);
		data += n + 1;
	}
}

static void check_text(const char *p, size_t n)
{
	unsigned int len;

	CHECK(strlen(p) == n);
	for (; *p; p += len) {
		int32_t c = text_char(p, &len);

		CHECK(c >= 0 && (c == '\n' || c == '\t' || !text_harmful(c)));
	}
}

static void check_json(const char *p, size_t n)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o;

	check_text(p, n);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, p, (int)n + 1);
	CHECK(o && json_tokener_get_error(t) == json_tokener_success);
	json_object_put(o);
	json_tokener_free(t);
}

static void show(struct replay *r, enum out_format format)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct out *o = out_new(format, f, stderr);

	replay_show(r, o);
	CHECK(!out_close(o));
	fclose(f);
	if (format == OUT_TEXT)
		check_text(text, n);
	else
		check_json(text, n);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char magics[][4] = { "\xa1\xb2\xc3\xd4", "\xd4\xc3\xb2\xa1",
					  "\xa1\xb2\x3c\x4d", "\x4d\x3c\xb2\xa1",
					  "\x0a\x0d\x0d\x0a" };
	static uint8_t file[FILE_MAX];
	struct capture c = { .p = file };
	struct replay_options *o = calloc(1, sizeof(*o));
	char path[40], why[REPLAY_WHY_MAX] = "";
	struct replay *r;
	int fd = memfd_create("capture", 0);

	for (size_t i = 0; i < 5 && size >= 4; i++)
		if (!memcmp(data, magics[i], 4))
			put(&c, data, size);
	if (!c.n)
		make(&c, data, size);
	CHECK(fd >= 0 && write(fd, c.p, c.n) == (ssize_t)c.n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config_defaults(&o->config);
	o->anybody = true;
	if (c.flags & OUTSIDE)
		addr_parse(view_of("203.0.113.1"), &o->publics[o->n_publics++]);
	r = replay_new(o);
	CHECK(r);
	if (replay_run(r, path, why)) {
		CHECK(*why);
		check_text(why, strlen(why));
	}
	show(r, OUT_TEXT);
	show(r, OUT_JSON);
	replay_free(r);
	free(o);
	close(fd);
	return 0;
}
