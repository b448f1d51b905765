/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * STUN messages as views (RFC 8489), with what an ICE connectivity check proves itself by: USERNAME
 * and MESSAGE-INTEGRITY.
 */
#ifndef RF_STUN_H
#define RF_STUN_H

#include <stdbool.h>
#include <stdint.h>

#include "view.h"

#define STUN_BINDING_REQUEST 0x0001

struct stun_msg {
	struct view raw;
	uint16_t type; /* method and class, host order */
	struct view username; /* absent: none */
	struct view integrity; /* the attribute with its header; absent: none */
};

/* 0, or -EINVAL: not one whole STUN message (RFC 8489 5), or one whose FINGERPRINT is wrong. What
 * stands behind MESSAGE-INTEGRITY is not covered by it and not read. */
int stun_parse(struct view bytes, struct stun_msg *out);
/* Short-term credentials (RFC 8489 9.1): the key is the password as it is. */
bool stun_integrity_ok(const struct stun_msg *m, struct view password);

#endif
