/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Call flows written as ladders, run through the whole engine. One line is one message:
 *
 *	"inside alice, carol"                  who is behind us; everybody else is outside
 *	"guests dave"                          outside, and no configured peer
 *	"bob via proxy"                        bob's signalling comes and goes by the proxy
 *	"alice>bob INVITE {audio 20000}        == PINHOLES"
 *	"alice<bob 183/v {audio 7000} +RSeq: 1"
 *	"wait 32                               == PINHOLES"
 *	"alive"                                the inside parties send a keep-alive
 *	"any port"                             from here on PINHOLES have no public ports
 *	"# what happens elsewhere, for the reader"
 *
 * The inside party stands on the left, the arrow shows the way. "bob#2" is another dialog of the same
 * two. "/v" is the callee's tag (default u). "@3" after the method names the CSeq, otherwise requests
 * count up by themselves and a response belongs to the last request that waits for one. "!" : must be
 * dropped. "+Header: value" adds a header; %C(alice>bob) in it is the Call-ID of that dialog as the
 * sender knows it, %E(..) the same as it stands in a URI, %F and %T(..) the tags of caller and callee, %U(name) an address to call.
 * "types alice:20000 <0+101 >8+101 fb h261": the payload types that may come in and go out there, and
 * whether RTCP feedback and that of H.261 may besides the RTCP that always may; "none" is an empty list.
 * "mixed" behind "}" puts the SDP between other parts of a multipart body, "nested" into a multipart within
 * one (RFC 5621). "contains TEXT" looks into what was delivered last, with the same words as its receiver knows them. "@name"
 * after "{" names whose address the SDP has, "^" our public one, "=192.0.2.1" that one; "zero" is 0.0.0.0.
 * "same pinhole", "another pinhole": the only one there is has the id that it had when last asked about, or not.
 * "says TEXT" looks for it in the events since it was last asked. "speaks NAME": sip.media_for_others; "low ports": of all
 * peers; "signals NAME PORT": has a mapping for signalling there.
 *
 * PINHOLES ("none", or a list by inside endpoint) says what must be open afterwards; without "==" the
 * same as before. "alice:20000<>bob:7000": RTP both ways, and RTCP one port above; ">" only outwards,
 * "<" only inwards, "|" held; "alice:20000=30000" another public port; "+c" RTCP in the same, "+s" STUN,
 * "+d" DTLS, "+u" UDPTL, "+b" BFCP; "-rtcp" no RTCP beside it; "?" learnt; "alice:20000~" named by another host, so
 * inwards it opens with alice's first packet.
 *
 * Every ladder is run with IPv4 and IPv6 behind NAT, and with public addresses inside; every message
 * is given twice (the second time nothing may happen but the send), and everything once more with a
 * restart before every message, which may change nothing at all.
 */
#ifndef FLOWS_LADDER_H
#define FLOWS_LADDER_H

#include <ctype.h>

#include "flows_world.h"

#define L_PARTIES 24
#define L_DIALOGS 48
#define L_TXNS	  96
#define L_LINES	  512

struct party {
	char name[16];
	bool inside, guest;
	int via; /* index of its proxy; -1 */
	unsigned int nth;
	struct rf_addr addr;
	struct rf_ep outside; /* of an inside one, on the wire */
};

struct txn {
	char method[16];
	uint32_t cseq;
	bool by_inside, done;
	char *text; /* as it was delivered */
};

struct ladder_dialog {
	char key[48];
	int in, out; /* parties */
	unsigned int nth;
	bool begun, caller_inside, early, answered;
	char call_id[2][160]; /* as known outside, inside */
	char target[2][160]; /* where requests of outside, inside go to */
	uint32_t cseq[2];
	uint32_t invite[2]; /* CSeq of the last INVITE of outside, inside */
	unsigned int version[2];
	char sdp[2][512];
	struct txn txns[L_TXNS];
	size_t n_txns;
	char tag[16]; /* of the callee, as last used */
};

struct ladder {
	struct world *w;
	struct party parties[L_PARTIES];
	int n_parties;
	struct ladder_dialog *dialogs[L_DIALOGS];
	int n_dialogs;
	bool restarts, twice, compare, any_port;
	char *logs[L_LINES]; /* of a run before */
	size_t at;
	char open[8192]; /* as text */
	uint32_t pinhole_id; /* when last asked */
	char said[8192]; /* events, since last asked */
	bool to_inside; /* what was delivered last */
	FILE *dump; /* every datagram, as seed of the fuzz target */
};

static inline const char *l_host(const struct rf_addr *a, bool uri)
{
	static char buf[8][ADDR_TEXT_MAX];
	static unsigned int i;

	i = (i + 1) % 8;
	return uri ? addr_uri_text(a, buf[i]) : addr_text(a, buf[i]);
}

static inline int l_party(struct ladder *l, const char *name, size_t n, int make)
{
	struct party *p;
	char text[64];

	for (int i = 0; i < l->n_parties; i++)
		if (strlen(l->parties[i].name) == n && !memcmp(l->parties[i].name, name, n))
			return i;
	W_CHECK(l->n_parties < L_PARTIES && n < sizeof(p->name) && n);
	p = &l->parties[l->n_parties];
	memcpy(p->name, name, n);
	p->via = -1;
	p->inside = make == 1;
	p->guest = make == 2;
	for (int i = 0; i < l->n_parties; i++)
		p->nth += l->parties[i].inside == p->inside && l->parties[i].guest == p->guest;
	if (p->inside && l->w->mode == RF_MODE_ROUTED)
		snprintf(text, sizeof(text), l->w->v6 ? "2001:db8:5::%u" : "203.0.113.%u",
			 70 + p->nth);
	else if (p->inside)
		snprintf(text, sizeof(text), l->w->v6 ? "fd00::%u" : "192.168.1.%u", 10 + p->nth);
	else if (p->guest)
		snprintf(text, sizeof(text), l->w->v6 ? "2001:db8:9::%u" : "192.0.2.%u",
			 20 + p->nth);
	else
		snprintf(text, sizeof(text), l->w->v6 ? "2001:db8:2::%u" : "198.51.100.%u",
			 9 + p->nth);
	p->addr = w_addr(text);
	if (p->inside) { /* as if it had registered */
		struct rf_ep ep = ep_make(p->addr, 5060);

		W_CHECK(engine_outside_of(l->w->e, W_WAN, &ep, true, l->w->now, &l->w->out,
					  &p->outside));
		w_carry_out(l->w, NULL);
	}
	return l->n_parties++;
}

