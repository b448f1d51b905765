/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What timing.bpf.c writes down about each SIP message that passes the devices next to the gateway.
 */
#ifndef BENCH_TIMING_BPF_H
#define BENCH_TIMING_BPF_H

#define TIMING_LOG 64

enum timing_at { TIMING_TO_GW, TIMING_INWARD, TIMING_OUTWARD };

struct timing_entry {
	__u64 ns;
	char start[4]; /* of the message */
	__u8 at; /* enum timing_at */
	__u8 open[2]; /* pinholes of the call, by enum rf_dir: there, open, RTP admitted */
	__u8 pad;
};

#endif
