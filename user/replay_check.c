// SPDX-License-Identifier: GPL-2.0-only
/*
 * May this packet pass? As the kernel side's pinhole.h answers it: the rules of rf_media.h in the same
 * order, on the values that the maps would hold. What the kernel side learns and stamps is kept with
 * the pinhole; there is one CPU, so nobody is ever in the middle of learning.
 */
#include "replay_priv.h"
#include "rf_udptl.h"

static bool is_udptl(const uint8_t *b, uint32_t n)
{
	struct rf_udptl u;

	rf_udptl_begin(&u, n);
	for (int i = 0; i < RF_UDPTL_STEPS && !rf_udptl_done(&u); i++)
		rf_udptl_step(&u, rf_be32(b + rf_udptl_next(&u)));
	return u.stage == RF_UDPTL_WHOLE;
}

struct rf_media replay_classify(struct view payload, uint16_t agreed)
{
	const uint8_t *b = (const uint8_t *)payload.p;
	uint32_t n = (uint32_t)payload.n, at, ext = RF_MEDIA_NO_EXT;
	uint8_t head[RF_MEDIA_HEAD] = { 0 };
	struct rf_media m = { 0 };

	if (!n)
		return m;
	memcpy(head, b, n < sizeof(head) ? n : sizeof(head));
	at = rf_media_ext_at(head);
	if (at && at + 4 <= n)
		ext = rf_be16(b + at + 2);
	rf_media_read(head, n, ext, agreed, &m);
	if (rf_media_may_be_udptl(agreed, &m) && is_udptl(b, n))
		rf_media_is_udptl(&m);
	return m;
}

bool replay_remotes_have(const struct pinhole_entry *e, const struct rf_ep *ep, bool prefix)
{
	for (uint8_t i = 0; i < e->p.n_remotes; i++)
		if (rf_remote_fits(i ? &e->more.remotes[i - 1] : &e->p.remote, ep, prefix))
			return true;
	return false;
}

static enum rf_reason check_alive(const struct replay_pinhole *p, const struct rf_pinhole *ph,
				  uint64_t now_ns)
{
	enum rf_reason reason = rf_media_open(ph->state, ph->deadline_ns, now_ns);

	return reason ? reason
		      : rf_media_idle(ph->idle_s, p->cold.idle_from_s, p->last_ns[RF_DIR_IN],
				      p->last_ns[RF_DIR_OUT], now_ns);
}

static enum rf_reason check_class(const struct rf_pinhole *ph, const struct rf_media *m)
{
	return rf_media_agreed(ph->classes, ph->flags & RF_PH_HELD, ph->payload_types,
			       ph->rtcp_types, m);
}

/* Whom the pinhole does not list may still prove to be the agreed agent. */
static enum rf_reason check_unlisted(const struct rf_pinhole *ph, const struct rf_media *m,
				     enum rf_reason reason)
{
	if (!(ph->flags & RF_PH_ICE) || check_class(ph, m))
		return reason;
	return m->request ? RF_R_STUN_HELD : reason;
}

static enum rf_reason learn(struct replay_pinhole *p, const struct rf_ep *src, uint64_t now_ns)
{
	if (!rf_learn_port_fits(p->entry[RF_DIR_IN].p.flags, ntohs(src->port)) ||
	    !replay_remotes_have(&p->entry[RF_DIR_IN], src, true))
		return RF_R_WRONG_SOURCE;
	if (now_ns >= p->cold.learn_until_s * RF_NS_PER_SEC)
		return RF_R_LEARN_TOO_LATE;
	p->learnt.ep = *src;
	p->learnt.state = RF_LEARN_LOCKED;
	return RF_R_NONE;
}

/* Of the learnt source only one RTP stream is taken: the first one's SSRC stays. */
static enum rf_reason check_ssrc(struct replay_pinhole *p, const struct rf_pinhole *ph,
				 const struct rf_media *m)
{
	struct rf_learnt *l = &p->learnt;

	if (m->cls != RF_CLASS_RTP || (ph->classes & RF_CLASS_ANY))
		return RF_R_NONE;
	if (l->ssrc_state != RF_LEARN_LOCKED) {
		l->ssrc = m->ssrc;
		l->ssrc_state = RF_LEARN_LOCKED;
	}
	return l->ssrc == m->ssrc ? RF_R_NONE : RF_R_WRONG_SSRC;
}

/* Which one it is, from 1; 0: none */
static uint32_t remote_nth(const struct pinhole_entry *e, const struct rf_ep *ep)
{
	for (uint8_t i = 0; i < e->p.n_remotes; i++)
		if (rf_remote_is(pinhole_entry_remote(e, i), ep))
			return i + 1u;
	return 0;
}