static inline const char *l_skip(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == ',')
		p++;
	return p;
}

static inline size_t l_name(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]))
		n++;
	return n;
}

/* "alice>bob#2": which dialog, made if it is new. */
static inline struct ladder_dialog *l_dialog(struct ladder *l, const char **at, bool *from_inside)
{
	const char *p = *at, *q = p + l_name(p);
	size_t n_in = l_name(p), n_out;
	struct ladder_dialog *d;
	unsigned int nth = 1;
	char key[48];

	if (*q != '<' && *q != '>')
		W_FAIL("no arrow at: %s", p);
	*from_inside = *q++ == '>';
	n_out = l_name(q);
	if (q[n_out] == '#')
		nth = (unsigned int)atoi(q + n_out + 1);
	snprintf(key, sizeof(key), "%.*s-%.*s#%u", (int)n_in, p, (int)n_out, q, nth);
	*at = q + n_out;
	if (**at == '#')
		*at += 1 + l_name(*at + 1);
	for (int i = 0; i < l->n_dialogs; i++)
		if (!strcmp(l->dialogs[i]->key, key))
			return l->dialogs[i];
	W_CHECK(l->n_dialogs < L_DIALOGS);
	d = calloc(1, sizeof(*d));
	memcpy(d->key, key, sizeof(key));
	d->in = l_party(l, p, n_in, 0);
	d->out = l_party(l, q, n_out, 0);
	if (!l->parties[d->in].inside || l->parties[d->out].inside)
		W_FAIL("%s: the inside party stands on the left", key);
	d->nth = (unsigned int)l->n_dialogs + 1;
	strcpy(d->tag, "u");
	l->dialogs[l->n_dialogs++] = d;
	return d;
}

static inline struct rf_ep l_remote(const struct ladder *l, const struct ladder_dialog *d)
{
	const struct party *p = &l->parties[d->out];

	return ep_make(p->via >= 0 ? l->parties[p->via].addr : p->addr, 5060);
}

/* The value of a header in a text, first or nth one; absent: NULL. */
static inline const char *l_header(const char *text, const char *name, unsigned int nth, size_t *n)
{
	size_t len = strlen(name);

	for (const char *p = strstr(text, "\r\n"); p && p[2] != '\r'; p = strstr(p + 2, "\r\n")) {
		if (strncasecmp(p + 2, name, len) || p[2 + len] != ':' || nth--)
			continue;
		p += 3 + len;
		while (*p == ' ')
			p++;
		*n = strcspn(p, "\r");
		return p;
	}
	*n = 0;
	return NULL;
}

static inline void l_take(char *to, size_t size, const char *text, const char *name)
{
	size_t n;
	const char *v = l_header(text, name, 0, &n);

	if (v)
		snprintf(to, size, "%.*s", (int)n, v);
}

/* "IN IP4 192.0.2.1", by how it is written. */
static inline const char *l_c(const char *host)
{
	static char buf[96];

	snprintf(buf, sizeof(buf), "IN IP%d %s", strchr(host, ':') ? 6 : 4, host);
	return buf;
}

/* One media section: "audio 20000/2 sendonly mux pt=0+97 @carol". */
static inline size_t l_media(struct ladder *l, char *buf, size_t size, const char *p, size_t n)
{
	char words[256], *save = NULL, *word, *media, *port, fmt[128] = "0", tail[1024] = "";
	const char *proto = NULL;
	size_t at = 0;

	snprintf(words, sizeof(words), "%.*s", (int)n, p);
	media = strtok_r(words, " ", &save);
	port = strtok_r(NULL, " ", &save);
	W_CHECK(media && port);
	if (!strcmp(media, "image")) {
		proto = "udptl";
		strcpy(fmt, "t38");
	} else if (!strcmp(media, "message")) {
		proto = "TCP/MSRP";
		strcpy(fmt, "*");
	} else if (!strcmp(media, "application")) {
		proto = "UDP/BFCP";
		strcpy(fmt, "*");
	} else {
		proto = "RTP/AVP";
	}
#define TAIL(...) (at += (size_t)snprintf(tail + at, sizeof(tail) - at, __VA_ARGS__))
	while ((word = strtok_r(NULL, " ", &save))) {
		if (strchr("@^=", *word) || !strcmp(word, "zero")) {
			char c[128];
			struct rf_addr a =
				*topology_public(&l->w->topo.wans[0], &l->parties[0].addr);

			if (*word == '@')
				a = l->parties[l_party(l, word + 1, strlen(word + 1), 0)].addr;
			else if (*word == 'z')
				a = w_addr(l->w->v6 ? "::" : "0.0.0.0");
			snprintf(c, sizeof(c), "c=%s\r\n",
				 l_c(*word == '=' ? word + 1 : l_host(&a, false)));
			memmove(tail + strlen(c), tail, at + 1); /* before the attributes */
			memcpy(tail, c, strlen(c));
			at += strlen(c);
		} else if (!strncmp(word, "pt=", 3)) {
			snprintf(fmt, sizeof(fmt), "%s", word + 3);
			for (char *q = fmt; *q; q++)
				if (*q == '+')
					*q = ' ';
		} else if (!strcmp(word, "mux")) {
			TAIL("a=rtcp-mux\r\n");
		} else if (!strncmp(word, "rtcp=", 5)) {
			for (char *q = word; *q; q++)
				if (*q == '_')
					*q = ' ';
			TAIL("a=rtcp:%s\r\n", word + 5);
		} else if (!strncmp(word, "proto=", 6)) {
			proto = word + 6;
		} else if (!strncmp(word, "a=", 2)) {
			for (char *q = word; *q; q++)
				if (*q == '_')
					*q = ' ';
			TAIL("%s\r\n", word);
		} else {
			TAIL("a=%s\r\n", word); /* sendonly and so on */
		}
	}
#undef TAIL
	return (size_t)snprintf(buf, size, "m=%s %s %s %s\r\n%s", media, port, proto, fmt, tail);
}

