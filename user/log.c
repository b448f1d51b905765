// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log lines on stderr, one write each. stdout stays free for what a command prints.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text_safe.h"

static const char *log_program = "ringfence";
static enum log_level log_max = LOG_LEVEL_INFO;
static bool log_journald;

static const struct {
	int syslog;
	const char *name;
} log_levels[] = {
	[LOG_LEVEL_ERROR] = { 3, "error: " },
	[LOG_LEVEL_WARNING] = { 4, "warning: " },
	[LOG_LEVEL_INFO] = { 6, "" },
	[LOG_LEVEL_DEBUG] = { 7, "debug: " },
};

void log_init(const char *program, enum log_level max)
{
	log_program = program;
	log_max = max;
	log_journald = getenv("JOURNAL_STREAM");
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[1024], line[1200];
	va_list ap;
	int n;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_clean(text); /* what a peer wrote may stand in a line */
	if (!log_journald)
		n = snprintf(line, sizeof(line), "%s: %s%s\n", log_program, log_levels[level].name,
			     text);
	else
		n = snprintf(line, sizeof(line), "<%d>%s: %s%s\n", log_levels[level].syslog,
			     log_program, log_levels[level].name, text);
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nobody left to tell */
}

bool log_limit_ok(struct log_limit *l, uint64_t now_ns, uint32_t *left_out)
{
	if (l->last_ns && now_ns - l->last_ns < l->interval_ns) {
		l->suppressed++;
		return false;
	}
	*left_out = l->suppressed;
	l->suppressed = 0;
	l->last_ns = now_ns;
	return true;
}

uint32_t log_burst_left_out(struct log_burst *b, uint64_t now_ns)
{
	uint32_t n = 0;

	if (now_ns - b->since_ns < b->interval_ns)
		return 0;
	if (b->n > b->max)
		n = b->n - b->max;
	b->since_ns = now_ns;
	b->n = 0;
	return n;
}

bool log_burst_ok(struct log_burst *b, uint64_t now_ns, uint32_t *left_out)
{
	*left_out = log_burst_left_out(b, now_ns);
	return ++b->n <= b->max;
}

int why_set(struct why *w, int err, const char *fmt, ...)
{
	va_list ap;

	if (!w)
		return err;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	text_clean(w->text);
	return err;
}
