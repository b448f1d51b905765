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
#include "policy.h"
#include "registration.h"
#include "rewrite.h"
#include "sip_msg.h"

struct engine {
	struct config config;
	struct topology topo;
	uint32_t next_binding, next_pinhole;
	struct binding_table *bindings;
	struct alias_table *aliases;
	struct registration_table *registrations;
	struct policy_table *policy;
	struct call_table *calls;
	struct manual_table *manual;
	uint64_t next_sweep_ns;
	/* one message at a time: */
	struct sip_msg msg;
	struct edit_list edits;
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
/* Is there more behind the message than who may do v may send? */
bool engine_hides_request(const struct engine *e, const struct signal_in *in,
			  enum policy_verdict v);

#endif
