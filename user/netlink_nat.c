// SPDX-License-Identifier: GPL-2.0-only
/*
 * UDP sockets by sock_diag, NAT rules of nf_tables (iptables-nft has its own there) by libnftnl. Of a rule is read
 * what names a UDP destination port and what becomes of it; whatever else it asks is taken for granted.
 */
#include "netlink_nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h> /* libnftnl does not bring it */

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "netlink_priv.h"

#define UDP_UNCONNECTED 7 /* TCP_CLOSE, as the kernel says of such a socket */
#define REGISTERS	32 /* 4 bytes each, by their newer numbers from NFT_REG32_00 on */
#define TRIES		5 /* of a dump that changed while it was read */

struct list {
	struct port_owner *v;
	size_t n, cap;
};

static struct port_owner *list_add(struct list *l)
{
	struct port_owner *v;

	if (l->n == l->cap) {
		v = reallocarray(l->v, l->cap * 2 + 64, sizeof(*v));
		if (!v)
			return NULL;
		l->cap = l->cap * 2 + 64;
		l->v = v;
	}
	v = &l->v[l->n++];
	memset(v, 0, sizeof(*v));
	return v;
}

static struct rf_addr addr_of(const void *bytes, size_t n)
{
	struct rf_addr a = { .w[2] = n == 4 ? htonl(0xffff) : 0 };

	memcpy(n == 4 ? &a.w[3] : a.w, bytes, n);
	return a;
}

/* ---- sockets ---- */

static int socket_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct port_owner *o;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return MNL_CB_OK;
	o = list_add(arg);
	if (!o) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	o->kind = PORT_OWNER_SOCKET;
	o->lo = o->hi = ntohs(m->id.idiag_sport);
	o->at = addr_of(m->id.idiag_src, m->idiag_family == AF_INET ? 4 : 16);
	/* 0.0.0.0 is any as :: is */
	if (m->idiag_family == AF_INET && !m->id.idiag_src[0])
		o->at = (struct rf_addr){ 0 };
	return MNL_CB_OK;
}

static int sockets(struct list *l, int family)
{
	struct inet_diag_req_v2 req = {
		.sdiag_family = family,
		.sdiag_protocol = IPPROTO_UDP,
		.idiag_states = 1 << UDP_UNCONNECTED,
	};
	size_t before = l->n;
	int i, err = -EINTR;

	for (i = 0; i < TRIES && err == -EINTR; i++) {
		char buf[256];
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

		l->n = before;
		nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(req)), &req, sizeof(req));
		err = netlink_talk(NETLINK_SOCK_DIAG, nlh, socket_cb, l);
	}
	return err;
}

/* ---- rules ---- */

struct rule {
	bool udp, other; /* the protocol that it names */
	bool ported;
	uint16_t lo, hi;
	struct rf_addr at;
	/* what registers hold: a field of the packet, or bytes */
	enum { REG_UNKNOWN, REG_PROTO, REG_PORT, REG_ADDR, REG_DATA } reg[REGISTERS];
	uint8_t data[REGISTERS][16];
	uint8_t len[REGISTERS];
	const char *table;
	struct list *list;
	int err;
};

/* NFT_REG_1..4 have 16 bytes each, NFT_REG32_00.. four. */
static unsigned int reg_of(const struct nftnl_expr *e, uint16_t attr)
{
	uint32_t n = nftnl_expr_get_u32(e, attr);

	if (n >= NFT_REG32_00)
		n -= NFT_REG32_00;
	else
		n = n ? (n - 1) * 4 : REGISTERS;
	return n < REGISTERS ? n : REGISTERS - 1;
}

static void on_payload(struct rule *r, const struct nftnl_expr *e)
{
	uint32_t base = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE);
	uint32_t off = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	uint32_t len = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN);
	unsigned int reg;

	if (!nftnl_expr_is_set(e, NFTNL_EXPR_PAYLOAD_DREG))
		return;
	reg = reg_of(e, NFTNL_EXPR_PAYLOAD_DREG);
	r->reg[reg] = REG_UNKNOWN;
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER && off == 2 && len == 2)
		r->reg[reg] = REG_PORT;
	else if (base == NFT_PAYLOAD_NETWORK_HEADER && (off == 9 || off == 6) && len == 1)
		r->reg[reg] = REG_PROTO;
	else if (base == NFT_PAYLOAD_NETWORK_HEADER &&
		 ((off == 16 && len == 4) || (off == 24 && len == 16)))
		r->reg[reg] = REG_ADDR;
}

