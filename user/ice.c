// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICE agents as far as a gateway between them has to know them.
 */
#include "ice.h"

#include "sip_scan.h"

/* One that is too long for the RFC is none: nothing can be verified by half a password. */
static void text_read(char *buf, size_t max, struct view v)
{
	if (v.n && v.n <= max)
		memcpy(buf, v.p, v.n);
}

void ice_read(struct ice_line *out, const struct sdp_media *m)
{
	text_read(out->ufrag, ICE_TEXT_MAX, m->ice_ufrag);
	text_read(out->pwd, ICE_TEXT_MAX, m->ice_pwd);
	text_read(out->mid, ICE_MID_MAX, m->mid);
}

bool ice_same(const struct ice_line *a, const struct ice_line *b)
{
	return !strcmp(a->ufrag, b->ufrag) && !strcmp(a->pwd, b->pwd);
}

bool ice_has(const struct ice_line *l, const struct rf_ep *ep, uint8_t component)
{
	for (uint16_t i = 0; i < l->n; i++)
		if (l->remotes[i].component == component && ep_eq(&l->remotes[i].ep, ep))
			return true;
	return false;
}

/* Highest priority first; equal ones in the order they came. */
void ice_add(struct ice_line *l, const struct ice_remote *r)
{
	uint16_t at = l->n;

	if (ice_has(l, &r->ep, r->component))
		return;
	while (at && l->remotes[at - 1].priority < r->priority)
		at--;
	if (at == ICE_REMOTES_MAX)
		return;
	if (l->n < ICE_REMOTES_MAX)
		l->n++;
	memmove(&l->remotes[at + 1], &l->remotes[at], (l->n - 1u - at) * sizeof(*r));
	l->remotes[at] = *r;
}

/* FNV-1a; the NUL keeps the texts apart. */
static uint64_t hash(uint64_t h, const char *text)
{
	do
		h = (h ^ (uint8_t)*text) * 0x100000001b3ull;
	while (*text++);
	return h;
}

uint64_t ice_session(const struct ice_line *inside, const struct ice_line *outside)
{
	uint64_t h = 0xcbf29ce484222325ull;

	h = hash(hash(h, inside->ufrag), inside->pwd);
	h = hash(hash(h, outside->ufrag), outside->pwd);
	return h ? h : 1;
}

/* RFC 8445 7.2.2: the peer's ufrag, a colon, one's own; the key is the peer's password. */
bool ice_check(const struct stun_msg *m, const struct ice_line *to, const struct ice_line *from)
{
	size_t n = strlen(to->ufrag);
	struct view peer, own;

	if (m->type != STUN_BINDING_REQUEST || !n || !*to->pwd || m->username.n <= n ||
	    m->username.p[n] != ':')
		return false;
	peer = view_head(m->username, n);
	own = view_from(m->username, n + 1);
	if (!view_eq(peer, view_of(to->ufrag)) || (from && !view_eq(own, view_of(from->ufrag))))
		return false;
	return stun_integrity_ok(m, view_of(to->pwd));
}

void ice_record(struct record *r, struct ice_line *l)
{
	size_t n = l->n;

	record_text(r, l->ufrag, sizeof(l->ufrag));
	record_text(r, l->pwd, sizeof(l->pwd));
	record_text(r, l->mid, sizeof(l->mid));
	record_count(r, &n, ICE_REMOTES_MAX);
	l->n = (uint16_t)n;
	for (size_t i = 0; i < n; i++) {
		record_ep(r, &l->remotes[i].ep);
		record_u32(r, &l->remotes[i].priority);
		record_u8(r, &l->remotes[i].component);
		record_u8(r, &l->remotes[i].trickled);
	}
}
