/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a command of `ringfence` is, and what commands share: words that may be shortened, arguments,
 * usage, and the usual ways to fail. Each cmd_*.c has one const entry for the table in ringfence.c.
 */
#ifndef RF_CMD_H
#define RF_CMD_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "datapath.h"
#include "out.h"

#ifndef RF_VERSION
#define RF_VERSION "0.1.0"
#endif

enum cmd_status { CMD_OK = 0, CMD_FAILED = 1, CMD_USAGE = 2 };

struct cmd;
struct cmd_verb;

struct cmd_context {
	const char *instance;
	struct out *out;
	const struct cmd *const *table; /* NULL-terminated */
	const struct cmd *cmd; /* the one that runs */
	const struct cmd_verb *verb;
};

struct cmd_args { /* what is left of the command line */
	int n;
	char **v;
};

typedef enum cmd_status cmd_run(struct cmd_context *c, struct cmd_args *args);

struct cmd_verb {
	const char *name; /* NULL: the object is the command */
	const char *args; /* as in the usage, "" without */
	const char *help; /* one line */
	cmd_run *run;
};

struct cmd {
	const char *object;
	const struct cmd_verb *verbs; /* ends with a row whose .run is NULL */
};

extern const struct cmd cmd_attach, cmd_detach, cmd_status, cmd_call, cmd_pinhole, cmd_registration,
	cmd_reason, cmd_event, cmd_config, cmd_replay;

/* Index of the word that text is, or the only one it begins; -1 and the error is told (what: "command").
 * words ends with NULL. */
int cmd_word(struct cmd_context *c, const char *what, const char *text, const char *const *words);
/* The next argument, or NULL and the error is told ("DEV is missing"). */
char *cmd_next(struct cmd_context *c, struct cmd_args *args, const char *what);
enum cmd_status cmd_end(struct cmd_context *c,
			struct cmd_args *args); /* CMD_USAGE if something is left */
/* Error and usage of the running command. Returns CMD_USAGE. */
enum cmd_status cmd_usage(struct cmd_context *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Usage of a whole object (NULL: of everything), as answer to help. */
enum cmd_status cmd_help(struct cmd_context *c, const struct cmd *cmd);
bool cmd_is_help(const char *word);

enum cmd_status cmd_fail(struct cmd_context *c, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "[id ID]"-like arguments: 0 none, 1 *id is set, -1 the error is told. required: none is an error too. */
int cmd_id(struct cmd_context *c, struct cmd_args *args, uint32_t *id, bool required);

/* Reads a configuration (NULL: the default file); tells every mistake. */
enum cmd_status cmd_config_read(struct cmd_context *c, const char *path, struct config *out);
/* Opens the instance read-only, or tells why not. */
enum cmd_status cmd_open(struct cmd_context *c, struct datapath **out);
/* One request to the controller; the reply's fields (all but "error") are printed. */
struct json_object;
enum cmd_status cmd_request(struct cmd_context *c, struct json_object *request,
			    struct json_object **reply);

#endif
