/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libosip2 as the second reader. It gets a reduced copy: the start line and the headers that route
 * a message and name its dialog, folded lines joined and tabs turned to blanks.
 *
 * Why not the whole message (measured with libosip2 5.3.0): it rejects valid SIP in headers that do
 * not concern us (URIs of other schemes in Contact, a multipart body that it cannot split), takes
 * tabs for no white space in Via and CSeq, and most of its time goes into headers nobody reads. It
 * also ends a line at a lone CR, accepts requests without Call-ID, From or the final empty line,
 * and does not compare Content-Length to the body: those rules are sip_msg.c's.
 *
 * What it still rejects although valid or harmless is the URI and display name of From and To and
 * the Request-URI (user parts of RFC 4475 3.1.1.2, UTF-8, schemes like "isbn:" or "soap.beep:",
 * "< sip:a@b >", unquoted commas) and empty parameters (";;"). Then it is asked a second time,
 * plainly: with a placeholder for the URIs and no parameters but tag and branch.
 *
 * It walks a list for each parameter that it adds: 64 KB of ";a" kept it busy for 3 to 4.5 seconds.
 * Messages with absurdly many parameters are asked about plainly at once.
 *
 * Its return codes are its own (-1 is not EPERM): none leaves this file.
 */
#include "sip_osip.h"

#include <osipparser2/osip_parser.h>
#include <stdlib.h>

#include "osip_memory.h"
#include "sip_scan.h"

#define REDUCED_ON_STACK 4096
/* "<sip:x@y>;tag=" may be longer than what it stands for, in three places. */
#define REDUCED_SLACK	 128
/* Real messages stay below 60; this many cost some 20 us. */
#define MARKS_MAX	 128

struct reduced {
	char *p;
	size_t n;
	size_t n_marks; /* characters that cost libosip2 a walk each */
	bool plain; /* without the parts that libosip2 is known to misread */
};

static void no_trace(const char *file, int line, osip_trace_level_t level, const char *fmt,
		     va_list ap)
{
}

void sip_parser_init(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	parser_init();
	/* Otherwise it writes to stdout about each message that it rejects. */
	osip_trace_initialize_func(TRACE_LEVEL0, no_trace);
	osip_set_allocators(osip_memory_get, osip_memory_resize, osip_memory_put);
}

static void put(struct reduced *r, struct view v)
{
	if (v.n)
		memcpy(r->p + r->n, v.p, v.n);
	r->n += v.n;
}

/* Joins folded lines. A NUL can only be a quoted-pair here; libosip2 would end at it. */
static void put_text(struct reduced *r, struct view v)
{
	size_t i;

	for (i = 0; i < v.n; i++) {
		char c = v.p[i];

		r->n_marks += c == ';' || c == '&' || c == '%';
		r->p[r->n++] = c == 0 ? '0' : is_lws(c) ? ' ' : c;
	}
}

static void put_tag(struct reduced *r, const struct sip_value *v)
{
	put(r, VIEW("<sip:x@y>"));
	if (v->tag.p) {
		put(r, VIEW(";tag="));
		put_text(r, v->tag);
	}
}

/* A Via value without parameters but the branch. */
static void put_via(struct reduced *r, const struct sip_value *v)
{
	put_text(r, (struct view){ v->whole.p, v->params.p - v->whole.p });
	if (v->branch.p) {
		put(r, VIEW(";branch="));
		put_text(r, v->branch);
	}
}

static void put_vias(struct reduced *r, const struct sip_msg *m, uint16_t header)
{
	bool first = true;
	uint16_t i;

	for (i = 0; i < m->n_values; i++) {
		if (m->values[i].header != header)
			continue;
		if (!first)
			put(r, VIEW(","));
		put_via(r, &m->values[i]);
		first = false;
	}
}

static void put_header(struct reduced *r, const struct sip_msg *m, uint16_t i)
{
	const struct sip_header *h = &m->headers[i];

	put(r, h->name);
	put(r, VIEW(": "));
	if (r->plain && h->id == SIP_H_VIA)
		put_vias(r, m, i);
	else if (r->plain && (h->id == SIP_H_FROM || h->id == SIP_H_TO))
		put_tag(r, h->id == SIP_H_FROM ? m->from : m->to);
	else
		put_text(r, h->value);
	put(r, VIEW("\r\n"));
}

static void put_start_line(struct reduced *r, const struct sip_msg *m)
{
	char status[4] = { '0' + m->status / 100 % 10, '0' + m->status / 10 % 10,
			   '0' + m->status % 10, ' ' };

	if (m->is_request) {
		put(r, m->method_text);
		put(r, VIEW(" "));
		put_text(r, r->plain ? VIEW("sip:x@y") : m->ruri.whole);
		put(r, VIEW(" SIP/2.0\r\n"));
	} else {
		put(r, VIEW("SIP/2.0 "));
		put(r, (struct view){ status, sizeof(status) });
		put(r, VIEW("\r\n"));
	}
}

/* Returns how many bytes the reduced copy takes at most. */
static size_t reduced_bound(const struct sip_msg *m)
{
	return m->body.p - m->raw.p + 4 * m->n_headers + REDUCED_SLACK;
}

