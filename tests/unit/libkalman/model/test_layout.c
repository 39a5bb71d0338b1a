/* The numbers of the catalogue's rows stand for its names: a builder that reads the wrong row makes
 * a wrong model without an error. */
#include "model/layout.h"
#include "support.h"

#include <kalman/spec.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const setting_names[SETTING_ID_COUNT] = {
    [SETTING_PERIOD] = "period",
    [SETTING_HARMONICS] = "harmonics",
    [SETTING_AR_ORDER] = "p",
    [SETTING_DIFFERENCES] = "d",
    [SETTING_MA_ORDER] = "q",
    [SETTING_SEASONAL_AR_ORDER] = "P",
    [SETTING_SEASONAL_DIFFERENCES] = "D",
    [SETTING_SEASONAL_MA_ORDER] = "Q",
    [SETTING_MEAN] = "mean",
    [SETTING_TREND] = "trend",
    [SETTING_DAMPED] = "damped",
};

static const char *const parameter_names[PARAMETER_ID_COUNT] = {
    [PARAMETER_OBSERVATION_VARIANCE] = "observation_variance",
    [PARAMETER_LEVEL_VARIANCE] = "level_variance",
    [PARAMETER_SLOPE_VARIANCE] = "slope_variance",
    [PARAMETER_SEASONAL_VARIANCE] = "seasonal_variance",
    [PARAMETER_CYCLE_VARIANCE] = "cycle_variance",
    [PARAMETER_INNOVATION_VARIANCE] = "innovation_variance",
    [PARAMETER_ACCELERATION_VARIANCE] = "acceleration_variance",
    [PARAMETER_JERK_VARIANCE] = "jerk_variance",
    [PARAMETER_DAMPING] = "damping",
    [PARAMETER_CYCLE_PERIOD] = "cycle_period",
    [PARAMETER_ALPHA] = "alpha",
    [PARAMETER_BETA] = "beta",
    [PARAMETER_GAMMA] = "gamma",
    [PARAMETER_AR] = "ar",
    [PARAMETER_MA] = "ma",
    [PARAMETER_SEASONAL_AR] = "seasonal_ar",
    [PARAMETER_SEASONAL_MA] = "seasonal_ma",
};

/* Settings that tell every row of a kind from the others: 1, 2, 3 .., or all off. */
static struct kalman_spec spec_with(const struct kalman_kind_info *info, bool on)
{
    struct kalman_spec spec;
    kalman_spec_init(&spec, info->kind);
    for (int i = 0; info->settings[i].name; i++)
        spec.settings[i] = on ? i + 1 : 0;
    return spec;
}

/* The value of a setting by its name, by the catalogue alone. */
static int named(const struct kalman_kind_info *info, const struct kalman_spec *spec,
                 const char *name)
{
    for (int i = 0; info->settings[i].name; i++)
        if (strcmp(info->settings[i].name, name) == 0)
            return spec->settings[i];
    fail_msg("%s has no setting %s", info->name, name);
    return 0;
}

static void check_kind(const struct kalman_kind_info *info, bool on)
{
    struct kalman_spec spec = spec_with(info, on);
    struct spec_layout layout;
    size_t at = 0, row = 0;
    assert_int_equal(layout_resolve(&spec, &layout), KALMAN_OK);
    for (int id = 0; id < SETTING_ID_COUNT; id++)
        if (layout.setting[id] != 0)
            assert_int_equal(layout.setting[id], named(info, &spec, setting_names[id]));
    for (int i = 0; on && info->settings[i].name; i++) {
        int found = 0;
        for (int id = 0; id < SETTING_ID_COUNT; id++)
            found += layout.setting[id] == i + 1;
        assert_int_equal(found, 1);
    }
    for (const struct kalman_parameter_info *p = info->parameters; p->name; p++, row++) {
        int count = p->length ? named(info, &spec, p->length) : 1;
        if (p->enabled_by && named(info, &spec, p->enabled_by) == 0)
            count = 0;
        assert_string_equal(parameter_names[layout.parameters[row].id], p->name);
        assert_ptr_equal(layout.parameters[row].info, p);
        assert_int_equal(layout.parameters[row].at, at);
        assert_int_equal(layout.parameters[row].count, count);
        assert_int_equal(layout_at(&layout, (enum parameter_id)layout.parameters[row].id), at);
        at += (size_t)count;
    }
    assert_int_equal(layout.parameter_count, row);
    assert_int_equal(layout.length, at);
}

static void numbers_stand_for_the_names_of_the_catalogue(void **state)
{
    (void)state;
    const struct kalman_kind_info *info = NULL;
    for (size_t i = 0; (info = kalman_kind_at(i)) != NULL; i++) {
        check_kind(info, true);
        check_kind(info, false);
    }
}

static void a_parameter_that_a_kind_lacks_reads_as_zero(void **state)
{
    (void)state;
    struct kalman_spec spec;
    struct spec_layout layout;
    kalman_spec_init(&spec, KALMAN_SMOOTH_TREND);
    assert_int_equal(layout_resolve(&spec, &layout), KALMAN_OK);
    assert_int_equal(layout_count(&layout, PARAMETER_LEVEL_VARIANCE), 0);
    assert_true(layout_value(&layout, &spec, PARAMETER_LEVEL_VARIANCE) == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_for_the_names_of_the_catalogue),
        cmocka_unit_test(a_parameter_that_a_kind_lacks_reads_as_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