/* {...} -> a whole SDP. */
static inline size_t l_sdp(struct ladder *l, struct ladder_dialog *d, bool inside, const char *spec,
			   size_t n_spec, char *buf, size_t size)
{
	const struct party *who = &l->parties[inside ? d->in : d->out];
	const char *end = spec + n_spec, *p = l_skip(spec);
	struct rf_addr a = who->addr;
	char literal[64] = "";
	size_t n;

	if (n_spec >= sizeof(d->sdp[0]))
		W_FAIL("SDP too long");
	if (strlen(d->sdp[inside]) != n_spec || memcmp(d->sdp[inside], spec, n_spec)) {
		memcpy(d->sdp[inside], spec, n_spec);
		d->sdp[inside][n_spec] = 0;
		d->version[inside]++;
	}
	if (*p == '^') {
		a = *topology_public(&l->w->topo.wans[0], &a);
		p = l_skip(p + 1);
	} else if (*p == '@') {
		size_t len = l_name(p + 1);

		a = l->parties[l_party(l, p + 1, len, 0)].addr;
		p = l_skip(p + 1 + len);
	} else if (*p == '=') {
		snprintf(literal, sizeof(literal), "%.*s", (int)strcspn(p + 1, " "), p + 1);
		p = l_skip(p + 1 + strlen(literal));
	} else if (!strncmp(p, "zero ", 5)) {
		a = w_addr(l->w->v6 ? "::" : "0.0.0.0");
		p = l_skip(p + 5);
	}
	n = (size_t)snprintf(buf, size, "v=0\r\no=%s %u %u IN IP%d %s\r\ns=-\r\nc=%s\r\nt=0 0\r\n",
			     who->name, 2890844526u + d->nth, d->version[inside], l->w->v6 ? 6 : 4,
			     l_host(&who->addr, false),
			     l_c(*literal ? literal : l_host(&a, false)));
	while (p < end) {
		size_t len = 0;

		while (p + len < end && p[len] != ',')
			len++;
		n += l_media(l, buf + n, size - n, p, len);
		p = l_skip(p + len);
	}
	W_CHECK(n < size);
	return n;
}

static inline const char *l_caller_tag(const struct ladder_dialog *d)
{
	static char buf[64];

	snprintf(buf, sizeof(buf), "c%s", d->key);
	for (char *p = buf; *p; p++)
		if (*p == '#')
			*p = '-';
	return buf;
}

/* %C(alice>bob) and so on. */
static inline size_t l_expand(struct ladder *l, bool inside, const char *p, size_t n, char *buf,
			      size_t size)
{
	const char *end = p + n;
	size_t at = 0;

	while (p < end) {
		if (*p == '%' && p + 2 < end && p[2] == '(') {
			const char *q = p + 3, *close = memchr(p, ')', (size_t)(end - p));
			bool way;

			W_CHECK(close);
			if (p[1] == 'U') {
				struct party *who =
					&l->parties[l_party(l, q, (size_t)(close - q), 0)];
				const struct rf_addr *a =
					who->inside && !inside ? &who->outside.addr : &who->addr;

				at += (size_t)snprintf(
					buf + at, size - at, "sip:%s@%s:%u", who->name,
					l_host(a, true),
					who->inside && !inside ? ntohs(who->outside.port) : 5060);
			} else {
				struct ladder_dialog *d = l_dialog(l, &q, &way);

				const char *v = p[1] == 'T'   ? d->tag
						: p[1] == 'F' ? l_caller_tag(d)
							      : d->call_id[inside];

				for (; *v; v++)
					at += (size_t)snprintf(buf + at, size - at, "%s%.*s",
							       p[1] == 'E' && *v == '@' ? "%40"
											: "",
							       p[1] != 'E' || *v != '@', v);
			}
			p = close + 1;
			continue;
		}
		buf[at++] = *p++;
		W_CHECK(at < size);
	}
	buf[at] = 0;
	return at;
}

static const char *l_type = "application/sdp"; /* of the body that is being written */

struct l_parts {
	const char *type, *head, *tail;
};

/* What stands around the SDP in a body of several parts. */
static const struct l_parts l_mixed = {
	"multipart/mixed;boundary=\"b 1\"",
	"This text is nobody's.\r\n--b 1\r\n"
	"Content-Type: application/ISUP;version=itu-t92+;base=itu-t92+\r\n"
	"Content-Disposition: signal;handling=optional\r\n\r\n\x01\x11\xfe\r\n--b\r\n--b 12\r\n"
	"\r\n--b 1  \r\nContent-Disposition: session\r\ncontent-type:APPLICATION/SDP\r\n\r\n",
	"\r\n--b 1\r\nContent-Type: application/pidf+xml\r\n\r\n"
	"<presence>\r\nc=IN IP4 10.9.9.9\r\n</presence>\r\n--b 1--\r\nm=audio 1 RTP/AVP 0\r\n",
};
static const struct l_parts l_nested = {
	"multipart/mixed; boundary=outer",
	"--outer\r\nContent-Type: application/qsig;version=iso\r\n\r\n\x08\x02\r\n"
	"--outer\r\nContent-Type: multipart/alternative;boundary=outer-inner\r\n\r\n"
	"--outer-inner\r\nContent-Type: text/plain\r\n\r\nv=0\r\nm=audio 5 RTP/AVP 0\r\n"
	"--outer-inner\r\nContent-Type: application/sdp\r\n\r\n",
	"\r\n--outer-inner--\r\n\r\n--outer\r\nContent-Type: text/plain\r\n\r\nend\r\n--outer--",
};

