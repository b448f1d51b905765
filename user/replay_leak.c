// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a message on its way out still name an inside address? Any text that reads as one counts,
 * whatever header or body it stands in: what a reader on the WAN can see.
 */
#include "replay_priv.h"

#include "sip_scan.h"

/* What an address may be written with; IPv4 and IPv6 alike. */
static bool is_addr_char(char c)
{
	return is_digit(c) || c == '.' || c == ':' || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

static bool is_word_char(char c)
{
	return is_alnum(c) || c == '_' || c == '-';
}

/* Takes the next run of such characters; false at the end. */
static bool next_run(struct view *rest, struct view *run)
{
	size_t n = 0;

	while (rest->n && !is_addr_char(rest->p[0])) {
		/* Within a word there is no address: "abc" of "xabc". */
		if (is_word_char(rest->p[0]))
			while (rest->n && is_word_char(rest->p[0]))
				*rest = view_from(*rest, 1);
		else
			*rest = view_from(*rest, 1);
	}
	while (n < rest->n && is_addr_char(rest->p[n]))
		n++;
	*run = view_head(*rest, n);
	*rest = view_from(*rest, n);
	return run->n > 0;
}

/* "10.0.0.5", "10.0.0.5:5060", "sip:10.0.0.5" (its colon is within the run), "fd00::5", "fd00::5]:5060" */
static bool read_addr(struct view run, struct rf_addr *a)
{
	size_t dots = 0, colons = 0, last = run.n;
	struct view v = run;

	while (v.n && (v.p[v.n - 1] == '.' || v.p[v.n - 1] == ':') &&
	       !(v.n > 1 && v.p[v.n - 1] == ':' && v.p[v.n - 2] == ':'))
		v.n--;
	while (v.n && v.p[0] == ':' && !(v.n > 1 && v.p[1] == ':'))
		v = view_from(v, 1);
	for (size_t i = 0; i < v.n; i++) {
		dots += v.p[i] == '.';
		if (v.p[i] == ':') {
			colons++;
			last = i;
		}
	}
	if (dots == 3 && colons <= 1)
		return !addr_parse(view_head(v, colons ? last : v.n), a);
	return colons > 1 && !addr_parse(v, a);
}

typedef bool (*found_fn)(const struct replay *r, const struct rf_addr *a, void *arg);

static bool scan(const struct replay *r, struct view text, found_fn fn, void *arg)
{
	struct view run;
	struct rf_addr a;

	while (next_run(&text, &run)) {
		bool word = text.n && is_word_char(text.p[0]);

		if (!word && read_addr(run, &a) && topology_is_inside(&r->topo, &a) &&
		    topology_mode(&r->topo, &a) == RF_MODE_NAT && fn(r, &a, arg))
			return true;
	}
	return false;
}

static bool listed(const struct rf_addr *v, size_t n, const struct rf_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (addr_eq(&v[i], a))
			return true;
	return false;
}

/* The other side may live in the same private range; what only it was heard to name is its own. */
static bool is_leak(const struct replay *r, const struct rf_addr *a, void *arg)
{
	if (!listed(r->spoke.v, r->spoke.n, a) && listed(r->foreign.v, r->foreign.n, a))
		return false;
	*(struct rf_addr *)arg = *a;
	return true;
}

/* A version such as "PBX 10.2.0.1" is no address, and a Call-ID that came from outside is known there. */
static bool is_harmless(const struct replay_record *rec, struct view line)
{
	struct view name = view_rtrim(view_head(line, view_index(line, ':')));

	if (view_caseeq(name, VIEW("Call-ID")) || view_caseeq(name, VIEW("i")))
		return !rec->out;
	return view_caseeq(name, VIEW("User-Agent")) || view_caseeq(name, VIEW("Server"));
}

const char *replay_leak(const struct replay *r, const struct replay_record *rec,
			struct view message, char *buf)
{
	struct rf_addr a;
	struct view line;

	while (message.n) {
		line_next(&message, &line);
		if (!is_harmless(rec, line) && scan(r, line, is_leak, &a))
			return addr_text(&a, buf);
	}
	return NULL;
}

void replay_remember(struct replay *r, bool spoke, const struct rf_addr *a)
{
	struct rf_addr *v = spoke ? r->spoke.v : r->foreign.v;
	size_t *n = spoke ? &r->spoke.n : &r->foreign.n;

	if (*n < sizeof(r->spoke.v) / sizeof(r->spoke.v[0]) && !listed(v, *n, a))
		v[(*n)++] = *a;
}

static bool remember(const struct replay *r, const struct rf_addr *a, void *arg)
{
	replay_remember(arg, false, a);
	return false;
}

void replay_note_foreign(struct replay *r, struct view message)
{
	scan(r, message, remember, r);
}
