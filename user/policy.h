/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who outside may speak to an inside SIP endpoint: configured peers, registrars of live
 * registrations, the other side of running calls and subscriptions; and whose responses are
 * expected. Everything else is SIP_UNKNOWN_PEER.
 */
#ifndef RF_POLICY_H
#define RF_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "binding.h"
#include "config.h"
#include "registration.h"
#include "sip_msg.h"

#define POLICY_RESPONSE_NS	(180ull * 1000000000) /* a response is expected after a request */
#define POLICY_EXPECTATIONS_MAX 200000

enum policy_verdict {
	POLICY_REFUSED, /* RF_R_SIP_UNKNOWN_PEER */
	POLICY_PEER,
	POLICY_REGISTRAR,
	POLICY_DIALOG, /* by the engine's word: it is in a call */
	POLICY_SUBSCRIPTION, /* NOTIFY from whom we subscribed to or referred */
	POLICY_EXPECTED, /* a response to what we sent there */
	POLICY_ANYBODY, /* inbound without configured peers */
};

struct policy_table;

struct policy_table *policy_table_new(void);
void policy_table_free(struct policy_table *t);
size_t policy_count(const struct policy_table *t);
void policy_shares(const struct policy_table *t, show_share_fn fn, void *arg);

/* A request of this binding, of the host inside, went to remote: responses from its address are expected until then
 * (normally now + POLICY_RESPONSE_NS; for dialogs as long as they live). Never shortens. When the table is
 * full, of the host that has most the one that was asked for longest ago goes. False: out of memory. */
bool policy_expect(struct policy_table *t, const struct rf_addr *inside, uint32_t binding_id,
		   const struct rf_addr *remote, uint64_t until_ns);
/* A SUBSCRIBE or REFER was accepted by remote: it may connect until then, in order to send NOTIFY. As policy_expect(). */
bool policy_subscribed(struct policy_table *t, const struct rf_addr *inside, uint32_t binding_id,
		       const struct rf_addr *remote, uint64_t until_ns);

struct policy_query {
	const struct config *config;
	const struct registration_table *registrations;
	const struct binding
		*binding; /* the one that the message reached; NULL: none, inbound is meant */
	struct rf_ep remote;
	bool in_dialog; /* the engine knows a call with this remote side */
	bool subscribed; /* the engine knows the subscription that this NOTIFY is of */
	uint64_t now_ns;
};

enum policy_verdict policy_request(const struct policy_table *t, const struct policy_query *q,
				   enum sip_method m);
/* May remote connect (TCP) as one who sends NOTIFY? Which ones it may send is asked with each. */
bool policy_notifies(const struct policy_table *t, const struct policy_query *q);
/* Is a response of q->remote one to a request that was sent to asked? From there, from the same configured
 * peer, or one registrar of the binding for another. */
bool policy_answers_for(const struct policy_query *q, const struct rf_addr *asked);
/* Is it a configured peer that answers, from whichever port? It may answer for another address of a provider's. */
bool policy_answers_as_peer(const struct policy_query *q);
/* May a response pass to the inside? It grants nothing by that. */
enum policy_verdict policy_response(const struct policy_table *t, const struct policy_query *q);
enum rf_reason policy_reason(enum policy_verdict v); /* RF_R_NONE unless refused */
const char *policy_name(enum policy_verdict v);

/* `inbound` without peers: anybody may call the host that it names. */
bool policy_is_open(const struct config *c);
/* The configured peer that an endpoint belongs to (longest prefix; a port narrows, unless remote has none:
 * TCP); NULL. */
const struct config_peer *policy_peer(const struct config *c, const struct rf_ep *remote);

void policy_tick(struct policy_table *t, uint64_t now_ns);

#endif
