// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where an address lies, and the mode that follows from it.
 */
#include "rewrite_fixture.h"

static void fill(struct world *w)
{
	world_init(w);
	world_inside(w, "10.1.0.0/16", RF_MODE_ROUTED); /* within 10/8: the longer one counts */
	world_inside(w, "192.0.2.0/24", RF_MODE_AUTO);
	world_inside(w, "198.18.0.0/15", RF_MODE_NAT);
	world_inside(w, "2001:db8:5::/48", RF_MODE_AUTO);
	w->topo.wans[0].wire4 = addr("10.9.9.9"); /* behind 1:1 NAT, within an inside prefix */
	w->topo.locals[w->topo.n_locals++] = addr("192.168.0.1");
}

static void where_and_which_mode(void **state)
{
	static const struct {
		const char *addr;
		bool local, inside;
		enum rf_mode mode;
	} table[] = {
		{ "10.0.0.5", false, true, RF_MODE_NAT },
		{ "10.1.0.5", false, true, RF_MODE_ROUTED },
		{ "192.0.2.5", false, true, RF_MODE_ROUTED }, /* auto, public */
		{ "198.18.0.5", false, true, RF_MODE_NAT }, /* public, but configured */
		{ "198.51.100.7", false, false, RF_MODE_AUTO },
		{ "172.16.0.1", false, false, RF_MODE_AUTO }, /* private, but not inside */
		{ "fd00::5", false, true, RF_MODE_NAT },
		{ "2001:db8:5::5", false, true, RF_MODE_ROUTED },
		{ "2001:db8:6::5", false, false, RF_MODE_AUTO },
		{ "192.168.0.1", true, true, RF_MODE_HOST }, /* of this machine */
		{ "10.9.9.9", true, false, RF_MODE_HOST }, /* on the wire of the WAN */
		{ "203.0.113.1", true, false, RF_MODE_HOST }, /* in front of it */
		{ "2001:db8::1", true, false, RF_MODE_HOST },
	};
	struct world w;
	size_t i;

	fill(&w);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rf_addr a = addr(table[i].addr);

		assert_int_equal(topology_is_local(&w.topo, &a), table[i].local);
		assert_int_equal(topology_is_inside(&w.topo, &a), table[i].inside);
		assert_int_equal(topology_mode(&w.topo, &a), table[i].mode);
	}
	world_free(&w);
}

static void broadcast(void **state)
{
	struct rf_addr of_prefix = addr("10.1.255.255"), of_net = addr("10.0.3.255"),
		       host = addr("10.0.4.255");
	struct world w;

	fill(&w);
	assert_int_equal(prefix_parse(VIEW("10.0.2.0/23"), &w.topo.nets[w.topo.n_nets++]), 0);
	assert_true(topology_is_broadcast(&w.topo, &of_prefix));
	assert_true(topology_is_broadcast(&w.topo, &of_net));
	assert_false(topology_is_broadcast(&w.topo, &host));
	world_free(&w);
}

static void wans_by_index_and_address(void **state)
{
	struct rf_addr wire = addr("10.9.9.9"), text = addr("203.0.113.1"),
		       other = addr("10.0.0.5");
	struct rf_addr six = addr("2001:db8::1"), v6 = addr("fd00::5");
	const struct topology_wan *wan;
	struct world w;

	fill(&w);
	wan = &w.topo.wans[0];
	assert_ptr_equal(topology_wan_by_index(&w.topo, WAN), wan);
	assert_null(topology_wan_by_index(&w.topo, 77));
	assert_ptr_equal(topology_wan_by_addr(&w.topo, &wire), wan);
	assert_ptr_equal(topology_wan_by_addr(&w.topo, &text), wan);
	assert_ptr_equal(topology_wan_by_addr(&w.topo, &six), wan);
	assert_null(topology_wan_by_addr(&w.topo, &other));
	assert_true(addr_eq(topology_wire(wan, &other), &wire));
	assert_true(addr_eq(topology_public(wan, &other), &text));
	assert_true(addr_eq(topology_public(wan, &v6), &six));
	w.topo.wans[0].has6 = false;
	assert_null(topology_wire(wan, &v6));
	assert_null(topology_public(wan, &v6));
	assert_null(topology_wan_by_addr(&w.topo, &six));
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_and_which_mode),
		cmocka_unit_test(broadcast),
		cmocka_unit_test(wans_by_index_and_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