static inline size_t l_wrap(const struct l_parts *parts, char *body, size_t n, size_t size)
{
	size_t head = strlen(parts->head), tail = strlen(parts->tail);

	W_CHECK(head + n + tail < size);
	memmove(body + head, body, n);
	memcpy(body, parts->head, head);
	memcpy(body + head + n, parts->tail, tail + 1);
	l_type = parts->type;
	return head + n + tail;
}

/* Edits leave the other parts as they are, and the length fits. */
static inline void l_intact(const struct world *w, const struct l_parts *parts)
{
	const char *body = strstr(w->sent, "\r\n\r\n") + 4, *v;
	size_t n = w->n_sent - (size_t)(body - w->sent), len;

	v = l_header(w->sent, "Content-Length", 0, &len);
	W_CHECK(v && (size_t)atoi(v) == n);
	if (!parts)
		return;
	W_CHECK(n > strlen(parts->head) + strlen(parts->tail));
	W_CHECK(!memcmp(body, parts->head, strlen(parts->head)));
	W_CHECK(!strcmp(body + n - strlen(parts->tail), parts->tail));
}

static inline size_t l_request(struct ladder *l, struct ladder_dialog *d, bool inside,
			       const char *method, uint32_t cseq, const char *extra,
			       const char *body, size_t n_body, char *buf, size_t size)
{
	const struct party *a = &l->parties[inside ? d->in : d->out];
	const struct party *b = &l->parties[inside ? d->out : d->in];
	bool caller = inside == d->caller_inside, has_tag = d->early || d->answered;
	char via[512], from[96] = "", to[96] = "", branch[96];
	bool same_branch = !strcmp(method, "CANCEL") || (!strcmp(method, "ACK") && !d->answered);
	size_t n;

	if (!strcmp(method, "INVITE") || !strcmp(method, "CANCEL"))
		has_tag = d->answered;
	snprintf(caller ? from : to, sizeof(from), ";tag=%s", l_caller_tag(d));
	if (!caller || has_tag)
		snprintf(caller ? to : from, sizeof(to), ";tag=%s", d->tag);
	snprintf(branch, sizeof(branch), "z9hG4bK-%u-%u-%s", d->nth, cseq,
		 same_branch ? "INVITE" : method);
	n = 0;
	if (!inside && a->via >= 0) {
		const struct party *p = &l->parties[a->via];

		n = (size_t)snprintf(via, sizeof(via), "Via: SIP/2.0/UDP %s:5060;branch=%s.1\r\n",
				     l_host(&p->addr, true), branch);
	}
	snprintf(via + n, sizeof(via) - n, "Via: SIP/2.0/UDP %s:5060;branch=%s;rport%s%s\r\n",
		 l_host(&a->addr, true), branch, n ? ";received=" : "",
		 n ? l_host(&a->addr, false) : "");
	n = (size_t)snprintf(buf, size,
			     "%s %s SIP/2.0\r\n%sMax-Forwards: 70\r\n"
			     "From: <sip:%s@example.com>%s\r\nTo: <sip:%s@example.com>%s\r\n"
			     "Call-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:%s@%s:5060>\r\n%s%s%s%s"
			     "Content-Length: %zu\r\n\r\n",
			     method, d->target[inside], via, a->name, from, b->name, to,
			     d->call_id[inside], cseq, method, a->name, l_host(&a->addr, true),
			     extra, n_body ? "Content-Type: " : "", n_body ? l_type : "",
			     n_body ? "\r\n" : "", n_body);
	W_CHECK(n + n_body < size);
	memcpy(buf + n, body, n_body + 1);
	return n + n_body;
}

static inline size_t l_response(struct ladder *l, struct ladder_dialog *d, bool inside,
				const char *status, const struct txn *t, const char *extra,
				const char *body, size_t n_body, char *buf, size_t size)
{
	const struct party *a = &l->parties[inside ? d->in : d->out];
	const char *v;
	size_t n, len;

	n = (size_t)snprintf(buf, size, "SIP/2.0 %s Whatever\r\n", status);
	for (unsigned int i = 0; (v = l_header(t->text, "Via", i, &len)); i++)
		n += (size_t)snprintf(buf + n, size - n, "Via: %.*s\r\n", (int)len, v);
	for (unsigned int i = 0; (v = l_header(t->text, "Record-Route", i, &len)); i++)
		n += (size_t)snprintf(buf + n, size - n, "Record-Route: %.*s\r\n", (int)len, v);
	v = l_header(t->text, "From", 0, &len);
	W_CHECK(v);
	n += (size_t)snprintf(buf + n, size - n, "From: %.*s\r\n", (int)len, v);
	v = l_header(t->text, "To", 0, &len);
	W_CHECK(v);
	n += (size_t)snprintf(buf + n, size - n, "To: %.*s", (int)len, v);
	if (!memmem(v, len, ";tag=", 5) && strcmp(status, "100"))
		n += (size_t)snprintf(buf + n, size - n, ";tag=%s", d->tag);
	v = l_header(t->text, "Call-ID", 0, &len);
	W_CHECK(v);
	n += (size_t)snprintf(
		buf + n, size - n,
		"\r\nCall-ID: %.*s\r\nCSeq: %u %s\r\nContact: <sip:%s@%s:5060>\r\n%s%s%s%s"
		"Content-Length: %zu\r\n\r\n",
		(int)len, v, t->cseq, t->method, a->name, l_host(&a->addr, true), extra,
		n_body ? "Content-Type: " : "", n_body ? l_type : "", n_body ? "\r\n" : "", n_body);
	W_CHECK(n + n_body < size);
	memcpy(buf + n, body, n_body + 1);
	return n + n_body;
}

static inline const char *l_who(const struct ladder *l, const struct rf_addr *a)
{
	for (int i = 0; i < l->n_parties; i++)
		if (addr_eq(&l->parties[i].addr, a))
			return l->parties[i].name;
	return addr_eq(a, topology_wire(&l->w->topo.wans[0], a)) ? "wan" : l_host(a, true);
}

