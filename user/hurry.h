/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The start goes before what computes beside it: a message that nobody serves is lost, and a call with it. It is about
 * a tenth of a second's work; from then on this process is one among others again.
 */
#ifndef RF_HURRY_H
#define RF_HURRY_H

#include <stdbool.h>

/* Who may not (CAP_SYS_NICE) is served in his turn. */
void hurry_begin(void);
/* As it was before. False: not all of it yet; to be called again, in a tenth of a second or so. */
bool hurry_end(void);

#endif
