/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log lines of the controller, and the sentence that a failing doer hands upwards.
 * One line each on stderr, with the <N> level prefix when journald reads them.
 */
#ifndef RF_LOG_H
#define RF_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_init(const char *program, enum log_level max);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* At most one line per interval; what was left out is counted and told with the next one. */
struct log_limit {
	uint64_t interval_ns;
	uint64_t last_ns; /* 0: never */
	uint32_t suppressed;
};
/* May a line be written now? *left_out: lines that were not since the last one. */
bool log_limit_ok(struct log_limit *l, uint64_t now_ns, uint32_t *left_out);

/* So many lines per interval, of what happens often where all is well, too. */
struct log_burst {
	uint64_t interval_ns;
	uint32_t max;
	uint64_t since_ns;
	uint32_t n; /* since then, those left out included */
};
/* May a line be written now? *left_out: lines that were not, when an interval has ended: to be told. */
bool log_burst_ok(struct log_burst *b, uint64_t now_ns, uint32_t *left_out);
/* The same without a line, so that the last ones are told, too. */
uint32_t log_burst_left_out(struct log_burst *b, uint64_t now_ns);

/* Why something failed: one sentence for a person, with what to do. Written by the layer that knows. */
struct why {
	char text[512];
};
/* Sets the sentence (w may be NULL) and returns err, so that "return why_set(w, -EBUSY, ...)" works. */
int why_set(struct why *w, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The machine's CLOCK_MONOTONIC, the clock of every time in rf_abi.h, also in a time namespace (clock.c). */
uint64_t clock_now_ns(void);

#endif
