// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is said about a call's media, once: why there is no pinhole, or not yet, and what to do. What holds now stands
 * on the call.
 */
#include "call_priv.h"

#include <stdio.h>

static const struct {
	enum call_note note;
	const char *text;
} blocks[] = {
	{ NOTE_TCP, "media that is not RTP, UDPTL, BFCP or DTLS over UDP is left alone" },
	{ NOTE_HAIRPIN,
	  "the peer names an address of our own side, multicast or loopback: no pinhole" },
	{ NOTE_NO_INSIDE, "the inside host names no address that can be served: no pinhole" },
	{ NOTE_NO_REMOTE, "the peer names a host, not an address: no pinhole" },
	{ NOTE_FAMILY, "the two sides name addresses of different families: no pinhole" },
	{ NOTE_INSIDE_PORT,
	  "an inside port below 1024 or of signalling is no media port: no pinhole; "
	  "give the host RTP ports from 1024 on" },
	{ NOTE_LOW_REMOTE, "the peer names a port below 1024: no pinhole; "
			   "\"low_ports\": true of the peer in peers[] allows it "
			   "(its first entry ends that anybody may call an inbound host)" },
	{ NOTE_OURSELVES, "an inside host names an address of this gateway: no pinhole; "
			  "it has to name its own, which is translated" },
	{ NOTE_OWN_MAPPING,
	  "the peer names the call's own public endpoint as its own: no pinhole" },
	{ NOTE_OUT_FIRST,
	  "names another inside host's endpoint, which opens with that one's first packet; "
	  "sip.media_for_others lists who may open at once" }, /* the last: show_call.last_opens */
};

void call_note(struct call *c, enum call_note which, struct action_list *out, const char *text)
{
	if (!out || c->notes & which)
		return;
	c->notes |= which;
	action_event(out, EVENT_NOTE, c->id, "call %u: %s", c->id, text);
}

void call_block(struct call *c, enum call_note which, const struct rf_ep *ep,
		struct action_list *out)
{
	char text[320], at[EP_TEXT_MAX];

	if (!out)
		return;
	c->blocks |= which;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]) && !(c->notes & which); i++) {
		if (blocks[i].note != which)
			continue;
		if (ep && !addr_is_any(&ep->addr))
			snprintf(text, sizeof(text), "%s (%s)", blocks[i].text, ep_text(ep, at));
		else
			snprintf(text, sizeof(text), "%s", blocks[i].text);
		call_note(c, which, out, text);
	}
}

size_t call_blocks(const struct call *c, const char *text[SHOW_BLOCKS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]) && n < SHOW_BLOCKS_MAX; i++)
		if (c->blocks & blocks[i].note)
			text[n++] = blocks[i].text;
	return n;
}