static void on_meta(struct rule *r, const struct nftnl_expr *e)
{
	if (!nftnl_expr_is_set(e, NFTNL_EXPR_META_DREG))
		return;
	r->reg[reg_of(e, NFTNL_EXPR_META_DREG)] =
		nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY) == NFT_META_L4PROTO ? REG_PROTO
									       : REG_UNKNOWN;
}

static uint16_t port_in(const void *p)
{
	__be16 port;

	memcpy(&port, p, sizeof(port));
	return ntohs(port);
}

static void on_cmp(struct rule *r, const struct nftnl_expr *e)
{
	uint32_t op = nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP), len = 0;
	const void *data = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &len);

	switch (data ? r->reg[reg_of(e, NFTNL_EXPR_CMP_SREG)] : REG_UNKNOWN) {
	case REG_PROTO:
		if (op == NFT_CMP_EQ && len >= 1)
			*(*(const uint8_t *)data == IPPROTO_UDP ? &r->udp : &r->other) = true;
		break;
	case REG_PORT:
		if (len < 2)
			break;
		if (op == NFT_CMP_EQ || op == NFT_CMP_GTE)
			r->lo = port_in(data);
		if (op == NFT_CMP_EQ || op == NFT_CMP_LTE)
			r->hi = port_in(data);
		r->ported = op != NFT_CMP_NEQ;
		break;
	case REG_ADDR:
		if (op == NFT_CMP_EQ && (len == 4 || len == 16))
			r->at = addr_of(data, len);
		break;
	default: break;
	}
}

static void on_range(struct rule *r, const struct nftnl_expr *e)
{
	uint32_t n = 0, m = 0;
	const void *from = nftnl_expr_get(e, NFTNL_EXPR_RANGE_FROM_DATA, &n);
	const void *to = nftnl_expr_get(e, NFTNL_EXPR_RANGE_TO_DATA, &m);

	if (r->reg[reg_of(e, NFTNL_EXPR_RANGE_SREG)] != REG_PORT || !from || !to || n < 2 || m < 2)
		return;
	r->lo = port_in(from);
	r->hi = port_in(to);
	r->ported = true;
}

static void emit(struct rule *r, enum port_owner_kind kind, const struct rf_ep *to)
{
	struct port_owner *o;

	if (!r->udp || r->other || !r->lo || r->hi < r->lo)
		return;
	o = list_add(r->list);
	if (!o) {
		r->err = -ENOMEM;
		return;
	}
	o->kind = kind;
	o->lo = r->lo;
	o->hi = r->hi;
	o->at = r->at;
	if (to)
		o->to = *to;
}

static void on_immediate(struct rule *r, const struct nftnl_expr *e)
{
	uint32_t len = 0, verdict;
	const void *data;
	unsigned int reg;

	if (nftnl_expr_is_set(e, NFTNL_EXPR_IMM_VERDICT)) {
		verdict = nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT);
		if (((int)verdict == NFT_JUMP || (int)verdict == NFT_GOTO) && r->ported &&
		    r->table && !strcmp(r->table, "nat"))
			emit(r, PORT_OWNER_RULE, NULL);
		return;
	}
	data = nftnl_expr_get(e, NFTNL_EXPR_IMM_DATA, &len);
	if (!data || !len || len > sizeof(r->data[0]))
		return;
	reg = reg_of(e, NFTNL_EXPR_IMM_DREG);
	r->reg[reg] = REG_DATA;
	r->len[reg] = len;
	memcpy(r->data[reg], data, len);
}

static void on_nat(struct rule *r, const struct nftnl_expr *e)
{
	struct rf_ep to = { 0 };
	unsigned int reg;

	if (nftnl_expr_get_u32(e, NFTNL_EXPR_NAT_TYPE) != NFT_NAT_DNAT)
		return;
	if (nftnl_expr_is_set(e, NFTNL_EXPR_NAT_REG_ADDR_MIN)) {
		reg = reg_of(e, NFTNL_EXPR_NAT_REG_ADDR_MIN);
		if (r->reg[reg] == REG_DATA && (r->len[reg] == 4 || r->len[reg] == 16))
			to.addr = addr_of(r->data[reg], r->len[reg]);
	}
	if (nftnl_expr_is_set(e, NFTNL_EXPR_NAT_REG_PROTO_MIN)) {
		reg = reg_of(e, NFTNL_EXPR_NAT_REG_PROTO_MIN);
		if (r->reg[reg] == REG_DATA && r->len[reg] >= 2)
			memcpy(&to.port, r->data[reg], 2);
	}
	emit(r, PORT_OWNER_DNAT, &to);
}

