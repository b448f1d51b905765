// SPDX-License-Identifier: GPL-2.0-only
/*
 * One description, three outputs, compared byte by byte; hostile text; lists printed in pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "out.h"

struct run {
	char *data, *errors;
	size_t n_data, n_errors;
	FILE *d, *e;
	struct out *o;
};

static struct out *begin(struct run *r, enum out_format format)
{
	r->d = open_memstream(&r->data, &r->n_data);
	r->e = open_memstream(&r->errors, &r->n_errors);
	r->o = out_new(format, r->d, r->e);
	assert_non_null(r->o);
	return r->o;
}

static void end(struct run *r, const char *data, const char *errors)
{
	assert_int_equal(out_close(r->o), 0);
	fclose(r->d);
	fclose(r->e);
	if (data)
		assert_string_equal(r->data, data);
	if (errors)
		assert_string_equal(r->errors, errors);
	free(r->data);
	free(r->errors);
}

static void describe(struct out *o)
{
	struct out_node *list, *item, *sub, *flows;

	out_str(out_root(o), "instance", "instance", "default");
	list = out_list(out_root(o), "calls", NULL, OUT_BLOCKS);
	for (unsigned int i = 1; i < 3; i++) {
		item = out_item(list);
		out_shown(out_u64(item, "id", "", i), "call %u", i);
		out_str(item, "state", "", "talking");
		out_str(item, "from", "from", "sip:a@b");
		out_str(item, "call_id", "Call-ID", NULL);
		out_u64(item, "since_ns", NULL, 17);
		sub = out_record(item, "inside");
		out_strf(sub, "port", "port", "%u", 5060);
		flows = out_list(item, "flows", NULL, OUT_LINES);
		sub = out_item(flows);
		out_str(sub, "direction", "", "in");
		out_u64(sub, "packets", "", 9);
		out_double(sub, "loss", "", 0.5);
		sub = out_item(flows);
		out_str(sub, "direction", "", "out");
		out_u64(sub, "packets", "", 12345);
		out_shown(out_double(sub, "loss", "", 0), "%s", "");
	}
	list = out_list(out_root(o), "reasons", "reasons", OUT_TABLE);
	item = out_item(list);
	out_str(item, "name", "NAME", "no_pinhole");
	out_u64(item, "packets", "PACKETS", 3);
	out_str(item, "unused", "UNUSED", NULL);
	out_bool(item, "drop", "DROP", true);
	list = out_list(out_root(o), "peers", NULL, OUT_TABLE);
	out_empty(list, "no peers");
	list = out_list(out_root(o), "warnings", "warnings", OUT_LINES);
	out_entry(list, "forwarding is %s", "off");
}

static void test_text(void **state)
{
	struct run r;

	describe(begin(&r, OUT_TEXT));
	end(&r,
	    "instance  default\n"
	    "\n"
	    "call 1  talking\n"
	    "  from  sip:a@b\n"
	    "  port  5060\n"
	    "  in       9  0.50\n"
	    "  out  12345\n"
	    "\n"
	    "call 2  talking\n"
	    "  from  sip:a@b\n"
	    "  port  5060\n"
	    "  in       9  0.50\n"
	    "  out  12345\n"
	    "\n"
	    "reasons\n"
	    "  NAME        PACKETS  DROP\n"
	    "  no_pinhole        3  yes\n"
	    "\n"
	    "no peers\n"
	    "\n"
	    "warnings\n"
	    "  forwarding is off\n",
	    "");
}

#define CALL(id)                                                                                       \
	"{\"id\":" id                                                                                  \
	",\"state\":\"talking\",\"from\":\"sip:a@b\",\"call_id\":null,\"since_ns\":17,"                \
	"\"inside\":{\"port\":\"5060\"},\"flows\":[{\"direction\":\"in\",\"packets\":9,\"loss\":0.5}," \
	"{\"direction\":\"out\",\"packets\":12345,\"loss\":0}]}"

static void test_json(void **state)
{
	struct run r;

	describe(begin(&r, OUT_JSON));
	end(&r,
	    "{\"instance\":\"default\",\"calls\":[" CALL("1") "," CALL(
		    "2") "],"
			 "\"reasons\":[{\"name\":\"no_pinhole\",\"packets\":3,\"unused\":null,\"drop\":true}],"
			 "\"peers\":[],\"warnings\":[\"forwarding is off\"]}\n",
	    "");
}

static void test_pretty_is_the_same(void **state)
{
	struct json_object *a, *b;
	struct run r, s;

	describe(begin(&r, OUT_JSON));
	describe(begin(&s, OUT_PRETTY));
	assert_int_equal(out_close(r.o), 0);
	assert_int_equal(out_close(s.o), 0);
	fflush(r.d);
	fflush(s.d);
	assert_non_null(
		strstr(s.data,
		       "{\n  \"instance\": \"default\",\n  \"calls\": [\n    {\n      \"id\": 1,"));
	a = json_tokener_parse(r.data);
	b = json_tokener_parse(s.data);
	assert_non_null(a);
	assert_true(json_object_equal(a, b));
	json_object_put(a);
	json_object_put(b);
	fclose(r.d);
	fclose(r.e);
	fclose(s.d);
	fclose(s.e);
	free(r.data);
	free(r.errors);
	free(s.data);
	free(s.errors);
}

static void test_empty(void **state)
{
	struct run r;

	begin(&r, OUT_TEXT);
	end(&r, "", "");
	begin(&r, OUT_JSON);
	end(&r, "{}\n", "");
}

static void test_hostile_text(void **state)
{
	static const char evil[] = "a\x1b[2Jb\rc\xff\xc2\x9b\xe2\x80\xae\xc3\xa9\"\\\n";
	struct run r;

	out_str(out_root(begin(&r, OUT_TEXT)), "x", "x", evil);
	end(&r, "x  a?[2Jb?c???\xc3\xa9\"\\?\n", "");
	out_str(out_root(begin(&r, OUT_JSON)), "x", "x", evil);
	end(&r, "{\"x\":\"a\\u001b[2Jb\\rc\xef\xbf\xbd\\u009b\\u202e\xc3\xa9\\\"\\\\\\n\"}\n", "");
}

static void test_errors(void **state)
{
	struct run r;
	struct out *o;

	o = begin(&r, OUT_TEXT);
	out_error(o, "try this", "cannot do %s", "that");
	assert_true(out_failed(o));
	out_entry(out_error_list(o, "mistakes", NULL, OUT_LINES), "f:1: x");
	end(&r, "", "ringfence: cannot do that\n           try this\nf:1: x\n");
	o = begin(&r, OUT_JSON);
	out_list(out_root(o), "calls", NULL, OUT_BLOCKS);
	out_error(o, NULL, "cannot do \"%s\"", "that");
	end(&r, "{\"calls\":[],\"error\":\"cannot do \\\"that\\\"\"}\n", "");
}

static void test_pieces(void **state)
{
	for (int format = OUT_TEXT; format <= OUT_PRETTY; format++) {
		struct run r;
		struct out *o = begin(&r, format);
		struct out_node *list = out_list(out_root(o), "n", NULL, OUT_TABLE);

		for (unsigned int i = 0; i < 1000; i++)
			out_u64(out_item(list), "i", "I", i);
		fflush(r.d);
		assert_true(r.n_data > 1000); /* not kept until the end */
		out_str(out_root(o), "last", "last", "word");
		assert_int_equal(out_close(o), 0);
		fflush(r.d);
		if (format == OUT_TEXT) {
			assert_int_equal(strncmp(r.data, "  I\n  0\n  1\n", 9), 0);
			assert_non_null(strstr(r.data, "\n998\n999\n"));
		} else {
			struct json_object *j = json_tokener_parse(r.data), *n;

			assert_true(json_object_object_get_ex(j, "n", &n));
			assert_int_equal(json_object_array_length(n), 1000);
			assert_true(json_object_object_get_ex(j, "last", NULL));
			json_object_put(j);
		}
		fclose(r.d);
		fclose(r.e);
		free(r.data);
		free(r.errors);
	}
}

static void test_documents(void **state)
{
	struct run r;
	struct out *o = begin(&r, OUT_JSON);

	out_u64(out_root(o), "a", "", 1);
	assert_int_equal(out_flush(o), 0);
	out_u64(out_root(o), "a", "", 2);
	assert_int_equal(out_flush(o), 0);
	end(&r, "{\"a\":1}\n{\"a\":2}\n", "");
	o = begin(&r, OUT_TEXT);
	for (unsigned int i = 1; i < 3; i++) {
		out_str(out_root(o), "t", "", "12:00:00");
		out_u64(out_root(o), "a", "", i);
		assert_int_equal(out_flush(o), 0);
	}
	end(&r, "12:00:00  1\n12:00:00  2\n", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_pretty_is_the_same),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