static enum rf_reason out_first(const struct replay_pinhole *p, const struct rf_ep *src)
{
	uint16_t flags = p->entry[RF_DIR_IN].p.flags;

	if (!(flags & RF_PH_OUT_FIRST) || flags & RF_PH_LEARN)
		return rf_media_out_first(flags, p->sent, 0);
	return rf_media_sent_to(p->cold.sent_to, remote_nth(&p->entry[RF_DIR_OUT], src));
}

/* A source to be learnt must first have shown the agreed payload, so it comes after the class. */
static enum rf_reason check_in(struct replay_pinhole *p, const struct rf_ep *src, uint64_t now_ns,
			       const struct rf_media *m)
{
	const struct rf_pinhole *ph = &p->entry[RF_DIR_IN].p;
	enum rf_reason shut = out_first(p, src);
	bool locked = p->learnt.state == RF_LEARN_LOCKED;
	enum rf_reason reason;

	if (!(ph->flags & RF_PH_LEARN)) {
		bool knock = rf_media_may_knock(ph->flags, p->cold.sent_to);

		if (!replay_remotes_have(&p->entry[RF_DIR_IN], src, false))
			return shut && ph->flags & RF_PH_ICE && !knock
				       ? shut
				       : check_unlisted(ph, m, RF_R_WRONG_SOURCE);
		return shut && !(knock && m->request) ? shut : check_class(ph, m);
	}
	if (locked && !rf_ep_eq(&p->learnt.ep, src))
		return RF_R_WRONG_SOURCE;
	reason = shut ? shut : check_class(ph, m);
	if (!reason && !locked)
		reason = learn(p, src, now_ns);
	return reason ? reason : check_ssrc(p, ph, m);
}

static enum rf_reason check_out(const struct replay_pinhole *p, const struct rf_ep *dst,
				const struct rf_media *m)
{
	const struct rf_pinhole *ph = &p->entry[RF_DIR_OUT].p;
	bool announced = replay_remotes_have(&p->entry[RF_DIR_OUT], dst, false);

	if (ph->flags & RF_PH_LEARN) {
		bool locked = p->learnt.state == RF_LEARN_LOCKED;

		announced = announced || (locked && rf_ep_eq(&p->learnt.ep, dst));
		if (announced && !locked) {
			enum rf_reason agreed = check_class(ph, m);

			return agreed ? agreed : RF_R_LEARN_PENDING;
		}
	}
	if (!announced)
		return check_unlisted(ph, m, RF_R_WRONG_DESTINATION);
	return check_class(ph, m);
}

/* As rf_own_business() of the kernel side */
static bool own_business(const struct replay_pinhole *p, const struct rf_ep *dst,
			 const struct rf_media *m, enum rf_reason reason)
{
	const struct pinhole_entry *e = &p->entry[RF_DIR_OUT];

	if (!(e->p.flags & RF_PH_NAMED) || !(e->p.flags & RF_PH_XLATE))
		return false;
	if (rf_media_is_over(reason)) {
		if (!replay_remotes_have(e, dst, true) &&
		    !(p->learnt.state == RF_LEARN_LOCKED && rf_ep_eq(&p->learnt.ep, dst)))
			return true;
		reason = check_class(&e->p, m);
	}
	return rf_media_own_business(e->p.flags, reason);
}

enum rf_reason replay_check(struct replay_pinhole *p, const struct replay_udp *u, uint64_t now_ns,
			    const struct rf_media *m)
{
	enum rf_dir dir = u->way == WAY_OUT ? RF_DIR_OUT : RF_DIR_IN;
	const struct rf_pinhole *ph = &p->entry[dir].p;
	enum rf_reason reason = check_alive(p, ph, now_ns);

	if (!reason)
		reason = dir == RF_DIR_IN ? check_in(p, &u->src, now_ns, m)
					  : check_out(p, &u->dst, m);
	if (!reason && !(ph->flags & RF_PH_LOCAL) && u->ttl <= 1)
		reason = RF_R_TTL_EXPIRED;
	if (!reason)
		p->last_ns[dir] = now_ns;
	if (dir == RF_DIR_OUT && own_business(p, &u->dst, m, reason))
		return RF_R_NOT_OURS;
	if (dir == RF_DIR_OUT && (!reason || reason == RF_R_LEARN_PENDING))
		p->sent = true;
	if (dir == RF_DIR_OUT && !reason && ph->flags & RF_PH_OUT_FIRST) {
		uint32_t nth = remote_nth(&p->entry[RF_DIR_OUT], &u->dst);

		p->cold.sent_to |= nth ? 1u << (nth - 1) : 0;
	}
	return reason;
}
