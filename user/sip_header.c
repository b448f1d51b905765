/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names: header names and their compact forms (RFC 3261 20, 7.3.3), method names.
 */
#include "sip_header.h"

static const struct {
	enum sip_header_id id;
	char compact; /* lower case; 0: none */
	struct view name;
} header_names[] = {
#define H(id, compact, name)                   \
	{                                      \
		id, compact,                   \
		{                              \
			name, sizeof(name) - 1 \
		}                              \
	}
	H(SIP_H_VIA, 'v', "Via"),
	H(SIP_H_FROM, 'f', "From"),
	H(SIP_H_TO, 't', "To"),
	H(SIP_H_CALL_ID, 'i', "Call-ID"),
	H(SIP_H_CSEQ, 0, "CSeq"),
	H(SIP_H_CONTACT, 'm', "Contact"),
	H(SIP_H_ROUTE, 0, "Route"),
	H(SIP_H_RECORD_ROUTE, 0, "Record-Route"),
	H(SIP_H_CONTENT_LENGTH, 'l', "Content-Length"),
	H(SIP_H_CONTENT_TYPE, 'c', "Content-Type"),
	H(SIP_H_CONTENT_ENCODING, 'e', "Content-Encoding"),
	H(SIP_H_EXPIRES, 0, "Expires"),
	H(SIP_H_MAX_FORWARDS, 0, "Max-Forwards"),
	H(SIP_H_PATH, 0, "Path"),
	H(SIP_H_SERVICE_ROUTE, 0, "Service-Route"),
	H(SIP_H_P_ASSERTED_IDENTITY, 0, "P-Asserted-Identity"),
	H(SIP_H_P_PREFERRED_IDENTITY, 0, "P-Preferred-Identity"),
	H(SIP_H_REMOTE_PARTY_ID, 0, "Remote-Party-ID"),
	H(SIP_H_REFER_TO, 'r', "Refer-To"),
	H(SIP_H_REFERRED_BY, 'b', "Referred-By"),
	H(SIP_H_REPLY_TO, 0, "Reply-To"),
	H(SIP_H_DIVERSION, 0, "Diversion"),
	H(SIP_H_HISTORY_INFO, 0, "History-Info"),
	H(SIP_H_P_CALLED_PARTY_ID, 0, "P-Called-Party-ID"),
	H(SIP_H_P_ASSOCIATED_URI, 0, "P-Associated-URI"),
	H(SIP_H_REPLACES, 0, "Replaces"),
	H(SIP_H_SESSION_EXPIRES, 'x', "Session-Expires"),
	H(SIP_H_RSEQ, 0, "RSeq"),
	H(SIP_H_RACK, 0, "RAck"),
	H(SIP_H_REQUIRE, 0, "Require"),
	H(SIP_H_SUPPORTED, 'k', "Supported"),
	H(SIP_H_EVENT, 'o', "Event"),
	H(SIP_H_SUBSCRIPTION_STATE, 0, "Subscription-State"),
	H(SIP_H_CALL_INFO, 0, "Call-Info"),
	H(SIP_H_WARNING, 0, "Warning"),
#undef H
};

enum sip_header_id sip_header_lookup(struct view name)
{
	char lower = name.n ? name.p[0] | 0x20 : 0;
	size_t i;

	for (i = 0; i < sizeof(header_names) / sizeof(header_names[0]); i++) {
		if (name.n == 1 ? header_names[i].compact == lower
				: view_caseeq(name, header_names[i].name))
			return header_names[i].id;
	}
	return SIP_H_OTHER;
}

static const char *const method_names[] = {
	[SIP_M_OTHER] = "other",     [SIP_M_INVITE] = "INVITE",
	[SIP_M_ACK] = "ACK",	     [SIP_M_BYE] = "BYE",
	[SIP_M_CANCEL] = "CANCEL",   [SIP_M_REGISTER] = "REGISTER",
	[SIP_M_OPTIONS] = "OPTIONS", [SIP_M_PRACK] = "PRACK",
	[SIP_M_UPDATE] = "UPDATE",   [SIP_M_SUBSCRIBE] = "SUBSCRIBE",
	[SIP_M_NOTIFY] = "NOTIFY",   [SIP_M_PUBLISH] = "PUBLISH",
	[SIP_M_INFO] = "INFO",	     [SIP_M_REFER] = "REFER",
	[SIP_M_MESSAGE] = "MESSAGE",
};

#define N_METHODS (sizeof(method_names) / sizeof(method_names[0]))

const char *sip_method_name(enum sip_method m)
{
	return (size_t)m < N_METHODS ? method_names[m] : method_names[SIP_M_OTHER];
}

enum sip_method sip_method_lookup(struct view text)
{
	size_t i;

	for (i = SIP_M_OTHER + 1; i < N_METHODS; i++) {
		if (view_eq(text, view_of(method_names[i])))
			return i;
	}
	return SIP_M_OTHER;
}
