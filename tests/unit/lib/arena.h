/*
 * An arena of a test's own, as the state that cmocka hands to it.
 */
#ifndef TEST_ARENA_H
#define TEST_ARENA_H

/* For cmocka_unit_test_setup_teardown and cmocka_run_group_tests; the end sees that all was freed. */
int arena_setup(void **state);
int arena_teardown(void **state);

#endif
