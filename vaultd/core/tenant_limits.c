#include "vaultd/core/tenant_limits.h"

#include "protocol/text.h"
#include "vaultd/core/lockout.h"

/* Where a class's limit stands in the record. */
struct place {
	struct vault_opt_int *rate, *burst;
};

static void
places_of(struct tenant_record *r, struct place places[static LIMIT_CLASSES])
{
	places[CLASS_HOT] = (struct place){ &r->hot_rate, &r->hot_burst };
	places[CLASS_READ] = (struct place){ &r->read_rate, &r->read_burst };
	places[CLASS_WRITE] = (struct place){ &r->write_rate, &r->write_burst };
	places[CLASS_ADMIN] = (struct place){ &r->admin_rate, &r->admin_burst };
}

const struct limit_plan *
tenant_plan(const struct vault_settings *settings, struct vault_text name)
{
	for (size_t i = 0; i < settings->plan_count; i++)
		if (text_is(name, settings->plans[i].name))
			return &settings->plans[i];
	return NULL;
}

void
tenant_limits_put(struct tenant_record *record, const struct tenant_limits *limits)
{
	const struct rate_limit *given[LIMIT_CLASSES] = { 0 };
	struct place places[LIMIT_CLASSES];

	if (limits != NULL) {
		given[CLASS_HOT] = limits->hot;
		given[CLASS_READ] = limits->read;
		given[CLASS_WRITE] = limits->write;
		given[CLASS_ADMIN] = limits->admin;
	}
	places_of(record, places);
	for (unsigned i = 0; i < LIMIT_CLASSES; i++) {
		*places[i].rate = (struct vault_opt_int){ 0 };
		*places[i].burst = (struct vault_opt_int){ 0 };
		if (given[i] == NULL)
			continue;
		*places[i].rate = (struct vault_opt_int){ given[i]->rate, true };
		*places[i].burst = given[i]->burst;
	}
}

void
tenant_source_put(struct tenant_record *record, const struct source_limit *limit)
{
	if (limit == NULL) {
		record->source_failures = record->source_window = record->source_block =
			record->source_enabled = (struct vault_opt_int){ 0 };
		return;
	}
	record->source_failures = (struct vault_opt_int){ limit->failures.v, true };
	record->source_window = (struct vault_opt_int){ limit->window.v, true };
	record->source_block = (struct vault_opt_int){ limit->block.v, true };
	record->source_enabled = (struct vault_opt_int){ limit->enabled.v, true };
}

enum vault_err
tenant_limits_show(struct op *op, const struct tenant_record *record,
		   const struct tenant_limits **limits)
{
	struct tenant_record copy = *record;
	struct tenant_limits *out = scratch_alloc(op->scratch, sizeof *out);
	struct rate_limit *rates = scratch_alloc(op->scratch, LIMIT_CLASSES * sizeof *rates);
	const struct rate_limit *shown[LIMIT_CLASSES] = { 0 };
	struct place places[LIMIT_CLASSES];
	bool any = false;

	if (out == NULL || rates == NULL)
		return VAULT_BUSY;
	places_of(&copy, places);
	for (unsigned i = 0; i < LIMIT_CLASSES; i++) {
		if (!places[i].rate->set)
			continue;
		rates[i] = (struct rate_limit){ places[i].rate->v, *places[i].burst };
		if (rates[i].burst.v == 0)
			rates[i].burst = (struct vault_opt_int){ rates[i].rate, true };
		shown[i] = &rates[i];
		any = true;
	}
	*out = (struct tenant_limits){ shown[CLASS_HOT], shown[CLASS_READ], shown[CLASS_WRITE],
				       shown[CLASS_ADMIN] };
	*limits = any ? out : NULL;
	return VAULT_OK;
}

enum vault_err
tenant_source_show(struct op *op, const struct tenant_record *record,
		   const struct source_limit **limit)
{
	struct source_limit *out = scratch_alloc(op->scratch, sizeof *out);
	bool set = record->source_failures.set;

	if (out == NULL)
		return VAULT_BUSY;
	*out = (struct source_limit){
		.failures = { set ? record->source_failures.v : SOURCE_FAILURES, true },
		.window = { set ? record->source_window.v : SOURCE_WINDOW, true },
		.block = { set ? record->source_block.v : SOURCE_BLOCK, true },
		.enabled = { !set || record->source_enabled.v != 0, true },
	};
	*limit = out;
	return VAULT_OK;
}

void
tenant_limits_resolve(const struct vault_settings *settings, const struct tenant_record *record,
		      struct tenant *tenant)
{
	const struct limit_plan *plan = tenant_plan(settings, record->plan);
	struct tenant_record copy = *record;
	struct place places[LIMIT_CLASSES];

	places_of(&copy, places);
	for (unsigned i = 0; i < LIMIT_CLASSES; i++) {
		if (places[i].rate->set)
			tenant->limits[i] = (struct limit_rate){ (uint32_t)places[i].rate->v,
								 (uint32_t)places[i].burst->v };
		else if (plan != NULL && plan->given[i])
			tenant->limits[i] = plan->rates[i];
		else
			tenant->limits[i] = limit_defaults[i];
	}
	tenant->source_rule = LOCKOUT_SOURCE_DEFAULT;
	if (record->source_failures.set)
		tenant->source_rule = (struct lockout_rule){ (unsigned)record->source_failures.v,
							     record->source_window.v * 1000,
							     record->source_block.v * 1000 };
	if (record->source_failures.set && record->source_enabled.v == 0)
		tenant->source_rule.failures = 0;
	tenant->key_lockout = record->key_lockout.set ? (enum key_lockout)record->key_lockout.v
						      : key_lockout_pair;
}