static inline int l_pin_cmp(const void *a, const void *b)
{
	const struct pinhole_spec *x = a, *y = b;
	int d = memcmp(&x->inside.addr, &y->inside.addr, sizeof(x->inside.addr));

	if (!d)
		d = ntohs(x->inside.port) - ntohs(y->inside.port);
	return d ? d : (int)x->id - (int)y->id;
}

/* RTCP one port above everything of its RTP, and nothing else allowed. */
static inline bool l_is_rtcp_of(const struct pinhole_spec *rtp, const struct pinhole_spec *c)
{
	struct rf_ep in = ep_above(rtp->inside, 1), out = ep_above(rtp->outside, 1);

	if (rtp->rtcp || !c->rtcp || !ep_eq(&in, &c->inside) || !ep_eq(&out, &c->outside) ||
	    rtp->n_remotes != c->n_remotes || rtp->learn != c->learn ||
	    rtp->out_first != c->out_first ||
	    (c->classes_in & c->classes_out & RF_CLASS_RTCP) == 0 ||
	    (c->classes_in | c->classes_out) & (RF_CLASS_RTP | RF_CLASS_UDPTL))
		return false;
	for (int i = 0; i < rtp->n_remotes; i++)
		if (!addr_eq(&rtp->remotes[i].addr, &c->remotes[i].addr) ||
		    (rtp->remotes[i].port &&
		     ntohs(rtp->remotes[i].port) + 1 != ntohs(c->remotes[i].port)))
			return false;
	return true;
}

/* Index of the RTCP that belongs to s (or, back, of the RTP); n: none. */
static inline size_t l_pair(const struct pinhole_spec *pins, size_t n, const struct pinhole_spec *s,
			    bool back)
{
	size_t i = 0;

	while (i < n && !(back ? l_is_rtcp_of(&pins[i], s) : l_is_rtcp_of(s, &pins[i])))
		i++;
	return i;
}

/* What is open, in the words of the fixtures. */
static inline void l_open(struct ladder *l)
{
	struct world *w = l->w;
	char *p = l->open, *end = p + sizeof(l->open);
	static struct pinhole_spec pins[W_PINS];

	memcpy(pins, w->pins, w->n_pins * sizeof(pins[0]));
	qsort(pins, w->n_pins, sizeof(pins[0]), l_pin_cmp);
	*p = 0;
#define PUT(...) (p += snprintf(p, (size_t)(end - p), __VA_ARGS__))
	for (size_t i = 0; i < w->n_pins; i++) {
		const struct pinhole_spec *s = &pins[i];
		uint8_t media = RF_CLASS_RTP | RF_CLASS_UDPTL, all = s->classes_in & s->classes_out;
		bool bare = !strcmp(s->media, "application");
		bool in = s->classes_in & media, out = s->classes_out & media;

		if (l_pair(pins, w->n_pins, s, true) < w->n_pins)
			continue;
		PUT("%s%s%s:%u", p == l->open ? "" : ", ", s->rtcp ? "rtcp " : "",
		    l_who(l, &s->inside.addr), ntohs(s->inside.port));
		if (s->inside.port != s->outside.port && !l->any_port)
			PUT("=%u", ntohs(s->outside.port));
		PUT("%s", s->out_first ? "~" : "");
		PUT("%s", in && out ? "<>" : in ? "<" : out ? ">" : "|");
		for (int k = 0; k < s->n_remotes; k++)
			PUT("%s%s%s:%u", k ? "/" : "", s->learn ? "?" : "",
			    l_who(l, &s->remotes[k].addr), ntohs(s->remotes[k].port));
		if (all & RF_CLASS_RTCP && !s->rtcp)
			PUT("+c");
		if (all & RF_CLASS_STUN)
			PUT("+s");
		if (all & RF_CLASS_DTLS)
			PUT("+d");
		if ((s->classes_in | s->classes_out) & RF_CLASS_UDPTL)
			PUT("+u");
		else if (all & RF_CLASS_BFCP)
			PUT("+b");
		else if (!bare && !s->rtcp && !(all & RF_CLASS_RTCP) &&
			 l_pair(pins, w->n_pins, s, false) == w->n_pins)
			PUT("-rtcp");
	}
#undef PUT
	if (!l->open[0])
		strcpy(l->open, "none");
}

static inline void l_expect(struct ladder *l, const char *want)
{
	char before[sizeof(l->open)], text[sizeof(l->open)];
	char *q = text;

	strcpy(before, l->open);
	l_open(l);
	if (!want) {
		if (strcmp(before, l->open))
			W_FAIL("open are now\n%s\nbut nothing was to change from\n%s", l->open,
			       before);
		return;
	}
	for (want = l_skip(want); *want; want++)
		if (*want != ' ' || (want[1] && want[1] != ' ' && q[-1] != ' '))
			*q++ = *want;
	while (q > text && q[-1] == ' ')
		q--;
	*q = 0;
	if (strcmp(text, l->open))
		W_FAIL("open are now\n%s\nexpected were\n%s", l->open, text);
}

static inline bool l_of_invite(const char *method)
{
	static const char *const names[] = { "INVITE", "ACK",	 "BYE", "CANCEL",
					     "PRACK",  "UPDATE", "INFO" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], method))
			return true;
	return false;
}

static inline struct txn *l_txn(struct ladder_dialog *d, bool by_inside, const char *method,
				uint32_t cseq)
{
	struct txn *any = NULL;

	for (size_t i = d->n_txns; i-- > 0;) {
		struct txn *t = &d->txns[i];

		if (t->by_inside != by_inside || (*method && strcmp(t->method, method)) ||
		    (cseq && t->cseq != cseq) || !strcmp(t->method, "ACK"))
			continue;
		if (!t->done || *method)
			return t;
		any = any ? any : t;
	}
	return any;
}

