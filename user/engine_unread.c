// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes from outside and is read by nobody: a datagram that is no SIP for us, or bytes behind a
 * message. Who may send requests may send these, by the operator's word (sip.unreadable); who may only
 * answer sends keep-alives and answers, and nothing that a lenient endpoint could take for a request.
 */
#include "engine_state.h"
#include "sip_unread.h"

bool engine_unread_passes(const struct engine *e, const struct signal_in *in,
			  const struct policy_query *q)
{
	enum sip_unread kind;

	if (policy_request(e->policy, q, SIP_M_OTHER) != POLICY_REFUSED)
		return true;
	if (policy_response(e->policy, q) == POLICY_REFUSED)
		return false;
	kind = sip_unread_kind(in->payload);
	/* On a stream an endpoint that reads it may see another end of it than we do. */
	return kind == SIP_UNREAD_KEEP_ALIVE || (kind == SIP_UNREAD_RESPONSE && !in->conn);
}

bool engine_hides_request(const struct engine *e, const struct signal_in *in,
			  const struct policy_query *q, const char **why)
{
	size_t n = e->msg.raw.n;
	struct view tail = { in->payload.p + n, in->payload.n - n };
	struct policy_query any = *q;

	any.in_dialog = any.subscribed = false; /* which allow some requests only */
	if (policy_request(e->policy, &any, SIP_M_OTHER) != POLICY_REFUSED)
		return false;
	if (in->conn ? !tail.n : !sip_holds_request(tail))
		return false;
	*why = "bytes behind the message that its sender may not send";
	return true;
}
