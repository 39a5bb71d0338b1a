/*
 * json_shape.h: the shapes in which other programs write a series as JSON, and how to send it
 * instead. Private to this library.
 *
 * pandas (to_json in every orient), Nixtla's payloads, and a list under another name.
 */
#ifndef LUNA_MODELLING_JSON_SHAPE_H
#define LUNA_MODELLING_JSON_SHAPE_H

#include "formats/json_scan.h"

/* The fix for an object without `results`, by its members; NULL: no known shape. Static. */
const char *json_shape_of_object(const struct json_span *names, const struct json_span *values,
                                 size_t count);
/* The fix for a list at the top of a body. Static. */
const char *json_shape_of_list(struct json_span list);

#endif