static inline void l_begin(struct ladder *l, struct ladder_dialog *d, bool inside)
{
	const struct party *in = &l->parties[d->in], *out = &l->parties[d->out];

	if (d->begun)
		return;
	d->begun = true;
	d->caller_inside = inside;
	snprintf(d->call_id[inside], sizeof(d->call_id[0]), "%s-%u@%s",
		 inside ? in->name : out->name, d->nth,
		 inside ? l_host(&in->addr, false) : "example.net");
	snprintf(d->target[1], sizeof(d->target[1]), "sip:%s@example.com", out->name);
	snprintf(d->target[0], sizeof(d->target[0]), "sip:%s@%s:%u", in->name,
		 l_host(&in->outside.addr, true), ntohs(in->outside.port));
}

/* A step of flows_script.h, as far as its hosts go. */
static inline void l_dump(struct ladder *l, const struct ladder_dialog *d, bool inside,
			  const char *buf, size_t n)
{
	const struct party *a = &l->parties[d->in], *b = &l->parties[d->out];
	unsigned int who = a->nth % 3;

	if (!l->dump)
		return;
	if (b->via >= 0)
		b = &l->parties[b->via];
	who += b->guest ? 6 : b->nth ? 3 : 0;
	fprintf(l->dump, "%c%.*s\xff", (inside ? 'a' : 'A') + (int)(who > 6 ? 6 : who), (int)n,
		buf);
}

/* One datagram of a dialog, as the checks of every ladder want it. */
static inline void l_datagram(struct ladder *l, struct ladder_dialog *d, bool inside,
			      const char *method, bool request, const char *buf, size_t n,
			      bool dropped)
{
	struct world *w = l->w;
	struct rf_ep in = ep_make(l->parties[d->in].addr, 5060), remote = l_remote(l, d);
	const struct rf_ep *src = inside ? &in : &remote;
	const struct rf_ep *dst = inside ? &remote : &l->parties[d->in].outside;
	static char first[W_TEXT_MAX];
	size_t at;

	l_dump(l, d, inside, buf, n);
	w_tick(w);
	/* Who answers what is no call is not in the journal: it is asked again. */
	if (l->restarts && (request || inside || l_of_invite(method)))
		w_restart(w);
	w_feed(w, inside, src, dst, buf, n);
	if (dropped != (w->n_send == 0))
		W_FAIL("%s (reason %d):\n%s", dropped ? "was to be dropped" : "dropped", w->dropped,
		       buf);
	l->to_inside = !inside;
	W_CHECK(l->at < L_LINES);
	if (l->compare && l->logs[l->at] && strcmp(l->logs[l->at], w->log))
		W_FAIL("after a restart it does\n%s\nbut without one\n%s", w->log, l->logs[l->at]);
	if (l->compare && !l->logs[l->at])
		l->logs[l->at] = strdup(w->log);
	l->at++;
	at = strlen(l->said);
	snprintf(l->said + at, sizeof(l->said) - at, "%s", w->events);
	if (!l->twice)
		return;
	strcpy(first, w->sent);
	w_feed(w, inside, src, dst, buf, n);
	if (w->n_set + w->n_close + w->n_event + w->n_save + w->n_forget || strcmp(w->sent, first))
		W_FAIL("once more and it changes something:\n%s", w->log);
}

/* What the other side has learnt from what was delivered. */
static inline void l_delivered(struct ladder_dialog *d, bool inside, const char *text)
{
	char contact[160] = "", *p, *q;

	l_take(d->call_id[!inside], sizeof(d->call_id[0]), text, "Call-ID");
	l_take(contact, sizeof(contact), text, "Contact");
	p = strchr(contact, '<');
	q = p ? strchr(p, '>') : NULL;
	if (q)
		snprintf(d->target[!inside], sizeof(d->target[0]), "%.*s", (int)(q - p - 1), p + 1);
}

static inline void l_message(struct ladder *l, const char *line)
{
	static char buf[W_TEXT_MAX], body[16384], extra[4096];
	const char *p = line, *want = strstr(line, "==");
	const char *end = want ? want : line + strlen(line);
	char word[32], method[32];
	bool inside, request, dropped = false;
	struct ladder_dialog *d = l_dialog(l, &p, &inside);
	size_t n_body = 0, n_extra = 0, n;
	uint32_t cseq = 0;
	const struct l_parts *parts = NULL;
	struct txn *t = NULL;

	l_type = "application/sdp";
	body[0] = extra[0] = 0;
	p = l_skip(p);
	n = l_name(p);
	snprintf(word, sizeof(word), "%.*s", (int)n, p);
	request = !isdigit((unsigned char)*word);
	p += n;
	if (*p == '/') {
		snprintf(d->tag, sizeof(d->tag), "%.*s", (int)l_name(p + 1), p + 1);
		p += 1 + l_name(p + 1);
	}
	method[0] = 0;
	if (request)
		strcpy(method, word);
	else if (p < end && isupper((unsigned char)*(p = l_skip(p)))) {
		snprintf(method, sizeof(method), "%.*s", (int)l_name(p), p);
		p += l_name(p);
	}
	if (*p == '@') {
		cseq = (uint32_t)atoi(p + 1);
		p += 1 + l_name(p + 1);
	}
	l_begin(l, d, inside);
	for (p = l_skip(p); p < end; p = l_skip(p)) {
		if (*p == '{') {
			const char *close = strchr(p, '}');

			W_CHECK(close);
			n_body = l_sdp(l, d, inside, p + 1, (size_t)(close - p - 1), body,
				       sizeof(body));
			p = close + 1;
		} else if (*p == '+') {
			size_t len = 1;

			while (p + len < end &&
			       !(p[len] == ' ' &&
				 (p[len + 1] == '+' || p[len + 1] == ' ' || p[len + 1] == '{')))
				len++;
			n_extra += l_expand(l, inside, p + 1, len - 1, extra + n_extra,
					    sizeof(extra) - n_extra - 3);
			strcpy(extra + n_extra, "\r\n");
			n_extra += 2;
			p += len;
		} else if (!strncmp(p, "mixed", 5) || !strncmp(p, "nested", 6)) {
			parts = *p == 'm' ? &l_mixed : &l_nested;
			n_body = l_wrap(parts, body, n_body, sizeof(body));
			p += l_name(p);
		} else if (*p == '!') {
			dropped = true;
			p++;
		} else {
			W_FAIL("what is \"%s\"?", p);
		}
	}
	if (request) {
		bool old = cseq != 0;

		if (!cseq && (!strcmp(method, "ACK") || !strcmp(method, "CANCEL")))
			cseq = d->invite[inside];
		else if (!cseq)
			cseq = d->cseq[inside] + 1;
		if (cseq > d->cseq[inside] && !dropped)
			d->cseq[inside] = cseq;
		if (!strcmp(method, "INVITE") && !old)
			d->invite[inside] = cseq;
		n = l_request(l, d, inside, method, cseq, extra, body, n_body, buf, sizeof(buf));
	} else {
		t = l_txn(d, !inside, method, cseq);
		if (!t)
			W_FAIL("nothing to answer");
		strcpy(method, t->method);
		n = l_response(l, d, inside, word, t, extra, body, n_body, buf, sizeof(buf));
	}
	l_datagram(l, d, inside, method, request, buf, n, dropped);
	if (!dropped)
		l_intact(l->w, parts);
	if (!dropped && request) {
		W_CHECK(d->n_txns < L_TXNS);
		t = &d->txns[d->n_txns++];
		*t = (struct txn){ .cseq = cseq, .by_inside = inside, .text = strdup(l->w->sent) };
		snprintf(t->method, sizeof(t->method), "%s", method);
		l_delivered(d, inside, l->w->sent);
	} else if (!dropped) {
		int status = atoi(word);

		t->done = t->done || status >= 200;
		if (status > 100 && status < 300) {
			d->early = true;
			l_delivered(d, inside, l->w->sent);
		}
		if (status >= 200 && status < 300 && !strcmp(method, "INVITE"))
			d->answered = true;
	}
	l_expect(l, want ? want + 2 : NULL);
	l->w->now += 20 * W_MS;
}

