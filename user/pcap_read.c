// SPDX-License-Identifier: GPL-2.0-only
/*
 * Link layers -> IP: Ethernet, Linux cooked (1 and 2), raw IP, BSD loopback; VLAN tags and PPPoE
 * on the way are taken off.
 */
#include "pcap_read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ETHERTYPE_V4	0x0800
#define ETHERTYPE_V6	0x86dd
#define ETHERTYPE_PPPOE 0x8864
#define PPP_V4		0x0021
#define PPP_V6		0x0057
#define TAGS_MAX	2 /* 802.1ad: a service tag and a customer tag */

struct pcap_read {
	pcap_t *pcap;
	int link;
	char link_name[80];
};

static bool link_known(int link)
{
	switch (link) {
	case DLT_EN10MB:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
	case DLT_NULL:
	case DLT_LOOP: return true;
	default: return false;
	}
}

/* libpcap would wait for ever at a FIFO, and calls a directory an unknown file format. */
static int check_file(const char *path, char *why)
{
	struct stat st;
	int err = stat(path, &st) ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;

	if (err)
		snprintf(why, PCAP_WHY_MAX, "cannot read %.200s: %s", path, strerror(err));
	return -err;
}

int pcap_read_open(struct pcap_read **out, const char *path, char *why)
{
	char errors[PCAP_ERRBUF_SIZE] = "";
	struct pcap_read *p;
	const char *name;
	int err = check_file(path, why);

	if (err)
		return err;
	p = calloc(1, sizeof(*p));
	if (!p) {
		snprintf(why, PCAP_WHY_MAX, "out of memory");
		return -ENOMEM;
	}
	p->pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, errors);
	if (!p->pcap) {
		snprintf(why, PCAP_WHY_MAX, "%.150s is no capture that can be read: %.200s", path,
			 errors);
		pcap_read_close(p);
		return -EINVAL;
	}
	p->link = pcap_datalink(p->pcap);
	name = pcap_datalink_val_to_name(p->link);
	if (name)
		snprintf(p->link_name, sizeof(p->link_name), "%s (%s)", name,
			 pcap_datalink_val_to_description(p->link));
	else
		snprintf(p->link_name, sizeof(p->link_name), "type %d", p->link);
	if (!link_known(p->link)) {
		snprintf(
			why, PCAP_WHY_MAX,
			"%.150s has the link type %s; what is read: Ethernet, Linux cooked, raw IP "
			"and loopback",
			path, p->link_name);
		pcap_read_close(p);
		return -EPROTONOSUPPORT;
	}
	*out = p;
	return 0;
}

void pcap_read_close(struct pcap_read *p)
{
	if (!p)
		return;
	if (p->pcap)
		pcap_close(p->pcap);
	free(p);
}

const char *pcap_read_link(const struct pcap_read *p)
{
	return p->link_name;
}

int pcap_read_snaplen(const struct pcap_read *p)
{
	return pcap_snapshot(p->pcap);
}

static bool take(struct view *v, size_t n)
{
	if (v->n < n)
		return false;
	v->p += n;
	v->n -= n;
	return true;
}

static unsigned int be16_at(const struct view *v, size_t at)
{
	return (unsigned char)v->p[at] << 8 | (unsigned char)v->p[at + 1];
}

static bool is_tag(unsigned int type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

/* What follows an EtherType; *v begins behind it. */
static bool strip_type(unsigned int type, struct view *v)
{
	for (int tags = 0; is_tag(type); tags++) {
		if (tags == TAGS_MAX || v->n < 4)
			return false;
		type = be16_at(v, 2);
		take(v, 4);
	}
	if (type == ETHERTYPE_PPPOE) {
		if (v->n < 8 || v->p[0] != 0x11 || v->p[1])
			return false;
		type = be16_at(v, 6);
		take(v, 8);
		return type == PPP_V4 || type == PPP_V6;
	}
	return type == ETHERTYPE_V4 || type == ETHERTYPE_V6;
}

static bool strip_link(int link, struct view *v)
{
	unsigned int type;

	switch (link) {
	case DLT_EN10MB:
		if (v->n < 14)
			return false;
		type = be16_at(v, 12);
		return take(v, 14) && strip_type(type, v);
	case DLT_LINUX_SLL:
		if (v->n < 16)
			return false;
		type = be16_at(v, 14);
		return take(v, 16) && strip_type(type, v);
	case DLT_LINUX_SLL2:
		if (v->n < 20)
			return false;
		type = be16_at(v, 0);
		return take(v, 20) && strip_type(type, v);
	case DLT_NULL: /* a protocol family, whose number depends on the system: the version tells */
	case DLT_LOOP: return take(v, 4);
	default: return true;
	}
}

enum pcap_result pcap_read_next(struct pcap_read *p, struct pcap_packet *out, char *why)
{
	struct pcap_pkthdr *h;
	const u_char *bytes;
	struct view v;
	unsigned int version;
	int r = pcap_next_ex(p->pcap, &h, &bytes);

	if (r == PCAP_ERROR_BREAK)
		return PCAP_END;
	if (r != 1) {
		snprintf(why, PCAP_WHY_MAX, "%s", pcap_geterr(p->pcap));
		return PCAP_BROKEN;
	}
	v = (struct view){ (const char *)bytes, h->caplen };
	if (!strip_link(p->link, &v) || !v.n)
		return PCAP_NOT_IP;
	version = (unsigned char)v.p[0] >> 4;
	if (version != 4 && version != 6)
		return PCAP_NOT_IP;
	/* .tv_usec holds nanoseconds at this precision. */
	out->time_ns = (uint64_t)h->ts.tv_sec * 1000000000ull + (uint64_t)h->ts.tv_usec;
	out->l3 = v;
	out->wire_len = v.n + (h->len > h->caplen ? h->len - h->caplen : 0);
	return PCAP_GOT;
}
