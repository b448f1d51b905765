// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody but the controller writes these maps, so what was read holds until it writes there itself.
 */
#include "pinhole_found.h"

#include <stdlib.h>
#include <string.h>

#include "datapath_priv.h"

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct rf_pinhole_key));
}

static int by_more_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct rf_more_key));
}

int pinhole_found_read(struct pinhole_found *f, const struct datapath *dp)
{
	void *v = NULL, *more = NULL;
	size_t n, n_more;
	int err;

	err = datapath_read_all(dp->map[MAP_PINHOLES], sizeof(f->v->key), sizeof(f->v->p),
				sizeof(*f->v), offsetof(struct pinhole_found_entry, p), &v, &n);
	if (err)
		return err;
	err = datapath_read_all(dp->map[MAP_MORE_REMOTES], sizeof(f->more->key),
				sizeof(f->more->more), sizeof(*f->more),
				offsetof(struct pinhole_found_more, more), &more, &n_more);
	if (err) {
		free(v);
		return err;
	}
	*f = (struct pinhole_found){ .v = v, .more = more, .n = n, .n_more = n_more };
	if (n)
		qsort(f->v, n, sizeof(*f->v), by_key);
	if (n_more)
		qsort(f->more, n_more, sizeof(*f->more), by_more_key);
	return 0;
}

void pinhole_found_free(struct pinhole_found *f)
{
	free(f->v);
	free(f->more);
	*f = (struct pinhole_found){ 0 };
}

static struct pinhole_found_entry *find(const struct pinhole_found *f,
					const struct rf_pinhole_key *key)
{
	return f->n ? bsearch(key, f->v, f->n, sizeof(*f->v), by_key) : NULL;
}

static bool has_more(const struct pinhole_found *f, uint8_t dir, const struct pinhole_entry *e)
{
	struct rf_more_key key = { .id = e->p.id, .dir = dir };
	const struct pinhole_found_more *m =
		f->n_more ? bsearch(&key, f->more, f->n_more, sizeof(*f->more), by_more_key) : NULL;

	return m && !memcmp(&m->more, &e->more, (e->p.n_remotes - 1u) * sizeof(e->more.remotes[0]));
}

bool pinhole_found_is(const struct pinhole_found *f, const struct rf_pinhole_key *key,
		      const struct pinhole_entry *e)
{
	const struct pinhole_found_entry *was = find(f, key);

	return was && !memcmp(&was->p, &e->p, sizeof(e->p)) &&
	       (e->p.n_remotes < 2 || has_more(f, key->dir, e));
}

void pinhole_found_forget(struct pinhole_found *f, const struct rf_pinhole_key *key)
{
	struct pinhole_found_entry *was = find(f, key);

	if (was)
		was->p.id = 0;
}