static inline void l_declare(struct ladder *l, const char *p, int make)
{
	for (p = l_skip(p); *p; p = l_skip(p + l_name(p)))
		l_party(l, p, l_name(p), make);
}

static inline void l_contains(struct ladder *l, const char *text)
{
	char buf[2048];

	l_expand(l, l->to_inside, text, strlen(text), buf, sizeof(buf));
	if (!strstr(l->w->sent, buf))
		W_FAIL("no \"%s\" in\n%s", buf, l->w->sent);
}

static inline void l_says(struct ladder *l, const char *text)
{
	if (!strstr(l->said, text))
		W_FAIL("nothing is said of \"%s\", but\n%s", text, l->said);
	l->said[0] = 0;
}

/* The only one there is: as when it was last asked about? The first time it is always the same. */
static inline void l_same(struct ladder *l, bool same)
{
	uint32_t id = l->w->n_pins == 1 ? l->w->pins[0].id : 0;

	W_CHECK(id);
	if (l->pinhole_id && (l->pinhole_id == id) != same)
		W_FAIL("pinhole %u, before it was %u", id, l->pinhole_id);
	l->pinhole_id = id;
}

static inline void l_reload(struct ladder *l)
{
	engine_reconfigure(l->w->e, &l->w->config, l->w->now, &l->w->out);
	w_carry_out(l->w, NULL);
}

/* An inside host that may name others' endpoints */
static inline void l_speaks(struct ladder *l, const char *name)
{
	struct config *c = &l->w->config;
	struct rf_addr a = l->parties[l_party(l, name, l_name(name), 0)].addr;

	c->media_for_others[c->n_media_for_others++] = (struct prefix){ a, 128 };
	l_reload(l);
}

static inline void l_low_ports(struct ladder *l)
{
	for (uint16_t i = 0; i < l->w->config.n_peers; i++)
		l->w->config.peers[i].low_ports = true;
	l_reload(l);
}

/* "alice 5070": signals from there, too */
static inline void l_signals(struct ladder *l, const char *p)
{
	int who = l_party(l, p, l_name(p), 0);
	struct rf_ep outside,
		ep = ep_make(l->parties[who].addr, (uint16_t)atoi(l_skip(p + l_name(p))));

	W_CHECK(engine_outside_of(l->w->e, W_WAN, &ep, true, l->w->now, &l->w->out, &outside));
	w_carry_out(l->w, NULL);
}

static inline void l_types_text(char *buf, size_t size, char way, const uint8_t bitmap[16])
{
	size_t at = 0;

	for (unsigned int t = 0; t < 128; t++)
		if (bitmap[t / 8] & 1u << t % 8)
			at += (size_t)snprintf(buf + at, size - at, "%c%u", at ? '+' : way, t);
	if (!at)
		snprintf(buf, size, "%cnone", way);
}

static inline void l_types(struct ladder *l, const char *p)
{
	const char *q = p + l_name(p);
	int who = l_party(l, p, l_name(p), 0);
	struct rf_ep ep = ep_make(l->parties[who].addr, (uint16_t)atoi(q + 1));
	char in[400], out[400], text[1024];
	const uint32_t always = 0x9f00, fb = 0x6000, h261 = 3;
	const struct pinhole_spec *s = NULL;

	for (size_t i = 0; i < l->w->n_pins; i++)
		if (ep_eq(&l->w->pins[i].inside, &ep))
			s = &l->w->pins[i];
	if (!s)
		W_FAIL("no pinhole for %s", p);
	l_types_text(in, sizeof(in), '<', s->payload_types_in);
	l_types_text(out, sizeof(out), '>', s->payload_types_out);
	snprintf(text, sizeof(text), "%s %s%s%s", in, out, s->rtcp_types & fb ? " fb" : "",
		 s->rtcp_types & h261 ? " h261" : "");
	q += 1 + l_name(q + 1);
	if (strcmp(l_skip(q), text))
		W_FAIL("agreed types are %s", text);
	if ((s->classes_in | s->classes_out) & RF_CLASS_RTCP &&
	    (s->rtcp_types & ~(fb | h261)) != always)
		W_FAIL("RTCP types are %x", s->rtcp_types);
}

