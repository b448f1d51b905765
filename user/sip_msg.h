/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A SIP message as views into its own bytes (RFC 3261 section 7, 25). The parser checks every
 * length, keeps no state and does no I/O. Edits are made by offset from these views, so whatever
 * is not named here leaves as it came.
 *
 * Two readers must agree before a message counts as SIP: our scanner (which knows where each token
 * stands) and libosip2 (sip_osip.c, strict about the grammar). A message on which they differ is
 * malformed.
 */
#ifndef RF_SIP_MSG_H
#define RF_SIP_MSG_H

#include <stdint.h>

#include "addr.h"
#include "view.h"

#define SIP_HEADERS_MAX 256
#define SIP_VALUES_MAX	128 /* comma-separated values with a URI or Via in one message */

enum sip_method {
	SIP_M_OTHER,
	SIP_M_INVITE,
	SIP_M_ACK,
	SIP_M_BYE,
	SIP_M_CANCEL,
	SIP_M_REGISTER,
	SIP_M_OPTIONS,
	SIP_M_PRACK,
	SIP_M_UPDATE,
	SIP_M_SUBSCRIBE,
	SIP_M_NOTIFY,
	SIP_M_PUBLISH,
	SIP_M_INFO,
	SIP_M_REFER,
	SIP_M_MESSAGE,
};

enum sip_header_id { /* compact forms are folded into these */
		     SIP_H_OTHER,
		     SIP_H_VIA,
		     SIP_H_FROM,
		     SIP_H_TO,
		     SIP_H_CALL_ID,
		     SIP_H_CSEQ,
		     SIP_H_CONTACT,
		     SIP_H_ROUTE,
		     SIP_H_RECORD_ROUTE,
		     SIP_H_CONTENT_LENGTH,
		     SIP_H_CONTENT_TYPE,
		     SIP_H_CONTENT_ENCODING,
		     SIP_H_EXPIRES,
		     SIP_H_MAX_FORWARDS,
		     SIP_H_PATH,
		     SIP_H_SERVICE_ROUTE,
		     SIP_H_P_ASSERTED_IDENTITY,
		     SIP_H_P_PREFERRED_IDENTITY,
		     SIP_H_REMOTE_PARTY_ID,
		     SIP_H_REFER_TO,
		     SIP_H_REFERRED_BY,
		     SIP_H_REPLY_TO,
		     SIP_H_DIVERSION,
		     SIP_H_HISTORY_INFO,
		     SIP_H_P_CALLED_PARTY_ID,
		     SIP_H_P_ASSOCIATED_URI,
		     SIP_H_REPLACES,
		     SIP_H_SESSION_EXPIRES,
		     SIP_H_RSEQ,
		     SIP_H_RACK,
		     SIP_H_REQUIRE,
		     SIP_H_SUPPORTED,
		     SIP_H_EVENT,
		     SIP_H_SUBSCRIPTION_STATE,
		     SIP_H_CALL_INFO,
		     SIP_H_WARNING,
};

/* host [":" port] as it stands in a URI, Via or parameter. */
struct sip_hostport {
	struct view whole; /* the token that an edit replaces: host and, if present, ":port" */
	struct view host; /* IPv6 with its brackets */
	struct view port; /* digits only; absent when there is none */
	uint16_t port_value; /* host order; 0 when absent */
	bool is_addr; /* host is a literal address: .addr is valid */
	struct rf_addr addr;
};

/* sip: or sips: URI; any other scheme has only .whole and .scheme. */
struct sip_uri {
	struct view whole, scheme;
	bool is_sip; /* sip or sips, and .hp is valid */
	struct view user; /* without password and "@"; absent when there is none */
	struct sip_hostport hp;
	struct view params; /* from the first ";" on, up to "?" or the end; may be empty */
	bool has_maddr;
	struct sip_hostport maddr; /* value of maddr= */
};

/* One value of a header that holds a name-addr or addr-spec, or a Via. */
struct sip_value {
	enum sip_header_id id;
	uint16_t header; /* index into headers[] */
	struct view whole; /* this value, between the commas, trimmed */
	/* name-addr headers */
	struct sip_uri uri;
	struct view params; /* header parameters, from ";" on */
	struct view tag; /* From, To */
	struct view expires; /* Contact: expires= */
	bool is_star; /* Contact: * */
	/* Via */
	struct view transport; /* "UDP", "TCP", ... */
	struct sip_hostport sent_by;
	struct view branch;
	bool has_received;
	struct sip_hostport received; /* host only */
	bool has_rport; /* ;rport or ;rport=n */
	struct view rport; /* digits; absent for a bare ;rport */
	struct view via_end; /* empty view at the end of the value: where a parameter is appended */
};

struct sip_header {
	enum sip_header_id id;
	struct view name; /* as written */
	struct view
		value; /* without leading/trailing white space; folded lines inside it as they are */
};

struct sip_msg {
	struct view raw; /* headers and body; bytes after Content-Length are not part of it */
	bool is_request;
	enum sip_method method; /* of the request, or of CSeq in a response */
	struct view method_text;
	struct sip_uri ruri; /* requests */
	uint16_t status; /* responses: 100..699 */
	struct view reason;
	struct sip_header headers[SIP_HEADERS_MAX];
	uint16_t n_headers;
	struct sip_value values[SIP_VALUES_MAX]; /* in the order of the message */
	uint16_t n_values;
	/* Present in every accepted message: */
	const struct sip_value *via, *from, *to; /* topmost Via */
	struct view call_id;
	uint32_t cseq;
	/* Optional: */
	const struct sip_value *contact; /* the first one */
	struct view content_type; /* type/subtype without parameters */
	struct view content_type_value; /* whole, for the boundary of a multipart body */
	struct view content_length; /* digits */
	int64_t expires; /* seconds; -1 absent */
	int64_t session_expires; /* seconds; -1 absent */
	struct view body; /* empty when there is none */
};

enum sip_parse_result {
	SIP_OK,
	SIP_NOT_SIP, /* not even a start line of SIP: keep-alive, STUN, other protocol */
	SIP_MALFORMED, /* looks like SIP and breaks its grammar */
	SIP_TOO_LARGE, /* more headers or values than we hold */
	SIP_NO_MEMORY, /* to read it */
};

/* Reads n bytes of one datagram. *error (may be NULL) gets a constant sentence that says what is
 * wrong. *out is untouched unless SIP_OK is returned; it holds views into buf. */
enum sip_parse_result sip_parse(const char *buf, size_t n, struct sip_msg *out, const char **error);

/* Once per process, before the first sip_parse(). */
void sip_parser_init(void);

/* Reads one sip/sips URI; 0 or -EINVAL. */
int sip_uri_parse(struct view text, struct sip_uri *out);
int sip_hostport_parse(struct view text, struct sip_hostport *out);
const char *sip_method_name(enum sip_method m);

/* The body part that holds SDP: the body itself (application/sdp), or the first application/sdp
 * part of a multipart body (RFC 2046 5.1.1). Absent view when there is none. */
struct view sip_sdp_body(const struct sip_msg *m);
/* The same for application/trickle-ice-sdpfrag (RFC 8840 9). */
struct view sip_sdp_fragment_body(const struct sip_msg *m);

#endif
