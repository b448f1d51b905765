/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Times as people write and read them: "10m", ISO 8601, "3m 12s", wall clock of a monotonic time.
 */
#ifndef RF_DURATION_H
#define RF_DURATION_H

#include <stdint.h>
#include <time.h>

#define DURATION_TEXT_MAX 32
#define SECOND_NS	  1000000000ULL

/* "30s", "10m", "2h", "1d", "1h30m", "90" (seconds); more than 0, at most 366 days. 0 or -EINVAL. */
int duration_parse(const char *text, uint64_t *ns);
/* "2026-08-01T12:30[:15][Z|+02:00]" (local time without a zone) as seconds since 1970. 0 or -EINVAL. */
int moment_parse(const char *text, time_t *out);

/* "12 ms", "3.2 s", "42s", "3m 12s", "2h 05m", "4d 03h"; buf of DURATION_TEXT_MAX; returns buf. */
const char *duration_text(uint64_t ns, char *buf);
/* The wall clock at a CLOCK_MONOTONIC time, as the clocks stand now; seconds since 1970. */
time_t moment_of(uint64_t monotonic_ns);
/* "03:02:11" when it is less than half a day off, else "2026-08-01 03:02:11"; local time. */
const char *moment_text(time_t t, char *buf);
/* "2026-08-01T03:02:11+02:00" */
const char *moment_iso(time_t t, char *buf);

#endif
