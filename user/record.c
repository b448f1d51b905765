// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records: the same description writes and reads them.
 */
#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void record_write(struct record *r)
{
	r->reading = false;
	r->failed = r->no_memory = false;
	r->n = 0;
	r->pos = 0;
}

void record_read(struct record *r, struct view bytes)
{
	memset(r, 0, sizeof(*r));
	r->reading = true;
	r->buf = (uint8_t *)bytes.p; /* never written to while reading */
	r->n = bytes.n;
}

void record_free(struct record *r)
{
	if (!r->reading)
		free(r->buf);
	memset(r, 0, sizeof(*r));
}

bool record_done(const struct record *r)
{
	return !r->failed && (!r->reading || r->pos == r->n);
}

int record_error(const struct record *r)
{
	if (record_done(r))
		return 0;
	return r->no_memory ? -ENOMEM : -EINVAL;
}

void *record_calloc(struct record *r, size_t n, size_t size)
{
	void *p = r->failed ? NULL : calloc(n, size);

	r->no_memory |= !r->failed && !p;
	r->failed |= !p;
	return p;
}

/* n bytes to write to or to read from; NULL after an error. */
static uint8_t *room(struct record *r, size_t n)
{
	uint8_t *p;

	if (r->failed)
		return NULL;
	if (r->reading) {
		if (n > r->n - r->pos) {
			r->failed = true;
			return NULL;
		}
		p = r->buf + r->pos;
		r->pos += n;
		return p;
	}
	if (n > r->cap - r->n) {
		size_t cap = r->cap ? r->cap : 512;

		while (cap - r->n < n)
			cap *= 2;
		p = realloc(r->buf, cap);
		if (!p) {
			r->failed = r->no_memory = true;
			return NULL;
		}
		r->buf = p;
		r->cap = cap;
	}
	p = r->buf + r->n;
	r->n += n;
	return p;
}

void record_bytes(struct record *r, void *v, size_t n)
{
	uint8_t *p = room(r, n);

	if (!n)
		return;
	if (r->reading) {
		if (p)
			memcpy(v, p, n);
		else
			memset(v, 0, n);
	} else if (p) {
		memcpy(p, v, n);
	}
}

/* One integer of n bytes, little endian. */
static uint64_t record_int(struct record *r, uint64_t v, size_t n)
{
	uint8_t *p = room(r, n);

	if (!p)
		return r->reading ? 0 : v;
	if (r->reading) {
		v = 0;
		for (size_t i = 0; i < n; i++)
			v |= (uint64_t)p[i] << (8 * i);
	} else {
		for (size_t i = 0; i < n; i++)
			p[i] = (uint8_t)(v >> (8 * i));
	}
	return v;
}

void record_u8(struct record *r, uint8_t *v)
{
	*v = (uint8_t)record_int(r, *v, 1);
}

void record_u16(struct record *r, uint16_t *v)
{
	*v = (uint16_t)record_int(r, *v, 2);
}

void record_u8_wide(struct record *r, uint16_t *v)
{
	*v = (uint16_t)record_int(r, *v, 1);
}

void record_u32(struct record *r, uint32_t *v)
{
	*v = (uint32_t)record_int(r, *v, 4);
}

void record_u64(struct record *r, uint64_t *v)
{
	*v = record_int(r, *v, 8);
}

void record_bool(struct record *r, bool *v)
{
	uint8_t b = *v ? 1 : 0;

	record_u8(r, &b);
	if (b > 1) {
		r->failed = true;
		b = 0;
	}
	*v = b;
}

void record_head(struct record *r, uint32_t magic, uint16_t oldest, uint16_t version)
{
	uint32_t m = magic;
	uint16_t v = version;

	record_u32(r, &m);
	record_u16(r, &v);
	if (m != magic || v < oldest || v > version)
		r->failed = true;
	r->version = v;
}

unsigned int record_version(struct view bytes)
{
	uint32_t magic = 0;
	uint16_t version = 0;
	struct record r;

	record_read(&r, bytes);
	record_u32(&r, &magic);
	record_u16(&r, &version);
	return version;
}

void record_count(struct record *r, size_t *n, size_t max)
{
	uint32_t v = (uint32_t)*n;

	if (!r->reading && *n > max)
		r->failed = true;
	record_u32(r, &v);
	if (v > max) {
		r->failed = true;
		v = 0;
	}
	*n = v;
}

void record_addr(struct record *r, struct rf_addr *a)
{
	record_bytes(r, a, sizeof(*a)); /* network order on both ends */
}

void record_ep(struct record *r, struct rf_ep *ep)
{
	record_addr(r, &ep->addr);
	record_bytes(r, &ep->port, sizeof(ep->port));
	ep->pad = 0;
}

void record_view(struct record *r, struct view *v, size_t max)
{
	size_t n = v->n;
	uint8_t *p;

	record_count(r, &n, max);
	p = room(r, n);
	if (r->reading) {
		v->p = p ? (const char *)p : "";
		v->n = p ? n : 0;
	} else if (p && n) {
		memcpy(p, v->p, n);
	}
}

void record_text(struct record *r, char *buf, size_t size)
{
	struct view v = { buf, r->reading ? 0 : strnlen(buf, size - 1) };

	record_view(r, &v, size - 1);
	if (!r->reading)
		return;
	if (memchr(v.p, 0, v.n)) {
		r->failed = true;
		v.n = 0;
	}
	memcpy(buf, v.p, v.n);
	memset(buf + v.n, 0, size - v.n);
}
