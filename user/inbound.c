// SPDX-License-Identifier: GPL-2.0-only
/* A line is written under an odd version, which no reader takes for an answer. */
#include "inbound.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "addr.h"
#include "rf_media.h"

int inbound_open(struct inbound *in, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	void *lines;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.value_size != sizeof(*in->lines) || info.max_entries & (info.max_entries - 1))
		return -EINVAL;
	lines = mmap(NULL, info.max_entries * sizeof(*in->lines), PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, 0);
	if (lines == MAP_FAILED)
		return -errno;
	*in = (struct inbound){ .lines = lines, .n = info.max_entries };
	return 0;
}

void inbound_close(struct inbound *in)
{
	if (in->lines)
		munmap(in->lines, in->n * sizeof(*in->lines));
	*in = (struct inbound){ 0 };
}

uint32_t inbound_slot(const struct inbound *in, const struct rf_pinhole_key *key)
{
	if (key->dir != RF_DIR_IN || !addr_is_v4(&key->addr))
		return 0;
	return rf_inbound_index(ntohl(key->addr.w[3]), ntohs(key->port), in->n);
}

/* Its payload types, if they are few; false: more than a line holds, or none. */
static bool types_of(const struct rf_pinhole *p, uint8_t types[RF_INBOUND_TYPES])
{
	unsigned int n = 0;

	memset(types, RF_INBOUND_NO_TYPE, RF_INBOUND_TYPES);
	for (unsigned int pt = 0; pt < 128; pt++) {
		if (!rf_types_have(p->payload_types, (uint8_t)pt))
			continue;
		if (n == RF_INBOUND_TYPES)
			return false;
		types[n++] = (uint8_t)pt;
	}
	return n;
}

static bool is_plain(const struct rf_pinhole *p)
{
	return rf_pinhole_is_plain(p) && (!p->idle_s || p->idle_s >= RF_INBOUND_SILENCE_S) &&
	       addr_is_v4(&p->remote.addr) &&
	       (!(p->flags & RF_PH_XLATE) || addr_is_v4(&p->xlate.addr));
}

static void write_begin(struct rf_inbound *l)
{
	atomic_store_explicit((_Atomic __u16 *)&l->version, (uint16_t)(l->version + 1),
			      memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

static void write_end(struct rf_inbound *l, uint16_t version)
{
	atomic_store_explicit((_Atomic __u16 *)&l->version, version, memory_order_release);
}

void inbound_set(struct inbound *in, const struct rf_pinhole_key *key, const struct rf_pinhole *p)
{
	uint32_t i = inbound_slot(in, key);
	struct rf_inbound *l = &in->lines[i];
	uint64_t until = p->deadline_ns >> RF_INBOUND_TICK;
	uint8_t types[RF_INBOUND_TYPES];

	if (!i || i != p->slot || !is_plain(p) || !types_of(p, types))
		return;
	if (!(l->version & 1))
		write_begin(l);
	l->until = until < UINT32_MAX ? (uint32_t)until : UINT32_MAX;
	l->own = key->addr.w[3];
	l->own_port = key->port;
	l->remote = p->remote.addr.w[3];
	l->remote_port = p->remote.port;
	l->to = p->flags & RF_PH_XLATE ? p->xlate.addr.w[3] : l->own;
	l->to_port = p->flags & RF_PH_XLATE ? p->xlate.port : l->own_port;
	memcpy(l->payload_types, types, sizeof(types));
	l->clock_rate = p->clock_rate;
	/* 0 is "never written" */
	write_end(l, l->version == UINT16_MAX ? 2 : l->version + 1);
}

/* The version stays odd: nothing is here until the next one is written. */
void inbound_clear(struct inbound *in, const struct rf_pinhole_key *key)
{
	uint32_t i = inbound_slot(in, key);
	struct rf_inbound *l = &in->lines[i];

	if (i && l->version && !(l->version & 1) && l->own == key->addr.w[3] &&
	    l->own_port == key->port)
		write_begin(l);
}

void inbound_clear_all(struct inbound *in)
{
	for (uint32_t i = 0; i < in->n; i++)
		if (in->lines[i].version && !(in->lines[i].version & 1))
			write_begin(&in->lines[i]);
}
