/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets out of a capture file (pcap or pcapng), from the IP header on. A reader around libpcap's
 * offline half: no device is opened, no filter compiled.
 */
#ifndef RF_PCAP_READ_H
#define RF_PCAP_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "view.h"

#define PCAP_WHY_MAX 400

struct pcap_read;

struct pcap_packet {
	uint64_t time_ns; /* since 1970 */
	struct view l3; /* what the file holds of it; valid until the next call */
	size_t wire_len; /* of the same on the wire; larger than l3.n when the capture cut it */
};

enum pcap_result {
	PCAP_GOT, /* *out is an IP packet */
	PCAP_NOT_IP, /* ARP, LLDP, ...: passed over */
	PCAP_END,
	PCAP_BROKEN, /* the file ends in the middle or contradicts itself; why is told */
};

/* 0, or -errno and a whole sentence in why (PCAP_WHY_MAX): no such file, no capture, a link type
 * that is not read. */
int pcap_read_open(struct pcap_read **out, const char *path, char *why);
void pcap_read_close(struct pcap_read *p); /* NULL ok */
enum pcap_result pcap_read_next(struct pcap_read *p, struct pcap_packet *out, char *why);
/* "EN10MB (Ethernet)"; bytes kept of each packet. */
const char *pcap_read_link(const struct pcap_read *p);
int pcap_read_snaplen(const struct pcap_read *p);

#endif
