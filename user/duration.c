// SPDX-License-Identifier: GPL-2.0-only
/*
 * Durations and moments: text <-> numbers.
 */
#include "duration.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define SECONDS_MAX (366ULL * 86400)

int duration_parse(const char *text, uint64_t *ns)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	uint64_t total = 0;
	size_t next = 0; /* units come in falling order, each once */

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	while (*text) {
		uint64_t value = 0;
		const char *start = text;

		while (isdigit((unsigned char)*text) && text - start < 9)
			value = value * 10 + (uint64_t)(*text++ - '0');
		if (text == start)
			return -EINVAL;
		if (!*text && !next) {
			total = value;
			break;
		}
		while (next < 4 && units[next].unit != *text)
			next++;
		if (next == 4)
			return -EINVAL;
		total += value * units[next++].seconds;
		text++;
	}
	if (!total || total > SECONDS_MAX)
		return -EINVAL;
	*ns = total * SECOND_NS;
	return 0;
}

/* "Z", "+02:00", "+0200" or nothing; the offset in seconds, *local without a zone. */
static int zone_parse(const char *text, long *offset, int *local)
{
	int hours, minutes, used = 0;
	char sign;

	*local = !*text;
	*offset = 0;
	if (!*text || !strcmp(text, "Z") || !strcmp(text, "z"))
		return 0;
	sign = *text++;
	if ((sign != '+' && sign != '-') || !isdigit((unsigned char)*text))
		return -EINVAL;
	if ((sscanf(text, "%2d:%2d%n", &hours, &minutes, &used) != 2 || text[used]) &&
	    (sscanf(text, "%2d%2d%n", &hours, &minutes, &used) != 2 || text[used]))
		return -EINVAL;
	if (hours > 14 || minutes < 0 || minutes > 59)
		return -EINVAL;
	*offset = (hours * 3600L + minutes * 60L) * (sign == '-' ? -1 : 1);
	return 0;
}

int moment_parse(const char *text, time_t *out)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M",
					       "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M" };
	long offset;
	int local;

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *rest = strptime(text, formats[i], &tm);
		time_t t;

		if (!rest || zone_parse(rest, &offset, &local))
			continue;
		t = local ? mktime(&tm) : timegm(&tm) - offset;
		if (t == (time_t)-1)
			return -EINVAL;
		*out = t;
		return 0;
	}
	return -EINVAL;
}

const char *duration_text(uint64_t ns, char *buf)
{
	unsigned long long s = ns / SECOND_NS;

	if (ns < SECOND_NS)
		snprintf(buf, DURATION_TEXT_MAX, "%llu ms", (unsigned long long)(ns / 1000000));
	else if (s < 10)
		snprintf(buf, DURATION_TEXT_MAX, "%.1f s", (double)ns / 1e9);
	else if (s < 60)
		snprintf(buf, DURATION_TEXT_MAX, "%llus", s);
	else if (s < 3600)
		snprintf(buf, DURATION_TEXT_MAX, "%llum %02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, DURATION_TEXT_MAX, "%lluh %02llum", s / 3600, s % 3600 / 60);
	else
		snprintf(buf, DURATION_TEXT_MAX, "%llud %02lluh", s / 86400, s % 86400 / 3600);
	return buf;
}

time_t moment_of(uint64_t monotonic_ns)
{
	struct timespec wall;
	int64_t ns;

	clock_gettime(CLOCK_REALTIME, &wall);
	ns = (int64_t)monotonic_ns - (int64_t)clock_now_ns() + wall.tv_nsec;
	ns += (int64_t)SECOND_NS / 2; /* to the nearest second */
	return wall.tv_sec + ns / (int64_t)SECOND_NS - (ns % (int64_t)SECOND_NS < 0);
}

const char *moment_text(time_t t, char *buf)
{
	time_t now = time(NULL);
	struct tm tm;

	if (!localtime_r(&t, &tm) ||
	    !strftime(buf, DURATION_TEXT_MAX,
		      t > now - 43200 && t < now + 43200 ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, DURATION_TEXT_MAX, "?");
	return buf;
}

const char *moment_iso(time_t t, char *buf)
{
	char zone[8];
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(zone, sizeof(zone), "%z", &tm) ||
	    !strftime(buf, DURATION_TEXT_MAX - 8, "%Y-%m-%dT%H:%M:%S", &tm))
		snprintf(buf, DURATION_TEXT_MAX, "?");
	else /* RFC 3339 wants +02:00, strftime() gives +0200 */
		snprintf(buf + strlen(buf), 8, "%.3s:%.2s", zone, zone + 3);
	return buf;
}
