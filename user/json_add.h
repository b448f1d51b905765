/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Members of JSON objects, where json-c has no memory: whoever builds an object gives up with it.
 */
#ifndef RF_JSON_ADD_H
#define RF_JSON_ADD_H

#include <json-c/json.h>

/* Takes v, which may be NULL: out of memory. Then *o is freed and NULL, and what else is added to it goes the same way. */
static inline void json_add(json_object **o, const char *key, json_object *v)
{
	if (*o && v && !json_object_object_add(*o, key, v))
		return;
	json_object_put(v);
	json_object_put(*o);
	*o = NULL;
}

/* The same of an array. */
static inline void json_append(json_object **array, json_object *v)
{
	if (*array && v && !json_object_array_add(*array, v))
		return;
	json_object_put(v);
	json_object_put(*array);
	*array = NULL;
}

/* {KEY: v}, which takes v. NULL: out of memory. */
static inline json_object *json_with(const char *key, json_object *v)
{
	json_object *o = json_object_new_object();

	json_add(&o, key, v);
	return o;
}

/* A reply that cannot be built is told as out of memory: see client_reply(). */
static inline json_object *json_error(const char *text)
{
	return json_with("error", json_object_new_string(text));
}

#endif
