/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is this payload? Fetches the bytes that rf_media_read() asks for.
 */
#ifndef RF_BPF_CLASSIFY_H
#define RF_BPF_CLASSIFY_H

#include "packet.h"
#include "rf_udptl.h"

#define RF_PEEK_BUF 32 /* power of two: lets the verifier bound a length by a mask */
_Static_assert(RF_MEDIA_HEAD <= RF_PEEK_BUF && RF_MEDIA_HEAD % 4 == 0, "rf_peek()");

static __always_inline long rf_load(void *ctx, const bool xdp, __u32 off, void *to, __u32 len)
{
	return xdp ? bpf_xdp_load_bytes(ctx, off, to, len) : bpf_skb_load_bytes(ctx, off, to, len);
}

static __always_inline void *rf_data(void *ctx, const bool xdp)
{
	return xdp ? (void *)(long)((struct xdp_md *)ctx)->data
		   : (void *)(long)((struct __sk_buff *)ctx)->data;
}

static __always_inline void *rf_data_end(void *ctx, const bool xdp)
{
	return xdp ? (void *)(long)((struct xdp_md *)ctx)->data_end
		   : (void *)(long)((struct __sk_buff *)ctx)->data_end;
}

/* The first bytes of the payload; what is not there stays 0. */
static __always_inline void rf_peek(void *ctx, const bool xdp, const struct rf_pkt *p, __u8 *b)
{
	__u64 n = p->pay_len;
	__u32 off = p->l4_off + sizeof(struct udphdr);
	void *data = rf_data(ctx, xdp), *end = rf_data_end(ctx, xdp);
	__u32 *from, *to = (__u32 *)b;

	if (off > RF_HDRS_MAX + sizeof(struct udphdr))
		return;
	from = data + off;
	if ((void *)(from + RF_MEDIA_HEAD / 4) <= end) {
		to[0] = from[0];
		to[1] = from[1];
		to[2] = from[2];
		to[3] = from[3];
		to[4] = from[4];
		return;
	}
	if (!n)
		return;
	if (n > RF_MEDIA_HEAD)
		n = RF_MEDIA_HEAD;
	/* the shape that the verifier of 6.1 understands, as in punt.h */
	n--;
	RF_BARRIER(n);
	n &= RF_PEEK_BUF - 1;
	RF_BARRIER(n);
	n++;
	rf_load(ctx, xdp, off, b, n);
}

/* A global function: verified once, and what it makes of *u the verifier does not follow through the loop. */
__noinline enum rf_udptl_stage rf_udptl_one(struct rf_udptl *u, __u32 peek)
{
	if (!u)
		return RF_UDPTL_NOT;
	rf_udptl_step(u, peek);
	return u->stage;
}

/* .off: of the payload, .n: its bytes */
static __always_inline enum rf_udptl_stage rf_udptl_all(void *ctx, const bool xdp, __u32 off,
							__u32 n)
{
	__u8 b[RF_UDPTL_PEEK];
	struct rf_udptl u;
	int i;

	rf_udptl_begin(&u, n);
	for (i = 0; i < RF_UDPTL_STEPS && !rf_udptl_done(&u); i++) {
		if (rf_load(ctx, xdp, off + rf_udptl_next(&u), b, sizeof(b)))
			return RF_UDPTL_NOT;
		rf_udptl_one(&u, rf_be32(b));
	}
	return u.stage;
}

/* These, too, so that no other packet pays for their place on the stack. */
__noinline enum rf_udptl_stage rf_udptl_xdp(struct xdp_md *ctx, __u32 off, __u32 n)
{
	return rf_udptl_all(ctx, true, off, n);
}

__noinline enum rf_udptl_stage rf_udptl_tc(struct __sk_buff *ctx, __u32 off, __u32 n)
{
	return rf_udptl_all(ctx, false, off, n);
}

/* .agreed: enum rf_class bits of the pinhole, or of what is looked for */
static __always_inline void rf_classify(void *ctx, const bool xdp, const struct rf_pkt *p,
					__u16 agreed, struct rf_media *m)
{
	__u8 b[RF_PEEK_BUF] __attribute__((aligned(4))) = {}, x[4] = {};
	__u32 n = p->pay_len, at, ext = RF_MEDIA_NO_EXT;

	rf_peek(ctx, xdp, p, b);
	at = rf_media_ext_at(b);
	if (at && at + sizeof(x) <= n &&
	    !rf_load(ctx, xdp, p->l4_off + sizeof(struct udphdr) + at, x, sizeof(x)))
		ext = rf_be16(x + 2);
	rf_media_read(b, n, ext, agreed, m);
	at = p->l4_off + sizeof(struct udphdr);
	if (rf_media_may_be_udptl(agreed, m) &&
	    (xdp ? rf_udptl_xdp(ctx, at, n) : rf_udptl_tc(ctx, at, n)) == RF_UDPTL_WHOLE)
		rf_media_is_udptl(m);
}

#endif
