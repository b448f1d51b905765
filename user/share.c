// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inside addresses in lists by the logarithm of what they hold: who holds most is found without a scan.
 */
#include "share.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#define HOST_BYTES (sizeof(struct share_host) + 16)

static unsigned int size_of(const struct share_host *h)
{
	unsigned int size = 0;

	for (size_t n = h->bytes; n && size < SHARE_SIZES - 1; n >>= 1)
		size++;
	return size;
}

static void charge(struct share *s, struct share_host *h, size_t more, size_t less)
{
	s->bytes += more - less;
	h->bytes += more - less;
	if (h->size == size_of(h))
		return;
	DL_DELETE(s->by_size[h->size], h);
	h->size = size_of(h);
	DL_APPEND(s->by_size[h->size], h);
}

static struct share_host *host_get(struct share *s, const struct rf_addr *a)
{
	struct share_host *h;

	HASH_FIND(hh, s->hosts, a, sizeof(*a), h);
	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->addr = *a;
	HASH_ADD(hh, s->hosts, addr, sizeof(h->addr), h);
	DL_APPEND(s->by_size[0], h);
	charge(s, h, HOST_BYTES, 0);
	return h;
}

int share_join(struct share *s, struct share_item *i, const struct rf_addr *inside, size_t bytes)
{
	struct share_host *h = host_get(s, inside);

	if (!h)
		return -ENOMEM;
	i->host = h;
	i->bytes = bytes;
	DL_APPEND(h->oldest, i);
	charge(s, h, bytes, 0);
	return 0;
}

void share_leave(struct share *s, struct share_item *i)
{
	struct share_host *h = i->host;

	charge(s, h, 0, i->bytes);
	DL_DELETE(h->oldest, i);
	if (h->oldest)
		return;
	charge(s, h, 0, HOST_BYTES);
	DL_DELETE(s->by_size[h->size], h);
	HASH_DEL(s->hosts, h);
	free(h);
}

void share_resize(struct share *s, struct share_item *i, size_t bytes)
{
	charge(s, i->host, bytes, i->bytes);
	i->bytes = bytes;
}

void share_renew(struct share_item *i)
{
	DL_DELETE(i->host->oldest, i);
	DL_APPEND(i->host->oldest, i);
}

struct share_item *share_excess(const struct share *s, const struct share_item *newest, size_t max,
				size_t host_max)
{
	const struct share_host *h = newest->host, *at;

	if (h->bytes > host_max && h->oldest != newest)
		return h->oldest;
	for (unsigned int size = SHARE_SIZES; s->bytes > max && size--;) {
		if (h->size == size && h->oldest != newest)
			return h->oldest;
		at = s->by_size[size] == h ? h->next : s->by_size[size];
		if (at)
			return at->oldest;
	}
	return NULL;
}
