/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does the running kernel have conntrack that BPF programs may ask?
 */
#ifndef RF_CONNTRACK_H
#define RF_CONNTRACK_H

#include <stdbool.h>
#include <stdint.h>

/* Built in, or a module that is loaded now. The first call reads the kernel's types: some milliseconds. */
bool conntrack_here(void);

/* The longest that it keeps UDP in this network namespace, in seconds; 0: not known, there is none */
uint64_t conntrack_udp_s(void);

#define CONNTRACK_CAME_LATER \
	"conntrack came after the programs were loaded, so they do not ask it: replies to others that only it knows are dropped; load them again: ringfence attach dev DEV replace"

#endif
