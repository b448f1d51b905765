/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the engine is made of; for engine*.c only.
 */
#ifndef RF_ENGINE_STATE_H
#define RF_ENGINE_STATE_H

#include "alias.h"
#include "binding.h"
#include "call.h"
#include "edit.h"
#include "engine.h"
#include "manual.h"
#include "open_request.h"
#include "policy.h"
#include "registration.h"
#include "rewrite.h"
#include "sip_msg.h"
#include "subscription.h"
#include "unguarded.h"
#include "wan_names.h"

struct engine {
	struct config config;
	struct topology topo;
	struct wan_names wans;
	bool moves_due; /* they do not follow .topo yet */
	uint32_t next_binding, next_pinhole;
	uint32_t new_pinholes; /* ids from here on are of the message that came last */
	struct binding_table *bindings;
	struct alias_table *aliases;
	struct registration_table *registrations;
	struct policy_table *policy;
	struct open_table *open;
	struct subscription_table *subscriptions;
	struct call_table *calls;
	struct manual_table *manual;
	uint64_t next_sweep_ns;
	struct unguarded_said unguarded;
	const uint64_t *others; /* see engine_others() */
	/* one message at a time: */
	struct sip_msg msg;
	struct edit_list edits;
	char *room; /* for the message as it is sent */
};

/* The binding a message from outside reached. Routed hosts are named by the address itself. */
enum rf_reason engine_reached(struct engine *e, const struct signal_in *in,
			      const struct policy_query *q, struct binding **b,
			      struct action_list *out);
/* Over TCP a request comes by the connection that is there, whichever of the inside host's endpoints it
 * is for: the one of its Request-URI, else b. */
struct binding *engine_target(struct engine *e, const struct topology_wan *wan, struct binding *b);

/* May a datagram from outside pass although it cannot be read? */
bool engine_unread_passes(const struct engine *e, const struct signal_in *in,
			  const struct policy_query *q);
/* Is there more behind the message than its sender may send? Then *why says so. */
bool engine_hides_request(const struct engine *e, const struct signal_in *in,
			  const struct policy_query *q, const char **why);

/* engine_answer.c: a response from outside to the endpoint of b */
enum engine_answer {
	ANSWER_ASKED, /* of an open request, from where that was sent: it grants what was asked for */
	ANSWER_FOR, /* of one, by a configured peer for whom it was sent to: who was asked wins by it */
	ANSWER_AGAIN, /* the same after its final response: grants nothing more, but forks of an INVITE */
	ANSWER_STRAY, /* of no request that is known here */
	ANSWER_SPOOFED, /* of a request that was sent elsewhere, or in another transaction */
};

/* The message at hand leaves the endpoint of b: who may answer it, and send a NOTIFY before that. */
enum rf_reason engine_asks(struct engine *e, const struct binding *b, const struct rf_addr *remote,
			   uint64_t now_ns);
/* *r: the request; NULL unless ASKED, FOR or AGAIN. */
enum engine_answer engine_answer_of(struct engine *e, const struct binding *b,
				    const struct policy_query *q, struct view call_id,
				    struct open_request **r);
/* May it pass to the inside? RF_R_NONE or why not. */
enum rf_reason engine_answer_admitted(struct engine *e, const struct call_ctx *ctx,
				      const struct policy_query *q, enum engine_answer a);
/* What it means for registrations and subscriptions; and the request has been answered by it. */
enum rf_reason engine_answer_grants(struct engine *e, const struct registration_ctx *ctx,
				    struct open_request *r, enum engine_answer a,
				    struct view call_id);

#endif
