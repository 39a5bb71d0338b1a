/* The table of kinds: who builds what. */
#include "model_system.h"

extern const struct model_builder model_builder_level;  /* model_level.c */
extern const struct model_builder model_builder_custom; /* model_custom.c */

static const struct model_builder *const builders[KALMAN_KIND_COUNT] = {
    [KALMAN_LOCAL_LEVEL] = &model_builder_level,
    [KALMAN_CUSTOM] = &model_builder_custom,
};

const struct model_builder *model_builder_for(enum kalman_kind kind)
{
    return (unsigned)kind < KALMAN_KIND_COUNT ? builders[kind] : NULL;
}
