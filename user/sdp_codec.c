// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the payload type numbers of an m= line stand for: a=rtpmap, and the static types of RFC 3551.
 */
#include "sdp_attr.h"

#include <ctype.h>

#include "sip_scan.h"

struct payload {
	const char *name;
	uint32_t clock;
};

static const struct payload *static_payload(unsigned int type)
{
	static const struct payload table[] = {
		[0] = { "PCMU", 8000 },	  [3] = { "GSM", 8000 },    [4] = { "G723", 8000 },
		[5] = { "DVI4", 8000 },	  [6] = { "DVI4", 16000 },  [7] = { "LPC", 8000 },
		[8] = { "PCMA", 8000 },	  [9] = { "G722", 8000 },   [10] = { "L16", 44100 },
		[11] = { "L16", 44100 },  [12] = { "QCELP", 8000 }, [13] = { "CN", 8000 },
		[14] = { "MPA", 90000 },  [15] = { "G728", 8000 },  [16] = { "DVI4", 11025 },
		[17] = { "DVI4", 22050 }, [18] = { "G729", 8000 },  [25] = { "CelB", 90000 },
		[26] = { "JPEG", 90000 }, [28] = { "nv", 90000 },   [31] = { "H261", 90000 },
		[32] = { "MPV", 90000 },  [33] = { "MP2T", 90000 }, [34] = { "H263", 90000 },
	};

	if (type >= sizeof(table) / sizeof(table[0]) || !table[type].name)
		return NULL;
	return &table[type];
}

void sdp_static_payload(unsigned int type, struct sdp_media *m)
{
	const struct payload *p = static_payload(type);

	if (!p)
		return;
	m->first_encoding = view_of(p->name);
	m->clock_rate = p->clock;
}

uint32_t sdp_codec(struct view encoding, uint32_t clock_rate)
{
	uint32_t h = 0x811c9dc5; /* FNV-1a */

	for (size_t i = 0; i < encoding.n; i++)
		h = (h ^ (uint8_t)tolower((unsigned char)encoding.p[i])) * 0x01000193u;
	for (int i = 0; i < 4; i++)
		h = (h ^ (uint8_t)(clock_rate >> 8 * i)) * 0x01000193u;
	return h ? h : 1;
}

uint32_t sdp_codec_of(const struct sdp_media *m, unsigned int type)
{
	const struct payload *p;

	if (m->codecs[type % SDP_TYPES])
		return m->codecs[type % SDP_TYPES];
	p = static_payload(type);
	return p ? sdp_codec(view_of(p->name), p->clock) : 0;
}

/* "0 PCMU/8000/1". */
void sdp_rtpmap(struct view value, int first, struct sdp_media *m)
{
	struct view number = sdp_word(&value);
	struct view encoding = sdp_word(&value), name, clock;
	uint64_t type, rate = 0;

	if (m->proto != SDP_P_RTP || scan_uint(number, SDP_TYPES - 1, &type) || !encoding.n)
		return;
	name = view_head(encoding, view_index(encoding, '/'));
	if (name.n < encoding.n) {
		clock = view_from(encoding, name.n + 1);
		clock.n = view_index(clock, '/');
		if (scan_uint(clock, UINT32_MAX, &rate))
			rate = 0;
	}
	m->codecs[type] = sdp_codec(name, (uint32_t)rate);
	if (first < 0 || type != (unsigned int)first)
		return;
	m->first_encoding = name;
	m->clock_rate = (uint32_t)rate;
}
