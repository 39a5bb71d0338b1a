/*
 * model.h: the models that requests may name, by number, for tables of counters.
 */
#ifndef LUNA_MODELLING_MODEL_H
#define LUNA_MODELLING_MODEL_H

/* The name of model `number`, from 0; NULL when there is no such model. Static storage. */
const char *luna_model_name(int number);

/* The number of the model with this name or alias; -1 when there is no such model. */
int luna_model_number(const char *name);

#endif