static void on_match(struct rule *r, const struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME);
	const struct xt_udp *udp;
	uint32_t len = 0;

	udp = nftnl_expr_get(e, NFTNL_EXPR_MT_INFO, &len);
	if (!name || strcmp(name, "udp") || !udp || len < sizeof(*udp) ||
	    udp->invflags & XT_UDP_INV_DSTPT)
		return;
	r->udp = true;
	if (udp->dpts[0] || udp->dpts[1] != 65535) {
		r->lo = udp->dpts[0];
		r->hi = udp->dpts[1];
		r->ported = true;
	}
}

/* iptables-nft's own way to say DNAT */
static void on_target(struct rule *r, const struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME);
	const struct nf_nat_range *range;
	struct rf_ep to = { 0 };
	uint32_t len = 0;

	range = nftnl_expr_get(e, NFTNL_EXPR_TG_INFO, &len);
	if (!name || (strcmp(name, "DNAT") && strcmp(name, "REDIRECT")))
		return;
	/* revisions 1 and 2 begin alike; 0 has IPv4 only and is no longer made */
	if (!strcmp(name, "DNAT") && nftnl_expr_get_u32(e, NFTNL_EXPR_TG_REV) && range &&
	    len >= sizeof(*range)) {
		if (range->flags & NF_NAT_RANGE_MAP_IPS)
			to.addr = !range->min_addr.all[1] && !range->min_addr.all[2] &&
						  !range->min_addr.all[3]
					  ? addr_of(range->min_addr.all, 4)
					  : addr_of(range->min_addr.all, 16);
		if (range->flags & NF_NAT_RANGE_PROTO_SPECIFIED)
			to.port = range->min_proto.all;
	}
	emit(r, PORT_OWNER_DNAT, &to);
}

static int on_expr(struct nftnl_expr *e, void *arg)
{
	static const struct {
		const char *name;
		void (*fn)(struct rule *r, const struct nftnl_expr *e);
	} rows[] = {
		{ "payload", on_payload },     { "meta", on_meta },	{ "cmp", on_cmp },
		{ "range", on_range },	       { "nat", on_nat },	{ "match", on_match },
		{ "immediate", on_immediate }, { "target", on_target },
	};
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	struct rule *r = arg;

	for (size_t i = 0; name && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].name, name))
			rows[i].fn(r, e);
	if (name && !strcmp(name, "redir"))
		emit(r, PORT_OWNER_DNAT, NULL);
	return r->err ? -1 : 0;
}

static int rule_cb(const struct nlmsghdr *nlh, void *arg)
{
	struct rule r = { .lo = 1, .hi = 65535, .list = arg };
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	if (!nftnl_rule_nlmsg_parse(nlh, rule)) {
		r.table = nftnl_rule_get_str(rule, NFTNL_RULE_TABLE);
		nftnl_expr_foreach(rule, on_expr, &r);
	}
	nftnl_rule_free(rule);
	errno = -r.err;
	return r.err ? MNL_CB_ERROR : MNL_CB_OK;
}

static int rules(struct list *l)
{
	char buf[256];
	size_t before = l->n;
	int i, err = -EINTR;

	for (i = 0; i < TRIES && err == -EINTR; i++) {
		l->n = before;
		err = netlink_talk(NETLINK_NETFILTER,
				   nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETRULE, AF_UNSPEC,
							 NLM_F_DUMP, 1),
				   rule_cb, l);
	}
	if (err)
		l->n = before;
	return err;
}

int netlink_port_owners(struct port_owner **out, size_t *n, int *rules_err)
{
	struct list l = { 0 };
	int err, no_rules;

	err = sockets(&l, AF_INET);
	if (!err)
		err = sockets(&l, AF_INET6);
	if (err) {
		free(l.v);
		return err;
	}
	no_rules = rules(&l);
	*out = l.v;
	*n = l.n;
	*rules_err = no_rules;
	return 0;
}