/* Every inside party shows that it is there (RFC 5626 3.5.1); bindings live for minutes only. */
static inline void l_alive(struct ladder *l)
{
	struct rf_ep to = w_ep(l->w->v6 ? "2001:db8:2::9" : "198.51.100.9", 5060);

	for (int i = 0; i < l->n_parties; i++) {
		struct rf_ep from = ep_make(l->parties[i].addr, 5060);

		if (l->parties[i].inside)
			w_feed(l->w, true, &from, &to, "\r\n\r\n", 4);
	}
}

static inline void l_line(struct ladder *l, const char *line)
{
	const char *p = l_skip(line);

	snprintf(world_where, sizeof(world_where), "%s%s%s %s: %s\n", l->w->v6 ? "v6" : "v4",
		 l->w->mode == RF_MODE_NAT ? " nat" : " routed", l->restarts ? " restarts" : "",
		 l->twice ? "twice" : "", line);
	if (!*p || *p == '#') {
		return;
	} else if (!strncmp(p, "inside ", 7)) {
		l_declare(l, p + 7, 1);
	} else if (!strncmp(p, "guests ", 7)) {
		l_declare(l, p + 7, 2);
	} else if (!strcmp(p, "any port")) {
		l->any_port = true;
	} else if (!strcmp(p, "alive")) {
		l_alive(l);
	} else if (!strncmp(p, "types ", 6)) {
		l_types(l, l_skip(p + 6));
	} else if (!strncmp(p, "speaks ", 7)) {
		l_speaks(l, l_skip(p + 7));
	} else if (!strcmp(p, "low ports")) {
		l_low_ports(l);
	} else if (!strncmp(p, "signals ", 8)) {
		l_signals(l, l_skip(p + 8));
	} else if (!strcmp(p, "same pinhole") || !strcmp(p, "another pinhole")) {
		l_same(l, *p == 's');
	} else if (!strncmp(p, "says ", 5)) {
		l_says(l, p + 5);
	} else if (!strncmp(p, "contains ", 9)) {
		l_contains(l, p + 9);
	} else if (!strncmp(p, "wait ", 5)) {
		const char *want = strstr(p, "==");

		if (l->restarts)
			w_restart(l->w);
		w_wait(l->w, (unsigned int)atoi(p + 5), atoi(p + 5) > 600 ? 10 : 1);
		if (l->dump)
			fprintf(l->dump, "T%c\xff", atoi(p + 5) < 250 ? atoi(p + 5) : 250);
		l_expect(l, want ? want + 2 : NULL);
	} else if (!strncmp(p + l_name(p), " via ", 5)) {
		int who = l_party(l, p, l_name(p), 0);
		const char *q = p + l_name(p) + 5;

		l->parties[who].via = l_party(l, q, l_name(q), 0);
	} else if (!strncmp(p + l_name(p), " direct", 7)) {
		l->parties[l_party(l, p, l_name(p), 0)].via = -1;
	} else {
		l_message(l, p);
	}
}

static inline struct ladder *l_new(bool v6, enum rf_mode mode)
{
	struct ladder *l = calloc(1, sizeof(*l));

	l->w = w_new(v6, mode);
	strcpy(l->open, "none");
	return l;
}

/* Also ends whatever still runs, and looks that nothing is left. */
static inline void l_free(struct ladder *l)
{
	w_over(l->w);
	w_free(l->w);
	for (int i = 0; i < l->n_dialogs; i++) {
		for (size_t k = 0; k < l->dialogs[i]->n_txns; k++)
			free(l->dialogs[i]->txns[k].text);
		free(l->dialogs[i]);
	}
	free(l);
}

static inline void l_run(const char *const *lines, size_t n, bool v6, enum rf_mode mode,
			 const char *name)
{
	const char *dir = getenv("FLOWS_DUMP");
	char *logs[L_LINES] = { NULL };

	for (int restarts = 0; restarts < 2; restarts++) {
		struct ladder *l = l_new(v6, mode);

		l->restarts = restarts;
		l->twice = !restarts;
		l->compare = true;
		memcpy(l->logs, logs, sizeof(logs));
		if (dir && !v6 && mode == RF_MODE_NAT && !restarts) {
			char path[512];

			snprintf(path, sizeof(path), "%s/%s", dir, name);
			l->dump = fopen(path, "w");
		}
		for (size_t i = 0; i < n; i++)
			l_line(l, lines[i]);
		memcpy(logs, l->logs, sizeof(logs));
		if (l->dump)
			fclose(l->dump);
		l_free(l);
	}
	for (size_t i = 0; i < L_LINES; i++)
		free(logs[i]);
}

#define LADDER_NAT(...)                                                           \
	do {                                                                      \
		static const char *const ladder_lines[] = { __VA_ARGS__ };        \
		size_t ladder_n = sizeof(ladder_lines) / sizeof(ladder_lines[0]); \
		l_run(ladder_lines, ladder_n, false, RF_MODE_NAT, __func__);      \
		l_run(ladder_lines, ladder_n, true, RF_MODE_NAT, __func__);       \
	} while (0)
/* IPv4 alone, for addresses that are spelt out. */
#define LADDER_NAT4(...)                                                          \
	do {                                                                      \
		static const char *const ladder_lines[] = { __VA_ARGS__ };        \
		size_t ladder_n = sizeof(ladder_lines) / sizeof(ladder_lines[0]); \
		l_run(ladder_lines, ladder_n, false, RF_MODE_NAT, __func__);      \
	} while (0)
/* The same with public addresses inside. */
#define LADDER(...)                                                               \
	do {                                                                      \
		static const char *const ladder_lines[] = { __VA_ARGS__ };        \
		size_t ladder_n = sizeof(ladder_lines) / sizeof(ladder_lines[0]); \
		l_run(ladder_lines, ladder_n, false, RF_MODE_NAT, __func__);      \
		l_run(ladder_lines, ladder_n, true, RF_MODE_NAT, __func__);       \
		l_run(ladder_lines, ladder_n, false, RF_MODE_ROUTED, __func__);   \
	} while (0)

#endif
