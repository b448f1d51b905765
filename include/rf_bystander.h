/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which UDP is somebody else's: how long a flow that is no call's may be answered, and who is still taken for
 * the other side of a call that is over. Times are nanoseconds of CLOCK_MONOTONIC.
 */
#ifndef RF_BYSTANDER_H
#define RF_BYSTANDER_H

#include "rf_media.h"

/* As conntrack's own time-outs of UDP, a little longer where it has 120 s: nobody is cut off earlier by us. */
#define RF_FLOW_NEW_NS	  (30 * RF_NS_PER_SEC)
#define RF_FLOW_STREAM_NS (180 * RF_NS_PER_SEC)
#define RF_FLOW_FRESH_NS  (2 * RF_NS_PER_SEC) /* renewed no more often: a write per packet is dear */
/* Longer than conntrack keeps UDP, so that no entry of the call's own packets speaks for its far side. */
#define RF_CALL_END_S	  300
#define RF_CALL_END_MORE  60 /* than conntrack's time-outs where these are long */
#define RF_CALL_END_MAX_S (30 * 24 * 3600) /* no sum overflows */

/* .timeout_s: the longer one of conntrack's two, 0: not known */
RF_PURE __u32 rf_call_end_s(__u64 timeout_s)
{
	if (timeout_s > RF_CALL_END_MAX_S)
		return RF_CALL_END_MAX_S;
	return timeout_s + RF_CALL_END_MORE > RF_CALL_END_S ? timeout_s + RF_CALL_END_MORE
							    : RF_CALL_END_S;
}

/* .call_end_s: of struct rf_settings */
RF_PURE __u64 rf_call_end_ns(__u32 call_end_s)
{
	return (call_end_s > RF_CALL_END_S ? call_end_s : RF_CALL_END_S) * RF_NS_PER_SEC;
}

RF_PURE bool rf_flow_alive(__u64 last_ns, __u32 answered, __u64 now)
{
	__u64 limit = answered ? RF_FLOW_STREAM_NS : RF_FLOW_NEW_NS;

	/* as signed: another CPU may have written a later time than ours */
	return (__s64)(now - last_ns) < (__s64)limit;
}

RF_PURE bool rf_flow_fresh(__u64 last_ns, __u64 now)
{
	return (__s64)(now - last_ns) < (__s64)RF_FLOW_FRESH_NS;
}

/* Is ep one of those that the entry holds? */
RF_PURE bool rf_call_end_names(const struct rf_call_end *e, const struct rf_ep *ep)
{
	__u32 i;

	for (i = 0; i < RF_CALL_END_REMOTES; i++)
		if (i < e->n && rf_ep_eq(&e->remotes[i], ep))
			return true;
	return false;
}

/* Has ep been the other side of the call that had this endpoint? With more than the entry holds: anybody. */
RF_PURE bool rf_call_end_has(const struct rf_call_end *e, const struct rf_ep *ep, __u64 now)
{
	if ((__s64)(now - e->until_ns) >= 0)
		return false;
	return e->n > RF_CALL_END_REMOTES || rf_call_end_names(e, ep);
}

#endif