static void reduce(struct reduced *r, const struct sip_msg *m)
{
	bool length_done = false;
	uint16_t i;

	r->n = r->n_marks = 0;
	put_start_line(r, m);
	for (i = 0; i < m->n_headers; i++) {
		switch (m->headers[i].id) {
		case SIP_H_CONTENT_LENGTH:
			/* It rejects a second one even if it says the same. */
			if (length_done)
				break;
			length_done = true;
			/* fall through */
		case SIP_H_VIA:
		case SIP_H_FROM:
		case SIP_H_TO:
		case SIP_H_CALL_ID:
		case SIP_H_CSEQ: put_header(r, m, i); break;
		default: break;
		}
	}
	put(r, VIEW("\r\n"));
	r->p[r->n] = 0;
}

/* NULL and "" are the same to libosip2: a parameter without a value. */
static bool same(struct view ours, const char *theirs)
{
	return view_eq(ours, theirs ? view_of(theirs) : (struct view){ "", 0 });
}

static bool same_number(uint64_t ours, const char *theirs)
{
	uint64_t n;

	return theirs && !scan_uint(view_trim(view_of(theirs)), UINT32_MAX, &n) && n == ours;
}

static bool same_call_id(struct view ours, const osip_call_id_t *theirs)
{
	size_t n;

	if (!theirs || !theirs->number)
		return false;
	n = strlen(theirs->number);
	if (ours.n < n || memcmp(ours.p, theirs->number, n))
		return false;
	ours = view_from(ours, n);
	if (!theirs->host)
		return !ours.n;
	return ours.n && ours.p[0] == '@' && same(view_from(ours, 1), theirs->host);
}

static bool same_via(const struct sip_value *ours, const osip_via_t *theirs)
{
	osip_generic_param_t *branch = NULL;
	struct view host = ours->sent_by.host;

	if (!theirs)
		return false;
	if (host.p[0] == '[')
		host = (struct view){ host.p + 1, host.n - 2 };
	osip_via_param_get_byname((osip_via_t *)theirs, (char *)"branch", &branch);
	return same(host, theirs->host) && same(ours->sent_by.port, theirs->port) &&
	       same(ours->branch, branch ? branch->gvalue : NULL);
}

static bool same_tag(const struct sip_value *ours, const osip_from_t *theirs)
{
	osip_generic_param_t *tag = NULL;

	if (!theirs)
		return false;
	osip_from_get_tag((osip_from_t *)theirs, &tag);
	return same(ours->tag, tag ? tag->gvalue : NULL);
}

static int count_vias(const struct sip_msg *m)
{
	int n = 0;
	uint16_t i;

	for (i = 0; i < m->n_values; i++)
		n += m->values[i].id == SIP_H_VIA;
	return n;
}

static const char *difference(const struct sip_msg *m, const osip_message_t *o)
{
	if (m->is_request ? !same(m->method_text, o->sip_method) || o->status_code
			  : o->status_code != m->status)
		return "two readers disagree on the start line";
	if (!same_call_id(m->call_id, o->call_id))
		return "two readers disagree on Call-ID";
	if (!o->cseq || !same_number(m->cseq, o->cseq->number) ||
	    !same(m->method_text, o->cseq->method))
		return "two readers disagree on CSeq";
	if (osip_list_size(&o->vias) != count_vias(m) ||
	    !same_via(m->via, osip_list_get(&o->vias, 0)))
		return "two readers disagree on Via";
	if (!same_tag(m->from, o->from) || !same_tag(m->to, o->to))
		return "two readers disagree on the tag of From or To";
	if (m->content_length.p &&
	    !(o->content_length && same_number(m->body.n, o->content_length->value)))
		return "two readers disagree on Content-Length";
	return NULL;
}

/* 0 agrees, -EINVAL differs, -EBADMSG is rejected by libosip2, -ENOMEM. */
static int ask(const struct sip_msg *m, struct reduced *r, const char **error)
{
	osip_message_t *o;
	const char *why = NULL;
	int err;

	reduce(r, m);
	if (r->n_marks > MARKS_MAX && !r->plain)
		return -EBADMSG;
	if (osip_message_init(&o))
		goto no_memory;
	err = osip_message_parse(o, r->p, r->n) ? -EBADMSG : 0;
	if (osip_memory_short()) { /* it may take that for anything */
		osip_message_free(o);
		goto no_memory;
	}
	if (err)
		why = "libosip2 cannot read the message";
	else
		why = difference(m, o);
	osip_message_free(o);
	osip_memory_again();
	if (!why)
		return 0;
	*error = why;
	return err ? err : -EINVAL;
no_memory:
	osip_memory_again();
	*error = "out of memory";
	return -ENOMEM;
}

int sip_osip_agrees(const struct sip_msg *m, const char **error)
{
	char on_stack[REDUCED_ON_STACK];
	size_t bound = reduced_bound(m);
	struct reduced r = { .p = on_stack };
	int err;

	if (bound >= sizeof(on_stack))
		r.p = malloc(bound + 1);
	if (!r.p) {
		*error = "out of memory";
		return -ENOMEM;
	}
	err = ask(m, &r, error);
	if (err == -EBADMSG) {
		r.plain = true;
		err = ask(m, &r, error);
	}
	if (r.p != on_stack)
		free(r.p);
	return err == -EBADMSG ? -EINVAL : err;
}
