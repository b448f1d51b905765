/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Building blocks of messages that the SIP tests share, and one rich INVITE.
 */
#ifndef RF_SIP_SAMPLES_H
#define RF_SIP_SAMPLES_H

#define VIA	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
#define FROM	"From: <sip:a@example.com>;tag=1\r\n"
#define TO	"To: <sip:b@example.com>\r\n"
#define CALL_ID "Call-ID: id@192.0.2.1\r\n"
#define CSEQ	"CSeq: 1 OPTIONS\r\n"
#define LINE	"OPTIONS sip:b@example.com SIP/2.0\r\n"
#define REST	FROM TO CALL_ID CSEQ
#define BASE	LINE VIA REST

#define INVITE                                                                                           \
	"INVITE sip:+4930:pw@[2001:db8::5]:5070;user=phone;maddr=192.0.2.9?Subject=x SIP/2.0\r\n"        \
	"v: SIP / 2.0 / UDP  192.168.1.5 : 5062 ;branch=z9hG4bK9;rport;alias,\r\n"                       \
	"  SIP/2.0/TCP [2001:db8::9]:5060;received=2001:db8::7;rport=40000;branch = b2\r\n"              \
	"Via: SIP/2.0/TLS proxy.example.com;branch=b3;received=[2001:db8::8]\r\n"                        \
	"Max-Forwards: 70\r\n"                                                                           \
	"f: \"A, \\\"B\\\" <sip:not@this>;tag=no\" <sip:alice@192.168.1.5>;x=\";tag=no\" ; tag = f1\r\n" \
	"t: sip:bob@example.com;tag=t1\r\n"                                                              \
	"i: abc@192.168.1.5\r\n"                                                                         \
	"CSeq: 4711 INVITE\r\n"                                                                          \
	"m: \"x,y\" <sip:alice;p=1?q@192.168.1.5:5062;ob>;expires=60;q=0.5, <sips:alice@h>,"             \
	" tel:+4930;ext=1\r\n"                                                                           \
	"Route: <sip:p1.example.com;lr>,<sip:192.0.2.7:5080;lr>\r\n"                                     \
	"Record-Route: <sip:192.0.2.8;lr;x=a,b>\r\n"                                                     \
	"P-Asserted-Identity: \"A\" <sip:alice@192.168.1.5>, <tel:+4930>\r\n"                            \
	"r: <sip:carol@192.168.1.6?Replaces=a%40b%3Bto-tag%3D1>\r\n"                                     \
	"x: 1800;refresher=uac\r\n"                                                                      \
	"Expires: 99999999999999\r\n"                                                                    \
	"c: Application/SDP ; charset=utf-8\r\n"                                                         \
	"l: 5\r\n"                                                                                       \
	"\r\n"                                                                                           \
	"v=0\r\nTRAILING"

#endif
