// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree as JSON, compact or pretty; json-c does the quoting of strings, text_safe.c what it leaves to do.
 */
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>

#include "out_node.h"
#include "text_safe.h"

static void newline(struct out *o, unsigned int depth)
{
	if (o->format == OUT_PRETTY)
		fprintf(o->data, "\n%*s", (int)depth * 2, "");
}

static void string(struct out *o, const char *s)
{
	struct json_object *j = s ? json_object_new_string(s) : NULL;
	const char *quoted = j ? json_object_to_json_string_ext(
					 j, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
			       : NULL;
	char *safe = quoted ? text_json(quoted) : NULL;

	if (s && !safe)
		o->no_memory = true;
	fputs(safe ? safe : "null", o->data);
	free(safe);
	json_object_put(j);
}

static void key(struct out *o, const char *name)
{
	string(o, name);
	fputs(o->format == OUT_PRETTY ? ": " : ":", o->data);
}

static void value(struct out *o, const struct out_node *n, unsigned int depth);

static void separate(struct out *o, size_t *count, unsigned int depth)
{
	if ((*count)++)
		fputc(',', o->data);
	newline(o, depth);
}

static void items(struct out *o, struct out_node *list, unsigned int depth)
{
	for (const struct out_node *c = list->first; c; c = c->next) {
		separate(o, &list->printed, depth + 1);
		value(o, c, depth + 1);
	}
}

static void value(struct out *o, const struct out_node *n, unsigned int depth)
{
	size_t count = 0;

	switch (n->type) {
	case OUT_T_STRING: string(o, n->text); return;
	case OUT_T_U64: fprintf(o->data, "%llu", (unsigned long long)n->u64); return;
	case OUT_T_DOUBLE:
		if (isfinite(n->real))
			fprintf(o->data, "%.6g", n->real);
		else
			fputs("null", o->data);
		return;
	case OUT_T_BOOL: fputs(n->flag ? "true" : "false", o->data); return;
	case OUT_T_RECORD:
	case OUT_T_LIST: break;
	}
	fputc(n->type == OUT_T_LIST ? '[' : '{', o->data);
	for (const struct out_node *c = n->first; c; c = c->next) {
		if (n->type == OUT_T_RECORD && !c->key)
			continue;
		separate(o, &count, depth + 1);
		if (n->type == OUT_T_RECORD)
			key(o, c->key);
		value(o, c, depth + 1);
	}
	if (count)
		newline(o, depth);
	fputc(n->type == OUT_T_LIST ? ']' : '}', o->data);
}

/* A list of the root: what is there; the end only when nothing more can come. */
static void root_list(struct out *o, struct out_node *list, bool complete)
{
	if (!list->opened) {
		separate(o, &o->printed, 1);
		key(o, list->key);
		fputc('[', o->data);
		list->opened = true;
	}
	items(o, list, 1);
	out_children_free(list);
	list->pending = 0;
	if (!complete)
		return;
	if (list->printed)
		newline(o, 1);
	fputc(']', o->data);
}

void out_json_print(struct out *o, bool all)
{
	struct out_node *root = o->root;

	if (!o->opened)
		fputc('{', o->data);
	o->opened = true;
	while (root->first) {
		struct out_node *c = root->first;
		bool open = !all && c == root->last;

		if (open && c->type != OUT_T_LIST)
			break;
		if (c->type == OUT_T_LIST && c->key) {
			root_list(o, c, !open);
		} else if (c->key) {
			separate(o, &o->printed, 1);
			key(o, c->key);
			value(o, c, 1);
		}
		if (open)
			break;
		root->first = c->next;
		if (!root->first)
			root->last = NULL;
		out_node_free(c);
	}
	if (all) {
		if (o->printed)
			newline(o, 0);
		fputs("}\n", o->data);
	}
}
