/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The edits of a SIP header on its way through the NAT: what an inside host writes about itself
 * becomes public, and what comes back is un-rewritten to exactly what it wrote. Tokens are replaced
 * in place (promise P4); bodies are not looked at.
 */
#ifndef RF_REWRITE_H
#define RF_REWRITE_H

#include "alias.h"
#include "binding.h"
#include "config.h"
#include "edit.h"
#include "sip_msg.h"
#include "topology.h"

struct rewrite_ctx {
	const struct topology *topo;
	const struct topology_wan *wan;
	const struct config *config; /* peers with private addresses are not inside; may be NULL */
	struct binding_table *bindings;
	struct alias_table *aliases;
	struct binding *binding; /* of the inside endpoint that sends or gets this message */
	const struct rf_ep *remote; /* the other side on the WAN's wire; may be NULL */
	struct share_key owner; /* who sends it: what is kept for it is his */
	bool stray; /* answers nothing that is known: nothing is learnt from it */
	uint64_t now_ns;
	struct action_list *out;
};

/*
 * RF_R_NONE: edits are recorded (perhaps none). Otherwise nothing may be sent and edits is as
 * edit_init() leaves it: SIP_NO_PORTS, SIP_LIMIT (bindings, aliases or edits), ...
 * Both also keep ctx->binding's style and the alias of the Call-ID up to date; outbound ones keep
 * the binding alive.
 */
enum rf_reason rewrite_outbound(const struct rewrite_ctx *ctx, const struct sip_msg *m,
				struct edit_list *edits);
enum rf_reason rewrite_inbound(const struct rewrite_ctx *ctx, const struct sip_msg *m,
			       struct edit_list *edits);

/* Would this token, written by an inside host, be replaced? So: is it an inside address here. */
bool rewrite_is_inside(const struct rewrite_ctx *ctx, const struct rf_addr *a);

#endif
