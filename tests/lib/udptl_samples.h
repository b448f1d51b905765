/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Datagrams of fax senders, and of others that begin alike: one table for the rule itself (test_udptl.c) and for those
 * who apply it, by way of media_cases.h. UDPTL_SAMPLE(name, cls, bytes...): .cls is RF_CLASS_UDPTL, what else the
 * datagram is taken for, or 0.
 */
#ifndef RF_TEST_UDPTL_SAMPLES_H
#define RF_TEST_UDPTL_SAMPLES_H

#define U_V21 0xc0, 0x01, 0x80, 0x00, 0x00, 0xff /* one byte of HDLC data */

#define UDPTL_SAMPLES(UDPTL_SAMPLE)                                                                \
	/* what fax senders send */                                                                \
	UDPTL_SAMPLE("no signal", RF_CLASS_UDPTL, 0, 0, 1, 0x00, 0, 0)                             \
	UDPTL_SAMPLE("V.21 preamble, as any sequence", RF_CLASS_UDPTL, 0x80, 0x01, 1, 0x06, 0, 0)  \
	UDPTL_SAMPLE("indicator of the extension", RF_CLASS_UDPTL, 0, 9, 2, 0x20, 0x40, 0, 0)      \
	UDPTL_SAMPLE("data of the extension", RF_CLASS_UDPTL, 0, 9, 3, 0xe0, 0x40, 0, 0, 0)        \
	UDPTL_SAMPLE("data without a field", RF_CLASS_UDPTL, 0, 9, 1, 0x50, 0, 0)                  \
	UDPTL_SAMPLE("data", RF_CLASS_UDPTL, 0, 2, 6, U_V21, 0, 0)                                 \
	UDPTL_SAMPLE("V.17 data", RF_CLASS_UDPTL, 0, 2, 6, 0xd0, 0x01, 0xc0, 0x00, 0x00, 0x55, 0,  \
		     0)                                                                            \
	UDPTL_SAMPLE("redundancy", RF_CLASS_UDPTL, 0, 3, 6, U_V21, 0, 2, 6, U_V21, 1, 0x06)        \
	UDPTL_SAMPLE("FEC", RF_CLASS_UDPTL, 0, 4, 6, U_V21, 0x80, 1, 3, 2, 3, 1, 2, 3, 2, 9, 9)    \
	UDPTL_SAMPLE("FEC, none yet", RF_CLASS_UDPTL, 0, 4, 6, U_V21, 0x80, 1, 3, 0)               \
	UDPTL_SAMPLE("FEC, integer of two bytes", RF_CLASS_UDPTL, 0, 4, 6, U_V21, 0x80, 2, 0, 3,   \
		     1, 1, 5)                                                                      \
	/* what breaks off, or goes on */                                                          \
	UDPTL_SAMPLE("trailing byte", 0, 0, 2, 6, U_V21, 0, 0, 0)                                  \
	UDPTL_SAMPLE("no recovery", 0, 0, 2, 6, U_V21)                                             \
	UDPTL_SAMPLE("no count", 0, 0, 2, 6, U_V21, 0)                                             \
	UDPTL_SAMPLE("primary too long", 0, 0, 2, 9, U_V21, 0, 0)                                  \
	UDPTL_SAMPLE("empty primary", 0, 0, 2, 0, 0, 0, 0)                                         \
	UDPTL_SAMPLE("entry too long", 0, 0, 3, 6, U_V21, 0, 1, 7, U_V21)                          \
	UDPTL_SAMPLE("entry missing", 0, 0, 3, 6, U_V21, 0, 2, 6, U_V21)                           \
	UDPTL_SAMPLE("entry behind the last", 0, 0, 3, 6, U_V21, 0, 1, 1, 6, 1, 6)                 \
	UDPTL_SAMPLE("empty entry", 0, 0, 3, 6, U_V21, 0, 2, 1, 6, 0)                              \
	UDPTL_SAMPLE("too many entries", 0, 0, 3, 1, 6, 0, 33, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, \
		     1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, \
		     1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, 1, 6, \
		     1, 6)                                                                         \
	UDPTL_SAMPLE("other recovery", 0, 0, 3, 6, U_V21, 1, 0)                                    \
	UDPTL_SAMPLE("FEC, integer missing", 0, 0, 4, 6, U_V21, 0x80, 0, 0)                        \
	UDPTL_SAMPLE("FEC, integer cut", 0, 0, 4, 6, U_V21, 0x80, 2, 0)                            \
	UDPTL_SAMPLE("fragment of an open type", 0, 0, 2, 0xc1, U_V21, 0, 0)                       \
	UDPTL_SAMPLE("length in more than it needs", 0, 0, 2, 0x80, 6, U_V21, 0, 0)                \
	UDPTL_SAMPLE("indicator with a field", 0, 0, 2, 6, 0x80, 1, 0x80, 0, 0, 0xff, 0, 0)        \
	UDPTL_SAMPLE("indicator that goes on", 0, 0, 2, 2, 0x06, 0, 0, 0)                          \
	UDPTL_SAMPLE("unknown data", 0, 0, 2, 6, 0xde, 1, 0x80, 0, 0, 0xff, 0, 0)                  \
	/* others */                                                                               \
	UDPTL_SAMPLE("DNS query", 0, 0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, 7, 'e', 'x',  \
		     'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 1, 0, 1)                     \
	UDPTL_SAMPLE("DNS query of dig", 0, 0x12, 0x34, 0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, 1, 1,     \
		     'a', 0, 0, 1, 0, 1, 0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0)                      \
	UDPTL_SAMPLE("DNS query, not recursive", 0, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1,   \
		     'a', 0, 0, 1, 0, 1)                                                           \
	UDPTL_SAMPLE("DNS answer", 0, 0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 1, 'a', 0,   \
		     0, 1, 0, 1, 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1)          \
	UDPTL_SAMPLE("DNS answer, authoritative", 0, 0x12, 0x34, 0x84, 0x00, 0, 1, 0, 1, 0, 0, 0,  \
		     0, 1, 'a', 0, 0, 1, 0, 1, 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0,  \
		     2, 1)                                                                         \
	UDPTL_SAMPLE("DNS name error", 0, 0x12, 0x34, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a',  \
		     0, 0, 1, 0, 1)                                                                \
	UDPTL_SAMPLE("mDNS", 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 5, 'l', 'o', 'c', 'a', \
		     'l', 0, 0, 12, 0, 1)                                                          \
	UDPTL_SAMPLE("SNMP v1", RF_CLASS_DTLS, 0x30, 0x26, 2, 1, 0, 4, 6, 'p', 'u', 'b', 'l', 'i', \
		     'c', 0xa0, 0x19, 2, 1, 1, 2, 1, 0, 2, 1, 0, 0x30, 0x0e, 0x30, 0x0c, 6, 8,     \
		     0x2b, 6, 1, 2, 1, 1, 1, 0, 5, 0)                                              \
	UDPTL_SAMPLE("SNMP v2c", RF_CLASS_DTLS, 0x30, 0x26, 2, 1, 1, 4, 6, 'p', 'u', 'b', 'l',     \
		     'i', 'c', 0xa1, 0x19, 2, 1, 1, 2, 1, 0, 2, 1, 0, 0x30, 0x0e, 0x30, 0x0c, 6,   \
		     8, 0x2b, 6, 1, 2, 1, 1, 1, 0, 5, 0)                                           \
	UDPTL_SAMPLE("SNMP, long form", RF_CLASS_DTLS, 0x30, 0x81, 0x84, 2, 1, 1, 4, 6, 'p', 'u',  \
		     'b', 'l', 'i', 'c', 0xa1, 0x19, 2, 1, 1, 2, 1, 0, 2, 1, 0, 0x30, 0x0e)        \
	UDPTL_SAMPLE("SNMP, longer form", RF_CLASS_DTLS, 0x30, 0x82, 0x01, 0x04, 2, 1, 1, 4, 6,    \
		     'p', 'u', 'b', 'l', 'i', 'c', 0xa1, 0x19, 2, 1, 1, 2, 1, 0, 2, 1, 0)          \
	UDPTL_SAMPLE("SNMP v3", RF_CLASS_DTLS, 0x30, 0x3a, 2, 1, 3, 0x30, 0x0f, 2, 2, 0x69, 0x08,  \
		     2, 3, 0, 0xff, 0xe3, 4, 1, 4, 2, 1, 3, 4, 0x10, 0x30, 0x0e, 4, 0, 2, 1, 0, 2, \
		     1, 0, 4, 0, 4, 0, 4, 0, 0x30, 0x12, 4, 0, 4, 0, 0xa0, 0x0c, 2, 2, 0x37, 0xf0, \
		     2, 1, 0, 2, 1, 0, 0x30, 0)                                                    \
	UDPTL_SAMPLE("NTP client", RF_CLASS_DTLS, 0x23, 0, 6, 0xec, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
		     0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
		     0xe9, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde)                               \
	UDPTL_SAMPLE("NTP client, polls often", RF_CLASS_DTLS, 0x23, 0, 1, 0x00, 0, 0, 0, 0, 0, 0, \
		     0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
		     0, 0, 0, 0, 0xe9, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde)                   \
	UDPTL_SAMPLE("NTP server", RF_CLASS_DTLS, 0x24, 2, 6, 0xe8, 0, 0, 5, 0x10, 0, 0, 4, 0x20,  \
		     192, 0, 2, 1, 0xe9, 1, 2, 3, 4, 5, 6, 7, 0xe9, 1, 2, 3, 4, 5, 6, 7, 0xe9, 1,  \
		     2, 3, 4, 5, 6, 7, 0xe9, 1, 2, 3, 4, 5, 6, 7)                                  \
	UDPTL_SAMPLE("NTP control", 0, 0x16, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)                      \
	UDPTL_SAMPLE("NTP monlist", 0, 0x17, 0, 3, 0x2a, 0, 0, 0, 0)                               \
	UDPTL_SAMPLE("STUN", RF_CLASS_STUN, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6,  \
		     7, 8, 9, 10, 11, 12)                                                          \
	UDPTL_SAMPLE("RTP", RF_CLASS_RTP, 0x80, 0, 1, 6, 0, 0, 0, 160, 1, 2, 3, 4, 0xff, 0xff,     \
		     0xff, 0xff)                                                                   \
	UDPTL_SAMPLE("RTCP", RF_CLASS_RTCP, 0x80, 201, 0, 1, 1, 2, 3, 4)                           \
	UDPTL_SAMPLE("DTLS", RF_CLASS_DTLS, 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1)       \
	UDPTL_SAMPLE("TFTP", 0, 0, 1, 'f', 0, 'o', 'c', 't', 'e', 't', 0)                          \
	UDPTL_SAMPLE("SSDP", 0, 'M', '-', 'S', 'E', 'A', 'R', 'C', 'H', ' ', '*', ' ', 'H', 'T',   \
		     'T', 'P', '/', '1', '.', '1', 13, 10)                                         \
	UDPTL_SAMPLE("WireGuard", 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)            \
	UDPTL_SAMPLE("memcached", 0, 0, 0, 0, 0, 0, 1, 0, 0, 's', 't', 'a', 't', 's', 13, 10)

#endif
