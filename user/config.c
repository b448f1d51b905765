// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration's front door: bytes of a file -> JSON -> struct config, or the list of mistakes.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config_value.h"

static struct json_object *tokenize(struct config_reader *r, struct view text)
{
	struct json_tokener *tok = json_tokener_new();
	enum json_tokener_error error;
	struct json_object *root;
	unsigned int line, column;
	char where[40], found[16];
	size_t end;

	if (!tok) {
		r->error = -ENOMEM;
		return NULL;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tok, text.p,
				     text.n + 1); /* with the NUL, so that the end is seen */
	error = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	if (error == json_tokener_success) {
		end += where_skip(text, end);
		if (end >= text.n)
			return root;
	}
	json_object_put(root);
	if (end > text.n)
		end = text.n;
	where_offset(text, end, &line, &column);
	snprintf(where, sizeof(where), "%u:%u", line, column);
	if (end == text.n)
		snprintf(found, sizeof(found), "the end");
	else if (text.p[end] > ' ' && text.p[end] < 127)
		snprintf(found, sizeof(found), "'%c'", text.p[end]);
	else
		snprintf(found, sizeof(found), "byte 0x%02x", (unsigned char)text.p[end]);
	if (error == json_tokener_success)
		config_note(r, where, "found %s, expected nothing after the closing brace", found);
	else if (end == text.n)
		config_note(r, where,
			    "the file ends too early, expected the rest of an object { ... }");
	else
		config_note(r, where, "found %s: %s", found, json_tokener_error_desc(error));
	return NULL;
}

static void read_root(struct config_reader *r, struct json_object *root, struct view text)
{
	struct where where;
	char at[WHERE_PATH_MAX + 16];

	if (where_build(&where, text)) {
		r->error = -ENOMEM;
		return;
	}
	r->where = &where;
	for (size_t i = 0; i < where.n; i++) {
		if (!where.v[i].first_line)
			continue;
		snprintf(at, sizeof(at), "%u: %s", where.v[i].line, where.v[i].path);
		config_note(r, at, "this key is given twice, first in line %u",
			    where.v[i].first_line);
	}
	config_keys(r, root);
	where_free(&where);
}

int config_parse(const char *name, const char *text, size_t n, struct config *c,
		 struct config_errors *errors)
{
	static const struct where nowhere = { 0 };
	struct config_reader r = { .name = name, .where = &nowhere, .errors = errors };
	struct config *fresh = malloc(sizeof(*fresh));
	char *copy = malloc(n + 1);
	struct json_object *root = NULL;

	if (!fresh || !copy || n > CONFIG_BYTES_MAX) {
		r.error = n > CONFIG_BYTES_MAX ? -EFBIG : -ENOMEM;
		goto out;
	}
	memcpy(copy, text, n);
	copy[n] = '\0';
	r.config = fresh;
	config_defaults(fresh);
	root = tokenize(&r, (struct view){ copy, n });
	if (root)
		read_root(&r, root, (struct view){ copy, n });
	else if (!errors->n && !r.error)
		config_mistake(&r, "", NULL, "found null, expected an object { ... }");
	if (!r.error && !errors->n)
		*c = *fresh;
out:
	json_object_put(root);
	free(copy);
	free(fresh);
	return r.error ? r.error : errors->n ? -EINVAL : 0;
}

static int read_all(int fd, char **text, size_t *n)
{
	char *buf = malloc(CONFIG_BYTES_MAX + 1);
	ssize_t got;

	*n = 0;
	if (!buf)
		return -ENOMEM;
	while ((got = read(fd, buf + *n, CONFIG_BYTES_MAX + 1 - *n)) > 0)
		*n += got;
	if (got < 0 || *n > CONFIG_BYTES_MAX) {
		int err = got < 0 ? -errno : -EFBIG;

		free(buf);
		return err;
	}
	*text = buf;
	return 0;
}

int config_read(const char *path, struct config *c, struct config_errors *errors)
{
	struct config_reader r = { .name = path ? path : CONFIG_DEFAULT_PATH, .errors = errors };
	char *text = NULL;
	size_t n = 0;
	int fd, err;

	fd = open(r.name, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
	if (fd < 0 && errno == ENOENT && !path) {
		config_defaults(c);
		return 0;
	}
	err = fd < 0 ? -errno : read_all(fd, &text, &n);
	if (fd >= 0)
		close(fd);
	if (err)
		config_note(&r, " cannot read", "%s",
			    err == -EFBIG ? "larger than 1 MiB" : strerror(-err));
	else
		err = config_parse(r.name, text, n, c, errors);
	free(text);
	return err;
}

bool config_speaks_for_others(const struct config *c, const struct rf_addr *host)
{
	if (c->has_inbound && addr_eq(&c->inbound.addr, host))
		return true;
	for (uint16_t i = 0; i < c->n_media_for_others; i++)
		if (prefix_has(&c->media_for_others[i], host))
			return true;
	return false;
}

void config_errors_free(struct config_errors *errors)
{
	free(errors->v);
	*errors = (struct config_errors){ 0 };
}
