/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registrations of inside endpoints at registrars outside (RFC 3261 section 10): which of them are
 * live, for how long, and who the registrar is. REGISTER from outside leaves no state here.
 */
#ifndef RF_REGISTRATION_H
#define RF_REGISTRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "action.h"
#include "binding.h"
#include "show_call.h"
#include "sip_msg.h"
#include "topology.h"

#define REGISTRATION_DEFAULT_S	3600 /* RFC 3261 10.2: the registrar chose, and did not say */
#define REGISTRATION_MAX_S	(30 * 86400) /* longer grants are taken as this */
#define REGISTRATIONS_MAX	50000
#define REGISTRATION_PENDING_NS (32ull * 1000000000) /* 64*T1: timer F */

struct registration {
	uint32_t id;
	uint32_t binding_id; /* of the contact's endpoint */
	const char *aor; /* To URI as the inside host wrote it */
	const char *user; /* of the Contact URI; "" when it has none */
	const char *contact; /* URI as the inside host wrote it */
	struct rf_ep inside, outside; /* of the binding; outside as in signalling */
	struct rf_ep registrar;
	uint64_t since_ns, expires_ns;
};

struct registration_table;

struct registration_table *registration_table_new(void);
void registration_table_free(struct registration_table *t);
size_t registration_count(const struct registration_table *t);
void registration_shares(const struct registration_table *t, show_share_fn fn, void *arg);

struct registration_ctx {
	const struct topology *topo;
	const struct topology_wan *wan;
	struct binding_table *bindings;
	struct binding *binding; /* that sent the REGISTER and gets the response */
	struct rf_ep remote; /* where the REGISTER goes, where the response comes from */
	uint64_t now_ns;
	struct action_list *out;
};

/* REGISTER on its way out, as the inside host wrote it (after rewrite_outbound(), which makes the
 * bindings of its contacts). call_id is the internal one. */
enum rf_reason registration_request(struct registration_table *t,
				    const struct registration_ctx *ctx, const struct sip_msg *m);
/* Response to a REGISTER that is open (open_request.h), from where it was sent, as it came from outside;
 * call_id: the internal one. */
enum rf_reason registration_response(struct registration_table *t,
				     const struct registration_ctx *ctx, const struct sip_msg *m,
				     struct view call_id);

void registration_tick(struct registration_table *t, uint64_t now_ns, struct action_list *out);

/* A live registration whose Contact has this binding and user; NULL. */
const struct registration *registration_find(const struct registration_table *t,
					     uint32_t binding_id, struct view user);
/* Does binding b have a live registration at this address? */
bool registration_is_registrar(const struct registration_table *t, uint32_t binding_id,
			       const struct rf_addr *a, uint64_t now_ns);

/* One RECORD_REGISTRATION; 0, -EINVAL or -ENOMEM. */
int registration_restore(struct registration_table *t, struct binding_table *bindings, uint32_t id,
			 struct view bytes, uint64_t now_ns);
/* Once every record is restored: bindings live as long as their registrations, and registrations
 * whose binding is gone end. */
void registration_save_all(struct registration_table *t, struct action_list *out);
void registration_restored(struct registration_table *t, struct binding_table *bindings,
			   struct action_list *out);
void registration_show(const struct registration_table *t, show_registration_fn fn, void *arg);

#endif
